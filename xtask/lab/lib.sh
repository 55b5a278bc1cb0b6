# What scenarios are made of. Each function is one step; docs/adding-a-scenario.md explains the common ones.
# A step that fails ends the scenario: `fail` says why.
. /lab/settings.sh
. /lab/witness.sh
RES=/lab/res
NFSD=/proc/fs/nfsd
SERVER=127.0.0.1
CLIENT=127.0.0.1
SECOND=10.0.1.2
[ "$ROLE" = client ] && SERVER=10.0.0.1 CLIENT=10.0.0.2
[ "$ROLE" = second ] && SERVER=10.0.1.1 CLIENT=$SECOND
# 4.1 unless a scenario says otherwise; clientaddr because a guest without network has no other.
VERS=4.1

# Starting a command takes an emulated guest long: what waits in a loop uses the shell's own commands, as reading for so many
# seconds from where nothing comes.
[ -p /tmp/nothing ] || mkfifo /tmp/nothing
pause() { read -rt "$1" _ <>/tmp/nothing || true; }
uptime_is() { read -r UPTIME _ </proc/uptime; }
say() { uptime_is; echo "[$UPTIME] $*"; }
fail() { say "FAILED: $*"; echo "$*" >$RES/failed; exit 1; }

# wait_for SECONDS COMMAND…: until COMMAND succeeds. Asks every $PAUSE seconds.
PAUSE=0.2
wait_for() {
  local seconds=$1 end; shift
  uptime_is
  end=$((${UPTIME%.*} + seconds))
  until "$@" >/dev/null 2>&1; do
    uptime_is
    [ "${UPTIME%.*}" -le "$end" ] || fail "waited $seconds s in vain for: $*"
    pause "$PAUSE"
  done
}

# modules_load [MODULE…]: those of server and client. The first step of nearly every scenario: they share what it takes.
modules_load() {
  local module
  for module in ${*:-nfsd nfsv4}; do
    [ -e /sys/module/$module ] || modprobe $module || fail "no module $module"
  done
}

# --- the server

# File systems and settings that nfsd needs; server_start does it.
server_prepare() {
  [ -e $NFSD/threads ] && return
  modules_load nfsd
  grace_trace
  pipefs_mount
  mount -t nfsd nfsd $NFSD
  echo "$GRACE" >$NFSD/nfsv4leasetime
  echo "$GRACE" >$NFSD/nfsv4gracetime
  grep -q ' /export ' /proc/mounts || mount -t tmpfs export /export
  chmod 777 /export
  exportfs -o rw,fsid=0,no_root_squash,insecure,no_subtree_check,sync '*:/export' 2>/dev/null
}
pipefs_mount() { mount -t rpc_pipefs rpc_pipefs /var/lib/nfs/rpc_pipefs; }
pipefs_unmount() { umount /var/lib/nfs/rpc_pipefs || fail 'rpc_pipefs is busy'; }

# No NFSv3: it would need rpcbind.
server_start() {
  server_prepare
  say 'nfsd starts'
  rpc.nfsd -N 3 8 || fail 'rpc.nfsd'
  pidof rpc.mountd >/dev/null || rpc.mountd -N 3
  say 'nfsd runs'
}
server_stop() { rpc.nfsd 0 || fail 'rpc.nfsd 0'; say 'nfsd is stopped'; }
server_restart() { server_stop; server_start; }

# v4_end_grace reads Y while nfsd still waits for nfsdcld to note the end, and refuses every open. What clients see is whether
# the kernel has called locks_end_grace since the last start, and that only a trace tells.
GRACE_TRACE=/sys/kernel/tracing/instances/grace
grace_trace() {
  [ ! -e $GRACE_TRACE ] || return 0
  mkdir $GRACE_TRACE
  echo 64 >$GRACE_TRACE/buffer_size_kb
  echo 'p:labgrace/begins grace:locks_start_grace' >>/sys/kernel/tracing/kprobe_events
  echo 'p:labgrace/ends grace:locks_end_grace' >>/sys/kernel/tracing/kprobe_events
  echo 1 >$GRACE_TRACE/events/labgrace/enable || fail 'nothing tells when a grace period ends'
}
grace_is_over() {
  read -r ENDED <$NFSD/v4_end_grace && [ "$ENDED" = Y ] || return
  case $(tail -n 1 $GRACE_TRACE/trace) in
    *' ends: '*) ;;
    *) return 1 ;;
  esac
}
# A grace period may be prolonged to twice its length.
wait_grace_over() { PAUSE=1 wait_for $((GRACE * 2 + 10)) grace_is_over; say 'the grace period is over'; }
try_to_end_grace() {
  if echo Y >$NFSD/v4_end_grace; then say 'v4_end_grace: accepted'; else say 'v4_end_grace: refused'; fi
}

