# about: several hundred tasks open files during a grace period
# expect: nfsdcld-not-running backoff-tail?
# expect 5.10 6.1 6.12: legacy-dir-missing backoff-tail?
# stall: yes
# crowd: yes

modules_load
remove_nfsdcltrack
remove_recovery_dir
server_start
mount_nfs
wait_grace_over
open_file before
watch_start
make_files 300 flood
server_restart
open_many 300 100 flood
wait_grace_over
watch_stop
