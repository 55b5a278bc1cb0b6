//! What a session comes to, as plain rows: the part of the schema that scripts read.
//!
//! Durations and times are nanoseconds, times on the session's clock. A field that could not be known is absent.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::{
    cause::Cause,
    event::{Counts, EndedBy, Netns, Refusal, Stamp, Tracker},
    is_false,
    status::Errno,
    word::{Word, vocabulary},
};

vocabulary! {
    /// From what a restart is known; what knows more comes later.
    KnownFrom {
        /// Only from a grace period that was noticed while it was on.
        GraceOnly = "grace_only",
        /// From the kernel log.
        KernelLog = "kernel_log",
        /// It was watched.
        Observed = "observed",
    }
}

vocabulary! {
    /// What a stalled task is doing.
    StallState {
        /// It sleeps before its next try.
        Asleep = "asleep",
        /// Its request is on the way.
        Trying = "trying",
        /// Its operation is over.
        Ended = "ended",
    }
}

vocabulary! {
    /// Why a sleep was longer than asked for, or shorter.
    Excess {
        /// Longer, by no more than the kernel's timers round.
        TimerWheel = "timer_wheel",
        /// Longer by more than that.
        Late = "late",
        /// Shorter.
        Short = "short",
        /// A signal ended it.
        Interrupted = "interrupted",
    }
}

/// The tables at the end of a session.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(tag = "type", rename = "summary", default)]
pub struct Summary {
    /// When it was drawn up.
    pub t: Stamp,
    /// First record of the session.
    pub from: Stamp,
    /// Events that it is made from.
    pub events: u64,
    /// Server starts.
    pub restarts: Vec<RestartRow>,
    /// Restarts that were forgotten to bound memory.
    pub restarts_not_listed: u64,
    /// Clients by restart.
    pub clients: Vec<ClientRow>,
    /// The most costly stalls, longest first.
    pub stalls: Vec<StallRow>,
    /// All stalls, listed or not.
    pub stall_totals: StallTotals,
    /// What could not be recorded.
    pub losses: Vec<LossRow>,
    /// What the kernel side counted, where it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counts: Option<Counts>,
    /// What must be said about the files that it was read from, a sentence each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

impl Summary {
    /// Leaves out so much detail that its line has at most so many bytes: attempts of the less costly stalls first, then
    /// these stalls and clients. Counts and totals stay.
    pub fn fit(&mut self, bytes: usize) {
        let fits = |summary: &Self| serde_json::to_vec(summary).is_ok_and(|line| line.len() <= bytes);
        if fits(self) {
            return;
        }
        self.notes
            .push("Single attempts, stalls or clients are left out of this summary: it would be too long.".to_owned());
        let mut detailed = self.stalls.len();
        while detailed > 0 && !fits(self) {
            detailed /= 2;
            for row in self.stalls.iter_mut().skip(detailed) {
                row.attempts_not_listed += std::mem::take(&mut row.attempts).len() as u64;
            }
        }
        while !fits(self) && self.stalls.len() + self.clients.len() > 0 {
            self.stalls.truncate(self.stalls.len() / 2);
            self.clients.truncate(self.clients.len() / 2);
        }
    }
}

/// One server start.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct RestartRow {
    /// Counted from 1.
    pub restart: u32,
    /// Namespace of the server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub netns: Option<Netns>,
    /// From what it is known.
    pub known_from: Word<KnownFrom>,
    /// When it began, or was first noticed.
    pub began: Stamp,
    /// The chain of trackers.
    pub trackers: Vec<TrackerRow>,
    /// What `nfsd4_client_tracking_init` returned, or the kernel log said that it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tracking_status: Option<Errno>,
    /// True where only the kernel log knows it, and its grace period was over before watching began.
    #[serde(skip_serializing_if = "is_false")]
    pub before_watching: bool,
    /// When the grace period began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grace_began: Option<Stamp>,
    /// When its timer was set: after the trackers were tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timer_set: Option<Stamp>,
    /// Its configured length, from `timer_set` on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grace_planned_ns: Option<u64>,
    /// Its real length; absent while it runs, and where its beginning was not seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grace_ns: Option<u64>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grace_ended: Option<Stamp>,
    /// What ended it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_by: Option<EndedBy>,
    /// Operations refused with NFS4ERR_GRACE.
    pub refused: u64,
    /// Clients in the reclaim table.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to_reclaim: Option<u32>,
    /// Of these, those that finished.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reclaimed: Option<u32>,
    /// Whether it held anybody up for longer than an instant: a task of this host, or a client that was refused.
    #[serde(skip_serializing_if = "is_false")]
    pub held_up: bool,
    /// Stalls that it caused on this host, as far as they could be tied to it.
    pub stalls: u64,
    /// Their lengths added up.
    pub lost_ns: u64,
    /// How much of that lies after the end of the grace period.
    pub tail_ns: u64,
}

