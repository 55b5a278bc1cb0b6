# about: a task removes a file during a grace period
# expect: nfsdcld-not-running backoff-tail?
# expect 5.10 6.1 6.12: legacy-dir-missing backoff-tail?
# stall: yes
#
# In a directory of its own, which the task locks for as long as it waits.

modules_load
remove_nfsdcltrack
remove_recovery_dir
server_start
mount_nfs
wait_grace_over
open_file before
watch_start
mkdir /export/dir
: >/export/dir/unwanted
server_restart
client_recovers
rm /mnt/dir/unwanted &
removing=$!
open_file after
wait $removing || fail 'the file is not removed'
wait_grace_over
watch_stop
