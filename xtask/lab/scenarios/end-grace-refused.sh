# about: somebody tries the usual way out of the hang, v4_end_grace, which is refused without a tracker
# expect: nfsdcld-not-running end-grace-refused backoff-tail?
# expect 5.10 6.1 6.12: legacy-dir-missing end-grace-refused backoff-tail?
# stall: yes

modules_load
remove_nfsdcltrack
remove_recovery_dir
server_start
mount_nfs
wait_grace_over
open_file before
watch_start
server_restart
open_file after &
opening=$!
sleep 3
try_to_end_grace
wait $opening
wait_grace_over
watch_stop