/// One tracker that nfsd tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrackerRow {
    /// Which.
    pub tracker: Tracker,
    /// When it was entered.
    pub began: Stamp,
    /// How long it took; absent while it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub took_ns: Option<u64>,
    /// Zero or a negative errno; absent while it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Errno>,
    /// Times that `cld_running` said no.
    #[serde(default)]
    pub polls_false: u64,
    /// True where these were inferred from `msleep(100)`.
    #[serde(default)]
    pub polls_inferred: bool,
}

/// One client of one server start.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ClientRow {
    /// Number of the restart.
    pub restart: u32,
    /// Its address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub addr: Option<IpAddr>,
    /// The name it gave itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// NFSv4 minor version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minor: Option<u32>,
    /// Whether the server expected it to reclaim.
    pub recorded: bool,
    /// When it said RECLAIM_COMPLETE.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub completed: Option<Stamp>,
    /// Operations refused to it with NFS4ERR_GRACE.
    pub refused: u64,
    /// Operations with which it reclaimed.
    pub reclaims: u64,
}

/// One blocked task.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct StallRow {
    /// Process id.
    pub pid: u32,
    /// Thread id.
    pub tid: u32,
    /// Name of the thread.
    pub comm: String,
    /// Path of the file, as far as known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Kernel function that ran the operation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub op: Option<String>,
    /// Server that refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// Number of the restart that caused it, where that was seen on this host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restart: Option<u32>,
    /// Name of the server's host, where that is another host of the session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_host: Option<String>,
    /// Number of the restart that caused it, in the session of that host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_restart: Option<u32>,
    /// Why that took so long: the cause, or those that cannot be told apart; empty where it is not known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<Word<Cause>>,
    /// When it began.
    pub began: Stamp,
    /// False when `began` is the first refusal seen.
    pub began_seen: bool,
    /// What the task is doing.
    pub state: Word<StallState>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<Stamp>,
    /// Zero or a negative errno.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Errno>,
    /// Its length, up to `t` of the summary when it has not ended.
    pub total_ns: u64,
    /// Refusals.
    pub refused: u64,
    /// Of these, NFS4ERR_DELAY instead of NFS4ERR_GRACE.
    pub refused_delay: u64,
    /// How much of `total_ns` lies in the grace period; absent when that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grace_ns: Option<u64>,
    /// How much of `total_ns` lies after the end of the grace period; absent when that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tail_ns: Option<u64>,
    /// How wrong `grace_ns` and `tail_ns` can be, since the clock of `server_host` is another one; absent where nothing
    /// bounds that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_ns: Option<u64>,
    /// When its task is free at the latest, where that can be foretold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub free_by: Option<Stamp>,
    /// The first and the last attempts.
    pub attempts: Vec<AttemptRow>,
    /// Attempts between them that are only counted.
    pub attempts_not_listed: u64,
}

/// One refusal and the sleep after it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptRow {
    /// Counted from 1.
    pub attempt: u64,
    /// When it was refused.
    pub refused: Stamp,
    /// With what.
    pub refusal: Refusal,
    /// XID of the RPC that was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub xid: Option<u32>,
    /// Sleep asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_ns: Option<u64>,
    /// True where that was computed rather than seen.
    #[serde(default)]
    pub asked_computed: bool,
    /// Time slept; absent when the end of the sleep was not seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slept_ns: Option<u64>,
    /// Time to the next refusal, or to the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gap_ns: Option<u64>,
    /// Why it slept longer than it asked for, or not as long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub excess: Option<Word<Excess>>,
}

/// All stalls together.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct StallTotals {
    /// Stalls that ended.
    pub ended: u64,
    /// Stalls that had not.
    pub live: u64,
    /// Stalls that were not followed because too many were live.
    pub not_followed: u64,
    /// Refusals.
    pub refused: u64,
    /// Lengths added up, live ones up to `t` of the summary.
    pub lost_ns: u64,
    /// The longest.
    pub longest_ns: u64,
    /// Tails after the end of the grace period added up.
    pub tail_ns: u64,
}

/// One reason why records are missing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct LossRow {
    /// Stable id.
    pub cause: String,
    /// How many.
    pub count: u64,
    /// First and last time that it was noticed.
    pub first: Stamp,
    /// The last time.
    pub last: Stamp,
    /// What may be missing.
    pub hides: String,
}
