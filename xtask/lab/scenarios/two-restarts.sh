# about: the server restarts twice within seconds, each time without nfsdcld
# expect: nfsdcld-not-running backoff-tail?
# expect 5.10 6.1 6.12: healthy
# stall: yes
# stall 5.10 6.1 6.12: maybe

modules_load
server_start
mount_nfs
wait_grace_over
open_file before
watch_start
server_restart
open_file between &
opening=$!
server_restart
open_file after
wait $opening
wait_grace_over
watch_stop
