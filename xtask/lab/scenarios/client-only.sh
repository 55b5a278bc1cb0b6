# about: the server, without nfsdcld, is another machine; nfsgrace watches the client, and both sessions together tell why
# guests: 2
# server: 6.18
# expect: nfsdcld-not-running|… backoff-tail?
# stall: yes
#
# The client alone can name several causes; the server's session says which.

wait_server
on_server server_start
mount_nfs
on_server wait_grace_over
open_file before
clock_start
on_server record_start
watch_start
on_server server_restart
open_file after
on_server wait_grace_over
watch_stop
on_server record_stop
clock_stop
fetch $SERVER session.ndjson session-server.ndjson
