# about: nfsgrace sees only the client; the server, without nfsdcld, is another machine
# guests: 2
# server: 6.18
# expect: nfsdcld-not-running|… backoff-tail?
# stall: yes

wait_server
on_server server_start
mount_nfs
on_server wait_grace_over
open_file before
watch_start
on_server server_restart
open_file after
on_server wait_grace_over
watch_stop
