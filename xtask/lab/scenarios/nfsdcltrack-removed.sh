# about: no nfsdcld and no nfsdcltrack: the recovery directory works, but cannot end a grace period early
# expect 5.10 6.1 6.12: umh-helper-failed backoff-tail?
# expect: nfsdcld-not-running backoff-tail?
# stall: yes
# skip 6.18 7.x: these kernels have no tracker but nfsdcld, so it is no-nfsdcld again

modules_load
remove_nfsdcltrack
server_start
mount_nfs
wait_grace_over
open_file before
watch_start
server_restart
open_file after
wait_grace_over
watch_stop
