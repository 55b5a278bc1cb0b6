//! What nfsd says in the kernel log: all that is left of a start that nobody watched.

use std::fmt;

use crate::record::{EndedBy, Errno, MAX_SPAN, Netns, Tracker};

/// A tracker, as nfsd calls it when it says which one it uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TrackerName {
    /// One that is known.
    Known(Tracker),
    /// What newer kernels may have.
    Other(String),
}

impl From<&str> for TrackerName {
    fn from(words: &str) -> Self {
        match words {
            "nfsdcld" => Self::Known(Tracker::Cld),
            "old nfsdcld" => Self::Known(Tracker::CldV0),
            "UMH upcall" => Self::Known(Tracker::Umh),
            "legacy" => Self::Known(Tracker::Legacy),
            other => Self::Other(other.to_owned()),
        }
    }
}

impl fmt::Display for TrackerName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Known(Tracker::Cld) => "nfsdcld",
            Self::Known(Tracker::CldV0) => "old nfsdcld",
            Self::Known(Tracker::Umh) => "UMH upcall",
            Self::Known(Tracker::Legacy) => "legacy",
            Self::Other(words) => words,
        })
    }
}

/// One line of nfsd's that tells something (fs/nfsd/nfs4recover.c and fs/nfsd/nfs4state.c).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogFact {
    /// `Unable to initialize client recovery tracking! (%d)`
    TrackingFailed(Errno),
    /// `Using %s client tracking operations.`
    Using(TrackerName),
    /// `starting %lld-second grace period (net %x)`
    GraceStarts {
        /// Length, seconds.
        seconds: u64,
        /// Namespace.
        netns: Option<Netns>,
    },
    /// `no clients to reclaim, skipping NFSv4 grace period (net %x)`
    GraceSkipped(Option<Netns>),
    /// `all clients done reclaiming, ending NFSv4 grace period (net %x)`
    AllReclaimed(Option<Netns>),
    /// `attempt to initialize … client tracking in a container ignored`
    Container,
    /// `unable to find recovery directory %s`
    NoRecoveryDir,
    /// `Unable to end grace period: %d`
    EndFailed(Errno),
    /// `nfsdcld … upcall failed. Please upgrade nfsdcld.`
    OldNfsdcld,
    /// Understood, and says nothing that another line does not say.
    Comment,
}

impl LogFact {
    /// What ended a grace period, where the line says that it ended.
    #[must_use]
    pub fn ends_grace(&self) -> Option<EndedBy> {
        match self {
            Self::GraceSkipped(_) => Some(EndedBy::Skipped),
            Self::AllReclaimed(_) => Some(EndedBy::AllReclaimed),
            _ => None,
        }
    }

    /// The namespace that the line names.
    #[must_use]
    pub fn netns(&self) -> Option<Netns> {
        match self {
            Self::GraceStarts { netns, .. } | Self::GraceSkipped(netns) | Self::AllReclaimed(netns) => *netns,
            _ => None,
        }
    }
}

/// The number in the first pair of brackets that begins with `open`.
fn number_after(text: &str, open: &str) -> Option<Errno> {
    let rest = text.split_once(open)?.1;
    let end = rest.find(|c: char| c != '-' && !c.is_ascii_digit()).unwrap_or(rest.len());
    rest.get(..end)?.parse().ok().map(Errno)
}

fn netns(text: &str) -> Option<Netns> {
    let rest = text.split_once("(net ")?.1;
    u32::from_str_radix(rest.split_once(')')?.0, 16).ok().map(Netns)
}

/// Reads a line of the kernel log, without its time stamp. `None` when it tells nothing about a grace period.
#[must_use]
pub fn parse(line: &str) -> Option<LogFact> {
    let text = line.split_once("NFSD: ").map_or(line, |(_, text)| text);
    if text.starts_with("Unable to initialize client recovery tracking!") {
        return number_after(text, "! (").map(LogFact::TrackingFailed);
    }
    if let Some(rest) = text.strip_prefix("Using ")
        && let Some((name, _)) = rest.split_once(" client tracking operations")
    {
        return Some(LogFact::Using(name.into()));
    }
    if text.starts_with("Is nfsdcld running?") || text.ends_with("as the NFSv4 state recovery directory") {
        return Some(LogFact::Comment);
    }
    if let Some(rest) = text.strip_prefix("starting ")
        && let Some((seconds, _)) = rest.split_once("-second grace period")
    {
        let seconds = seconds.parse().ok().filter(|seconds| *seconds <= MAX_SPAN)?;
        return Some(LogFact::GraceStarts { seconds, netns: netns(text) });
    }
    if text.starts_with("no clients to reclaim, skipping") {
        return Some(LogFact::GraceSkipped(netns(text)));
    }
    if text.starts_with("all clients done reclaiming") {
        return Some(LogFact::AllReclaimed(netns(text)));
    }
    if text.contains("client tracking in a container ignored") {
        return Some(LogFact::Container);
    }
    if text.to_ascii_lowercase().starts_with("unable to find recovery directory") {
        return Some(LogFact::NoRecoveryDir);
    }
    if text.starts_with("Unable to end grace period:") {
        return number_after(text, ": ").map(LogFact::EndFailed);
    }
    (text.contains("upcall failed") && text.contains("upgrade nfsdcld")).then_some(LogFact::OldNfsdcld)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_of_real_kernels_are_understood() {
        let facts: Vec<_> = [
            "NFSD: Unable to initialize client recovery tracking! (-110)",
            "NFSD: Is nfsdcld running? If not, enable CONFIG_NFSD_LEGACY_CLIENT_TRACKING.",
            "NFSD: starting 20-second grace period (net effffff9)",
            "NFSD: Using UMH upcall client tracking operations.",
            "NFSD: Using /var/lib/nfs/v4recovery as the NFSv4 state recovery directory",
            "NFSD: no clients to reclaim, skipping NFSv4 grace period (net effffff9)",
            "NFSD: all clients done reclaiming, ending NFSv4 grace period (net f0000098)",
            "NFSD: attempt to initialize umh client tracking in a container ignored.",
            "NFSD: unable to find recovery directory /var/lib/nfs/v4recovery",
            "NFSD: Unable to end grace period: -121",
            "lockd: something else",
        ]
        .into_iter()
        .filter_map(parse)
        .collect();
        assert_eq!(
            facts,
            [
                LogFact::TrackingFailed(Errno::ETIMEDOUT),
                LogFact::Comment,
                LogFact::GraceStarts { seconds: 20, netns: Some(Netns(0xefff_fff9)) },
                LogFact::Using(TrackerName::Known(Tracker::Umh)),
                LogFact::Comment,
                LogFact::GraceSkipped(Some(Netns(0xefff_fff9))),
                LogFact::AllReclaimed(Some(Netns(0xf000_0098))),
                LogFact::Container,
                LogFact::NoRecoveryDir,
                LogFact::EndFailed(Errno::EREMOTEIO),
            ]
        );
    }

    #[test]
    fn absurd_lines_tell_nothing() {
        for line in
            ["NFSD: starting -second grace period", "NFSD: Unable to initialize client recovery tracking!", "NFSD: "]
        {
            assert_eq!(parse(line), None, "{line}");
        }
    }
}
