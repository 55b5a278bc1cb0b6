# about: the flight recorder is killed in the middle of a grace period, while watch goes on
# expect: nfsdcld-not-running backoff-tail?
# expect 5.10 6.1 6.12: legacy-dir-missing backoff-tail?
# stall: yes
#
# What the recorder left (recorded.ndjson.zst), and the report of it, is compared with what watch recorded up to the kill.

modules_load
remove_nfsdcltrack
remove_recovery_dir
server_start
mount_nfs
wait_grace_over
open_file before
watch_start
recorder_start
server_restart
open_file after &
opening=$!
wait_for 20 watch_printed NFS4ERR_GRACE
# A few refusals more, and the moment that a line takes to be seen by both.
sleep 3
recorder_kill
wait $opening
wait_grace_over
watch_stop
