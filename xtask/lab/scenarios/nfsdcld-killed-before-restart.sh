# about: nfsdcld ran when the server started, and is gone when it restarts
# expect: nfsdcld-not-running backoff-tail?
# expect 5.10 6.1 6.12: healthy
# stall: yes
# stall 5.10 6.1 6.12: no

modules_load
nfsdcld_start
server_start
mount_nfs
open_file before
watch_start
server_stop
nfsdcld_stop
server_start
open_file after
wait_grace_over
watch_stop
