# about: no nfsdcld, no nfsdcltrack, and no recovery directory
# expect: nfsdcld-not-running backoff-tail?
# expect 5.10 6.1 6.12: legacy-dir-missing backoff-tail?
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
open_file after
wait_grace_over
watch_stop
