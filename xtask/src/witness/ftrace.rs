//! Reads the witness's trace (probes: `xtask/lab/probes`).

use std::collections::{HashMap, HashSet};

use super::{Observation, RefusedRpc, Seen, Stall};

/// NFS4ERR_GRACE (10013) as it is on the wire, and so in the return value of `nfsd4_open`.
const GRACE_ON_THE_WIRE: &str = "0x1d270000";
/// Numbers of OPEN and REMOVE. A LOCK's XID is not known yet, a RENAME sleeps in no task.
const KNOWN_OPERATIONS: [&str; 2] = ["18", "28"];

/// One line of a trace: `comm-TID [CPU] flags seconds.micros: name: (place) key=value …`
#[derive(Debug, PartialEq, Eq)]
struct Hit<'a> {
    tid: u32,
    at_ns: u64,
    probe: &'a str,
    arguments: &'a str,
}

impl<'a> Hit<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let (task, rest) = line.split_once(" [")?;
        let (_, tid) = task.trim_end().rsplit_once('-')?;
        let (_cpu, rest) = rest.split_once("] ")?;
        let (_flags, rest) = rest.trim_start().split_once(char::is_whitespace)?;
        let (stamp, rest) = rest.trim_start().split_once(": ")?;
        let (probe, arguments) = rest.split_once(": ")?;
        let (seconds, micros) = stamp.split_once('.')?;
        let at_ns = seconds.parse::<u64>().ok()? * 1_000_000_000 + micros.parse::<u64>().ok()? * 1_000;
        Some(Self { tid: tid.parse().ok()?, at_ns, probe, arguments })
    }

    fn value(&self, key: &str) -> Option<&'a str> {
        self.arguments.split_whitespace().find_map(|word| word.strip_prefix(key)?.strip_prefix('='))
    }

    fn returned(&self) -> i64 {
        self.value("ret").and_then(|value| value.parse().ok()).unwrap_or(i64::MIN)
    }

    /// Of the kernel's own trace event for errors in replies.
    fn refused_rpc(&self) -> RefusedRpc {
        let xid = self.value("xid").and_then(|xid| u32::from_str_radix(xid.trim_start_matches("0x"), 16).ok());
        let must_be_known = self.value("operation").is_some_and(|operation| KNOWN_OPERATIONS.contains(&operation));
        RefusedRpc { xid, sent_ns: None, received_ns: self.at_ns, must_be_known }
    }
}

/// A task between the entry and the return of `nfs4_handle_exception`.
struct Refused {
    at_ns: u64,
    slept: bool,
}

/// A task between the entry and the return of `nfs4_do_open`.
struct Opening {
    began_ns: u64,
    slept: bool,
}

/// What the witness saw.
#[derive(Debug, Default)]
pub struct Trace {
    /// Single events, in the order of time.
    pub observations: Vec<Observation>,
    /// Tasks that were blocked.
    pub stalls: Vec<Stall>,
    /// Refusals as the client read them in replies (the kernel's own trace event).
    pub refused: Vec<RefusedRpc>,
}

/// Reads the witness's trace.
pub fn read(trace: &str) -> Trace {
    let mut reader = Reader::default();
    for hit in trace.lines().filter(|line| !line.starts_with('#')).filter_map(Hit::parse) {
        if let Some(seen) = reader.server(&hit) {
            reader.trace.observations.push(Observation { seen, tid: hit.tid, at_ns: hit.at_ns });
        }
        reader.client(&hit);
    }
    let mut trace = reader.trace;
    trace.observations.sort_by_key(|observation| observation.at_ns);
    trace
}

/// What was seen so far, and which tasks are inside of what.
#[derive(Default)]
struct Reader {
    trace: Trace,
    inside_cld: HashSet<u32>,
    opening: HashMap<u32, Opening>,
    refused: HashMap<u32, Refused>,
}

impl Reader {
    /// What a hit of one of the server's probes is worth by itself.
    fn server(&mut self, hit: &Hit<'_>) -> Option<Seen> {
        Some(match hit.probe {
            "start" => Seen::ServerStart,
            "start_ret" => Seen::ServerStarted(hit.returned()),
            "tracking" => Seen::TrackingStart,
            "tracking_ret" => Seen::TrackingEnd(hit.returned()),
            "cld" => {
                self.inside_cld.insert(hit.tid);
                return None;
            }
            "cld_ret" => {
                self.inside_cld.remove(&hit.tid);
                Seen::CldEnd(hit.returned())
            }
            "umh_ret" => Seen::UmhEnd(hit.returned()),
            "legacy_ret" => Seen::LegacyEnd(hit.returned()),
            "msleep" if self.inside_cld.contains(&hit.tid) => Seen::Poll,
            "grace_start" => Seen::GraceStart,
            "open_ret" if hit.value("ret") == Some(GRACE_ON_THE_WIRE) => Seen::Refusal,
            _ => return None,
        })
    }