# --- trackers

nfsdcld_start() {
  server_prepare
  nfsdcld -F -d >$RES/nfsdcld.log 2>&1 &
  wait_for 10 nfsdcld_is_ready
}
# It waits for its pipe, which is there only while nfsd tries to reach it.
nfsdcld_is_ready() { grep -q 'Starting event dispatch handler' $RES/nfsdcld.log; }
nfsdcld_stop() { kill "$(pidof nfsdcld)"; wait_for 10 nfsdcld_is_gone; }
nfsdcld_is_gone() { ! pidof nfsdcld; }
remove_nfsdcltrack() { rm /sbin/nfsdcltrack; }
remove_recovery_dir() { rmdir /var/lib/nfs/v4recovery; }

# --- the client

mount_nfs() {
  modules_load nfsv4
  witness_client
  mount -t nfs4 -o "vers=$VERS,clientaddr=$CLIENT" $SERVER:/ /mnt ||
    fail 'mount'
}

# Uses the mount, so that the client has a session with the server again: else the first open takes that long, too.
client_recovers() { ls /mnt >/tmp/ls.$$; }

# open_file NAME…: opens /mnt/NAME, one after the other, and notes how long each took.
open_file() {
  local name
  client_recovers
  for name in "$@"; do
    lab-open "/mnt/$name" >/tmp/open-"$name" || say "opening $name failed"
    cat /tmp/open-"$name" >>$RES/opens
    say "open: $(cat /tmp/open-"$name")"
  done
}

# open_many TASKS RATE NAME: TASKS tasks, RATE new ones a second, open /mnt/NAME-1, /mnt/NAME-2, … for reading.
# The files must exist (make_files): tasks that create files in one directory would wait for each other.
open_many() {
  client_recovers
  lab-open --read --tasks "$1" --rate "$2" "/mnt/$3" >>$RES/opens || say 'some opens failed'
  say "$1 tasks opened files"
}
# make_files COUNT NAME: on the server.
make_files() {
  local number=0
  while [ $number -lt "$1" ]; do
    number=$((number + 1))
    : >"/export/$2-$number"
  done
}

# --- nfsgrace

# Starts nfsgrace, waits until it watches, and starts the witness: of two probes of one function the later one runs first,
# and the witness takes less time than nfsgrace.
watch_start() {
  # Where nfsgrace prints: the host reads the other end of this line.
  stty -F /dev/ttyS1 raw -echo
  local command="exec nfsgrace watch --record $RES/session.ndjson $ARGUMENTS"
  uptime_is && echo "$UPTIME" >$RES/started
  if [ "$COLUMNS" -gt 0 ]; then
    stty -F /dev/ttyS1 cols "$COLUMNS" rows "$ROWS"
    TERM=xterm-256color SHELL=/bin/sh script -qefc "$command" $RES/stdout </dev/ttyS1 >/dev/ttyS1 2>&1 &
  else
    mkfifo /tmp/nfsgrace.out
    lab-relay $RES/stdout </tmp/nfsgrace.out >/dev/ttyS1 &
    eval "($command)" >/tmp/nfsgrace.out 2>&1 &
  fi
  WATCH=$!
  wait_for 60 watch_is_ready_or_gone
  watch_is_ready || { wait $WATCH; echo $? >$RES/exit; fail "nfsgrace ended early: $(cat $RES/stdout)"; }
  uptime_is && echo "$UPTIME" >$RES/ready
  witness_start
  uptime_is && echo "$UPTIME" >$RES/witnessed
  say 'nfsgrace watches'
}
watch_is_ready() { grep -aEq '^([0-9]+ )?watching' $RES/stdout; }
watch_is_ready_or_gone() { watch_is_ready || ! kill -0 $WATCH; }

# Ends nfsgrace as Ctrl-C would, and keeps its exit status and the most memory that it had.
watch_stop() {
  local pid
  pid=$(pidof nfsgrace)
  if [ -n "$pid" ]; then
    grep -E 'VmHWM|VmRSS' "/proc/${pid%% *}/status" >$RES/memory
    kill -INT $pid
  else
    say 'nfsgrace is gone already'
  fi
  (sleep 30; kill -KILL $pid) 2>/dev/null &
  wait $WATCH
  echo $? >$RES/exit
  kill $! 2>/dev/null
  say "nfsgrace ended with status $(cat $RES/exit)"
  witness_stop
}

watch_printed() { grep -aq "$1" $RES/stdout; }

