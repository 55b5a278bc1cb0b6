# The server's guest, when there are two: runs what on_server sends, until it is dismissed.
cat >/lab/answer <<'ANSWER'
#!/bin/sh
. /lab/lib.sh
read -r command
(eval "$command") >/dev/console 2>&1 && echo done || echo failed
ANSWER
chmod +x /lab/answer
exec nc -ll -p 7000 -e /lab/answer
