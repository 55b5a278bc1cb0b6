//! What the sessions of several hosts say together, as plain rows: the part of the schema that scripts read.
//!
//! Times are nanoseconds of the clock of the host that `hosts[reference]` names, unless a field says otherwise. They are
//! signed: what one host saw may lie before another one was booted. A field that could not be known is absent.

use std::{collections::BTreeMap, net::IpAddr};

use serde::{Deserialize, Serialize};

use super::{
    cause::Cause,
    event::{Netns, Refusal, Stamp},
    header::Role,
    status::Errno,
    word::{Word, vocabulary},
};

vocabulary! {
    /// How well two clocks are known to each other, the better first; the first four names are those of Poirier, Roy and
    /// Dagenais (2010).
    ClockOutcome {
        /// The same clock: the same host, or the same boot of it.
        Exact = "exact",
        /// One straight line explains all messages, in both directions.
        Accurate = "accurate",
        /// A clock stepped, or ran wrong by more than 500 ppm: several lines, and in between either of two.
        Approximate = "approximate",
        /// Messages in one direction only: a bound on one side, and no error to name.
        Incomplete = "incomplete",
        /// The wall clocks were believed, as asked for: wrong by whatever they are wrong.
        WallClock = "wall_clock",
        /// No messages: nothing is known.
        Absent = "absent",
    }
}

vocabulary! {
    /// Why a client's RPC was not found among those of a server; of several reasons, the one that promises least first.
    Unmatched {
        /// Its XID is not known.
        NoXid = "no_xid",
        /// Its times cannot be: received before it was sent, or in 146 years.
        ImpossibleTime = "impossible_time",
        /// No session of its server is at hand.
        ServerNotRecorded = "server_not_recorded",
        /// The server was not recorded yet.
        BeforeRecording = "before_recording",
        /// The server was not recorded any more.
        AfterRecording = "after_recording",
        /// The server lost records at that time.
        ServerLostRecords = "server_lost_records",
        /// Several RPCs of this XID are possible.
        Ambiguous = "ambiguous",
        /// The server saw this XID, at a time that cannot be.
        Contradicts = "contradicts",
        /// The server was recorded, lost nothing, and did not see it: lost on its way, or of a kind that is not recorded.
        NotSeen = "not_seen",
        /// There were too many RPCs without another end to keep them all.
        Forgotten = "forgotten",
    }
}

/// All hosts of a paired session, what it cost them, and why.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(tag = "type", rename = "paired", default)]
pub struct PairedSummary {
    /// When it was drawn up.
    pub t: Stamp,
    /// Whose clock the times are on, an index into `hosts`.
    pub reference: usize,
    /// The hosts, or more exactly their boots.
    pub hosts: Vec<HostRow>,
    /// What each server start cost, the dearest first.
    pub causes: Vec<CauseRow>,
    /// The most costly stalls of all hosts, the longest first.
    pub stalls: Vec<PairedStallRow>,
    /// Stalls that are only counted, since more costly ones are listed.
    pub stalls_not_listed: u64,
    /// RPCs that were refused, by client and server.
    pub rpcs: RpcRow,
}

impl PairedSummary {
    /// Leaves out so many of the less costly stalls that its line has at most so many bytes. Counts and totals stay.
    pub fn fit(&mut self, bytes: usize) {
        let fits = |summary: &Self| serde_json::to_vec(summary).is_ok_and(|line| line.len() <= bytes);
        while !fits(self) && !self.stalls.is_empty() {
            let kept = self.stalls.len() / 2;
            self.stalls_not_listed += (self.stalls.len() - kept) as u64;
            self.stalls.truncate(kept);
        }
    }
}

/// One boot of a host.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct HostRow {
    /// Its name.
    pub host: String,
    /// Its boot.
    pub boot_id: String,
    /// Its kernel.
    pub kernel: String,
    /// Which side was watched.
    pub role: Role,
    /// How its clock was tied to the reference's.
    pub clock: ClockRow,
    /// The session's verdicts about this host, by id.
    pub verdicts: Vec<Word<Cause>>,
    /// Records that were lost, all causes together.
    pub lost_records: u64,
    /// Where its records stop because the connection to it was lost, on its own clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lost_contact: Option<u64>,
}

/// How one clock was tied to the reference's.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ClockRow {
    /// How well it is known.
    pub outcome: Word<ClockOutcome>,
    /// What to add to a time of this host in the middle of the session to get the reference's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset_ns: Option<i64>,
    /// How wrong that can be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_ns: Option<u64>,
    /// The worst error within the session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub largest_error_ns: Option<u64>,
    /// The least and the most that the reference's clock gains on this one, parts per billion.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drift_ppb: Option<[i64; 2]>,
    /// Where a clock stepped.
    pub steps: Vec<StepRow>,
    /// By how much the wall clock of this host is ahead of the reference's, as the aligned clocks tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wall_clock_ahead_ns: Option<i64>,
}