# recorder_start ARGUMENT…: a flight recorder beside nfsgrace watch.
recorder_start() {
  nfsgrace record -o $RES/recorded.ndjson.zst "$@" 2>$RES/recorded.log &
  RECORDER=$!
  wait_for 60 recorder_is_ready_or_gone
  recorder_is_ready || fail "the recorder ended early: $(cat $RES/recorded.log)"
  say 'the recorder records'
}
recorder_is_ready() { grep -q '^nfsgrace: recording to' $RES/recorded.log; }
recorder_is_ready_or_gone() { recorder_is_ready || ! kill -0 $RECORDER; }

# With no chance to close its file.
recorder_kill() {
  uptime_is && echo "$UPTIME" >$RES/killed
  kill -KILL $RECORDER
  wait $RECORDER
  say 'the recorder is killed'
}

# --- a second client, in a network namespace of this guest

# Its own host name, else the server would take the two for one.
second_client() {
  modprobe veth
  unshare --net --uts --mount sh -c 'hostname other; ip link set lo up; echo $$ >/tmp/other; exec sleep 100000' &
  wait_for 10 test -s /tmp/other
  OTHER=$(cat /tmp/other)
  # busybox cannot name the other end; the kernel calls it veth0.
  ip link add lab0 type veth || fail 'no veth'
  ip link set veth0 netns "$OTHER"
  ip addr add 10.9.0.1/24 dev lab0
  ip link set lab0 up
  on_other 'ip addr add 10.9.0.2/24 dev veth0; ip link set veth0 up'
}
on_other() { nsenter --target "$OTHER" --net --uts --mount sh -c ". /lab/lib.sh; $*"; }

# --- ssh, where the scenario's head says so

# sshd for root's key, which every guest has.
sshd_start() {
  mkdir -p /run/sshd
  chmod 700 /root/.ssh
  /usr/sbin/sshd -E $RES/sshd.log || fail 'sshd'
  wait_for 10 test -s /run/sshd.pid
}

# together_start SOURCE…: nfsgrace watches several hosts, beside the one that the witness is compared with; what it prints
# is kept as $RES/together, what it sees as $RES/together.ndjson.
together_start() {
  nfsgrace watch "$@" --record $RES/together.ndjson </dev/null >$RES/together 2>&1 &
  TOGETHER=$!
  # Both hosts have said who they are.
  wait_for 60 sh -c "[ \$(grep -c ' is .*, kernel ' $RES/together) -ge $# ]"
}
together_stop() {
  kill -INT $TOGETHER
  wait $TOGETHER
  say "nfsgrace ended with status $?"
}

# --- several guests

# on_server COMMAND…: runs it in the server's guest, and waits for its end; on_second: in the second client's.
on_server() { on_guest $SERVER "$*"; }
on_second() { on_guest $SECOND "$*"; }
on_guest() {
  local address=$1 answer; shift
  answer=$(echo "$*" | nc -w 60 $address 7000 | tail -n 1)
  [ "$answer" = done ] || fail "$address did not: $*"
}
guest_answers() { echo true | nc -w 2 "$1" 7000 | grep -q done; }
wait_server() { modules_load nfsv4; wait_for 120 guest_answers $SERVER; }
wait_second() { wait_for 120 guest_answers $SECOND; }

# fetch ADDRESS FILE NAME: FILE of the results of the guest at ADDRESS, into the results of this one as NAME.
fetch() { echo "$2" | nc -w 60 "$1" 7001 >$RES/"$3" && [ -s $RES/"$3" ] || fail "$1 has no $2"; }

# drift PPM: lets this guest's clocks run faster by PPM millionths, or slower (by 500 at most: the kernel takes more for 500).
drift() {
  [ "$1" -ge -500 ] && [ "$1" -le 500 ] || fail "drift by $1 millionths: more than 500"
  adjtimex -f $(($1 * 65536)) >/dev/null || fail 'adjtimex'
}

# nfsgrace in a guest that nobody looks at: only its session is of interest.
record_start() {
  nfsgrace watch --record $RES/session.ndjson </dev/null >$RES/stdout 2>&1 &
  wait_for 60 watch_is_ready
}
record_stop() {
  kill -INT "$(pidof nfsgrace)"
  wait_for 30 nfsgrace_is_gone
}
nfsgrace_is_gone() { ! pidof nfsgrace; }

# The true difference of this guest's clock and the server's: lab-clock asks all the while, into $RES/clock.
clock_start() { lab-clock ask $SERVER:7002 </dev/null >$RES/clock 2>/tmp/clock.errors & wait_for 20 test -s $RES/clock; }
clock_stop() { kill "$(pidof lab-clock)"; }
