# about: nfsdcld runs, but the client speaks NFSv4.0, which cannot say that it has reclaimed all
# expect: client-minor-version-0 backoff-tail?
# stall: yes

modules_load
nfsdcld_start
server_start
VERS=4.0
mount_nfs
open_file before
watch_start
server_restart
open_file after
wait_grace_over
watch_stop