    /// Follows tasks of the client through the functions that they call.
    fn client(&mut self, hit: &Hit<'_>) {
        let &Hit { tid, at_ns, probe, .. } = hit;
        match probe {
            "do_open" => {
                self.opening.insert(tid, Opening { began_ns: at_ns, slept: false });
            }
            "do_open_ret" => {
                if let Some(Opening { began_ns, slept: true }) = self.opening.remove(&tid) {
                    self.trace.stalls.push(Stall { tid, began_ns, ended_ns: at_ns });
                }
            }
            "nfs4_xdr_status" => self.trace.refused.push(hit.refused_rpc()),
            "exception" => {
                self.refused.insert(tid, Refused { at_ns, slept: false });
            }
            "sleep" => {
                if let Some(refused) = self.refused.get_mut(&tid) {
                    refused.slept = true;
                }
            }
            "exception_ret" => {
                // Only a refusal that led to a sleep is one that nfsgrace reports.
                if let Some(refused) = self.refused.remove(&tid).filter(|refused| refused.slept) {
                    if let Some(opening) = self.opening.get_mut(&tid) {
                        opening.slept = true;
                    }
                    self.trace.observations.push(Observation { seen: Seen::Sleep, tid, at_ns: refused.at_ns });
                    self.trace.observations.push(Observation { seen: Seen::SleepEnd, tid, at_ns });
                }
            }
            _ => {}
        }
    }
}

/// Why the trace may be incomplete, if it may.
///
/// `stats` is the ring buffer's `per_cpu/cpu0/stats`, `profile` is `kprobe_profile` (`name hits misses` per line).
pub fn loss(stats: &str, profile: &str) -> Option<String> {
    let overrun = stats.lines().find_map(|line| line.strip_prefix("overrun: ")).unwrap_or("?");
    if overrun.trim() != "0" {
        return Some(format!("the witness's buffer overran: {overrun}"));
    }
    let missed = profile.lines().find(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        words.len() == 3 && words[2] != "0"
    });
    missed.map(|line| format!("the witness's probe missed hits: {}", line.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "\
        rpc.nfsd-183     [000] .l...     6.685950: tracking: (nfsd4_client_tracking_init+0x4/0xc0 [nfsd])
        rpc.nfsd-183     [000] .l...     6.685983: cld: (nfsd4_cld_tracking_init+0x4/0x500 [nfsd])
        rpc.nfsd-183     [000] .l...     6.686214: msleep: (msleep+0x4/0x50) ms=100
        rpc.nfsd-183     [000] .....     7.725213: cld_ret: (nfsd4_client_tracking_init+0x6a/0xc0 [nfsd] <- nfsd4_cld_tracking_init) ret=-110
        kworker/0:1-9    [000] .....     7.726000: msleep: (msleep+0x4/0x50) ms=100
            nfsd-191     [000] .l...     8.255452: open_ret: (nfsd4_proc_compound+0x31a/0x6f0 [nfsd] <- nfsd4_open) ret=0x1d270000
 127.0.0.1-manag-216     [000] .....     8.281842: do_open: (nfs4_do_open+0x0/0xcf0 [nfsv4])
   kworker/u2:1-35      [000] .....     8.291000: nfs4_xdr_status: task:0000001c@00000005 xid=0xe52cf482 error=-10013 (GRACE) operation=18
 127.0.0.1-manag-216     [000] .....     8.291842: exception: (nfs4_handle_exception+0x0/0x100 [nfsv4]) err=-10013
 127.0.0.1-manag-216     [000] .....     8.291900: sleep: (schedule_timeout+0x4/0x100) jiffies=25
 127.0.0.1-manag-216     [000] .....     8.401842: exception_ret: (nfs4_do_open+0x36c/0xcf0 [nfsv4] <- nfs4_handle_exception)
 127.0.0.1-manag-216     [000] .....     8.411842: do_open_ret: (nfs4_atomic_open+0x139/0x200 [nfsv4] <- nfs4_do_open)
";

    #[test]
    fn a_trace_becomes_what_nfsgrace_would_see() {
        let Trace { observations, stalls, refused } = read(TRACE);
        assert_eq!(
            refused,
            [RefusedRpc { xid: Some(0xe52c_f482), sent_ns: None, received_ns: 8_291_000_000, must_be_known: true }]
        );
        assert_eq!(stalls, [Stall { tid: 216, began_ns: 8_281_842_000, ended_ns: 8_411_842_000 }]);
        let seen: Vec<_> = observations.into_iter().map(|it| (it.seen, it.tid, it.at_ns / 1000)).collect();
        assert_eq!(
            seen,
            [
                (Seen::TrackingStart, 183, 6_685_950),
                (Seen::Poll, 183, 6_686_214),
                (Seen::CldEnd(-110), 183, 7_725_213),
                (Seen::Refusal, 191, 8_255_452),
                (Seen::Sleep, 216, 8_291_842),
                (Seen::SleepEnd, 216, 8_401_842),
            ]
        );
    }

    #[test]
    fn an_incomplete_witness_is_noticed() {
        assert_eq!(loss("entries: 5\noverrun: 0\n", "  start      3     0\n"), None);
        assert!(loss("entries: 5\noverrun: 7\n", "").is_some());
        assert!(loss("overrun: 0\n", "  start      3     2\n").is_some());
    }
}
