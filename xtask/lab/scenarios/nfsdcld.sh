# about: nfsdcld runs: the only client reclaims, and the grace period ends at once
# expect: healthy

modules_load
nfsdcld_start
server_start
mount_nfs
open_file before
watch_start
server_restart
open_file after
wait_grace_over
watch_stop