/// A clock stepped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct StepRow {
    /// Not before, on the clock of the host.
    pub after: u64,
    /// Not later, on the clock of the host.
    pub before: u64,
    /// By how much the reference's clock jumped ahead, the middle of what is possible.
    pub jump_ns: i64,
}

/// What one server start cost all hosts.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct CauseRow {
    /// The server, an index into `hosts`.
    pub server: usize,
    /// Number of the restart in that host's session.
    pub restart: u32,
    /// Namespace of the server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub netns: Option<Netns>,
    /// The cause, or the causes that cannot be told apart; empty where nothing was concluded.
    pub ids: Vec<Word<Cause>>,
    /// The server's verdict in a sentence.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub headline: String,
    /// What to do on the server.
    pub remedy: Vec<String>,
    /// What `nfsd4_client_tracking_init` returned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tracking_status: Option<Errno>,
    /// The end of the grace period.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grace_ended: Option<i64>,
    /// What it cost all hosts.
    pub cost: CostRow,
    /// What it cost each client, the dearest first.
    pub clients: Vec<ClientCostRow>,
}

/// Task-seconds that stalls cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct CostRow {
    /// Stalls.
    pub tasks: u64,
    /// Of these, still blocked.
    pub blocked: u64,
    /// Their lengths added up.
    pub lost_ns: u64,
    /// How much of it lies in the grace period of the server.
    pub grace_ns: u64,
    /// How much of it lies after that.
    pub tail_ns: u64,
    /// The rest: before it, or of stalls of which that is not known.
    pub other_ns: u64,
}

/// What a server start cost one client.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ClientCostRow {
    /// The client, an index into `hosts`.
    pub host: usize,
    /// Addresses under which the server saw it.
    pub addrs: Vec<IpAddr>,
    /// What it cost.
    pub cost: CostRow,
    /// The longest stall: task, process id and file.
    pub worst: Option<WorstRow>,
    /// When the last blocked task of it will be free, if that can be foretold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub free_by: Option<i64>,
}

/// The process that waited longest.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct WorstRow {
    /// Name of the thread.
    pub comm: String,
    /// Process id.
    pub pid: u32,
    /// Path of the file, as far as known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// How long.
    pub lost_ns: u64,
}

/// One stall, and what it comes from.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct PairedStallRow {
    /// The client, an index into `hosts`.
    pub host: usize,
    /// Process id.
    pub pid: u32,
    /// Thread id.
    pub tid: u32,
    /// Name of the thread.
    pub comm: String,
    /// Path of the file, as far as known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// When it began; absent where the clocks are not tied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub began: Option<i64>,
    /// When it began, on the client's clock.
    pub began_there: u64,
    /// Whether it has ended.
    pub ended: bool,
    /// Its length.
    pub total_ns: u64,
    /// The server that refused it, an index into `hosts`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<usize>,
    /// Number of the restart in that host's session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restart: Option<u32>,
    /// How `total_ns` divides; absent where it is not known what it comes from, or the clocks are not tied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub split: Option<SplitRow>,
    /// Refusals.
    pub refused: u64,
    /// Of these, found again among the server's.
    pub matched: u64,
    /// The first and the last attempts.
    pub attempts: Vec<PairedAttemptRow>,
}

/// How the length of a stall divides; adds up to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SplitRow {
    /// In the grace period of the server.
    pub grace_ns: u64,
    /// After that: nobody wakes a sleeper.
    pub tail_ns: u64,
    /// Before that: the network, the server's start.
    pub other_ns: u64,
    /// How wrong `grace_ns` and `tail_ns` can be, because of the clocks; absent where nothing bounds that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_ns: Option<u64>,
}

/// One refused attempt, on both hosts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PairedAttemptRow {
    /// Counted from 1.
    pub attempt: u64,
    /// With what it was refused.
    pub refusal: Refusal,
    /// XID of the RPC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub xid: Option<u32>,
    /// Time on the wire and in queues, both ways.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wire_ns: Option<u64>,
    /// Time in the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_server_ns: Option<u64>,
    /// Time asleep after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slept_ns: Option<u64>,
    /// Why it was not found among the server's refusals; absent when it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unmatched: Option<Word<Unmatched>>,
}

/// Refused RPCs that clients saw.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct RpcRow {
    /// Found again among a server's refusals.
    pub matched: u64,
    /// Not found, by reason.
    pub unmatched: BTreeMap<Word<Unmatched>, u64>,
}
