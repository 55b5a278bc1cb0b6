# about: rpc_pipefs is not mounted when the server restarts, so nfsdcld has no pipe to hold
# expect: rpc-pipefs-missing backoff-tail?
# expect 5.10 6.1 6.12: healthy
# stall: yes
# stall 5.10 6.1 6.12: no

modules_load
server_start
mount_nfs
wait_grace_over
open_file before
watch_start
server_stop
pipefs_unmount
server_start
open_file after
wait_grace_over
watch_stop
