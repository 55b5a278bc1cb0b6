# about: idle
# expect: healthy
server_start
mount_nfs
wait_grace_over
open_file before
record_start
sleep 20
stat_of() { cat /proc/$RECORDER/stat | cut -d' ' -f14,15; grep -h ctxt /proc/$RECORDER/task/*/status; grep -E 'VmHWM|VmRSS|Threads' /proc/$RECORDER/status; ls -l $RES/recorded.ndjson.zst; cat /proc/uptime; }
stat_of
sleep 130
stat_of
kill -INT $RECORDER; wait $RECORDER; cat $RES/recorded.log
watch_start
watch_stop
