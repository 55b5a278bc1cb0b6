# about: a server without nfsdcld restarts, and nobody has mounted anything
# expect: nfsdcld-not-running
# expect 5.10 6.1 6.12: healthy
# stall: no

modules_load
server_start
wait_grace_over
watch_start
server_restart
wait_grace_over
watch_stop
