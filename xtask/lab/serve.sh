# A guest that does not run the steps: does what on_server or on_second sends, and gives away its results, until it is
# dismissed.
cat >/lab/answer <<'ANSWER'
#!/bin/sh
. /lab/lib.sh
read -r command
(eval "$command") >/dev/console 2>&1 && echo done || echo failed
ANSWER
cat >/lab/give <<'GIVE'
#!/bin/sh
read -r file
exec cat /lab/res/"$file"
GIVE
chmod +x /lab/answer /lab/give
[ "$ROLE" = server ] && lab-clock serve 0.0.0.0:7002 &
nc -ll -p 7001 -e /lab/give &
exec nc -ll -p 7000 -e /lab/answer
