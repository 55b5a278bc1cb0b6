# about: nfsd runs in a network namespace of its own, without nfsdcld
# expect: netns-no-tracker backoff-tail?
# stall: yes

modules_load
second_client
on_other server_start
SERVER=10.9.0.2
mount_nfs
on_other wait_grace_over
open_file before
watch_start
on_other server_restart
open_file after
on_other wait_grace_over
watch_stop
