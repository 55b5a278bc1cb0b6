# about: a server and two clients, each with a wrong and drifting clock of its own, all recorded
# guests: 3
# server: 6.18
# server 6.1: 7.x
# second: 5.10
# hours: +5 -3 11
# expect: nfsdcld-not-running|… backoff-tail?
# stall: yes
# skip 5.10: it is the second client of the other runs
# skip 6.18 7.x: they are the servers

wait_server
wait_second
on_server 'drift 180; server_start'
drift -90
mount_nfs
on_second 'drift 60; mount_nfs'
on_server wait_grace_over
open_file before
on_second 'open_file before-second'
clock_start
on_second clock_start
on_server record_start
on_second record_start
watch_start
on_server server_restart
on_second 'open_file after-second' &
opening=$!
open_file after
wait $opening || fail 'the second client could not open its file'
on_server wait_grace_over
watch_stop
on_second record_stop
on_server record_stop
clock_stop
fetch $SERVER session.ndjson session-server.ndjson
fetch $SECOND session.ndjson session-second.ndjson
fetch $SECOND clock clock-second
