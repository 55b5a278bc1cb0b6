# about: nobody holds nfsdcld's pipe when the server restarts
# expect: nfsdcld-not-running backoff-tail?
# expect 5.10 6.1 6.12: healthy
# stall: yes
# stall 5.10 6.1 6.12: no
#
# Up to 6.12 Debian's kernels fall back to the helper nfsdcltrack, which ends the grace period.

modules_load
server_start
mount_nfs
wait_grace_over
open_file before
watch_start
server_restart
open_file after
wait_grace_over
watch_stop
