# about: server and client are watched together, live: the server over ssh, with a real sshd
# guests: 2
# server: 6.18
# ssh: yes
# expect: nfsdcld-not-running|… backoff-tail?
# stall: yes
# skip 5.10 6.1 7.x: what a client's kernel can be asked for is tried with two recorded sessions (client-only, paired)
#
# Beside the view of the client alone, which is compared with the witness as ever.

wait_server
on_server 'server_start; sshd_start'
mount_nfs
on_server wait_grace_over
open_file before
together_start local ssh://root@$SERVER
watch_start
on_server server_restart
open_file after
on_server wait_grace_over
watch_stop
together_stop
