# about: nfsdcld runs, but remembers a second client, which is gone for good when the server restarts
# expect: client-never-returned backoff-tail?
# stall: yes

modules_load
nfsdcld_start
server_start
mount_nfs
open_file before
second_client
on_other 'SERVER=10.9.0.1; mount_nfs; open_file other'
watch_start
ip link delete lab0
server_restart
open_file after
wait_grace_over
watch_stop
