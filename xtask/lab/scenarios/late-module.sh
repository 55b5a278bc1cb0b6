# about: nfsgrace starts before the modules of nfsd and of the NFS client are loaded
# expect: nfsdcld-not-running backoff-tail?
# expect 5.10 6.1 6.12: healthy
# stall: yes
# stall 5.10 6.1 6.12: no

watch_start
server_start
mount_nfs
open_file after
wait_grace_over
watch_stop
