# The independent witness: what ftrace, in an instance of its own, saw of the same events as nfsgrace.
WITNESS=/sys/kernel/tracing/instances/lab

witness_start() {
  mkdir $WITNESS || fail 'no ftrace instance'
  echo 16384 >$WITNESS/buffer_size_kb
  echo boot >$WITNESS/trace_clock
  local line
  while read -r line; do
    case $line in
      \#*) ;;
      # Some functions do not exist in all kernels.
      *) echo "$line" >>/sys/kernel/tracing/kprobe_events || say "the witness does without: $line" ;;
    esac
  done </lab/probes 2>/dev/null
  # Only what can be a poll of nfsdcld's pipe, a refusal, or a client's backoff (100 ms doubling, at most 15 s; HZ=250).
  echo 'ms == 100' >$WITNESS/events/labwitness/msleep/filter
  echo 'err == -10013 || err == -10008' >$WITNESS/events/labwitness/exception/filter
  echo 'jiffies == 25 || jiffies == 50 || jiffies == 100 || jiffies == 200 || jiffies == 400 || jiffies == 800 ||
    jiffies == 1600 || jiffies == 3200 || jiffies == 3750' | tr '\n' ' ' >$WITNESS/events/labwitness/sleep/filter
  echo 1 >$WITNESS/events/labwitness/enable
  witness_client
}

# The kernel's own event for errors in replies comes with the client's module: mount_nfs calls this as well.
witness_client() {
  local event=$WITNESS/events/nfs4/nfs4_xdr_status
  [ -e $event/enable ] || return 0
  echo 'error == 10013 || error == 10008' >$event/filter
  echo 1 >$event/enable
}

witness_stop() {
  echo 0 >$WITNESS/events/labwitness/enable
  [ ! -e $WITNESS/events/nfs4 ] || echo 0 >$WITNESS/events/nfs4/enable
  cat $WITNESS/trace >$RES/ftrace
  cat $WITNESS/per_cpu/cpu0/stats >$RES/ftrace.stats
  cat /sys/kernel/tracing/kprobe_profile >$RES/ftrace.profile
}
