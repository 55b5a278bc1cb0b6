//! What a peer may say: a header first, times that can be, text as much as a record has.
//!
//! One record with an absurd time would move "now" for all hosts, and hide what happens on the others.

use std::time::Duration;

use crate::{
    record::{Event, Header, Kind, Line, SCHEMA, Stamp},
    source::heard::Why,
};

use super::Feed;

/// Probes and arguments in a header.
const MAX_ROWS: usize = 512;
/// Headers of one stream: one for each start of the recorder.
const MAX_HEADERS: u32 = 1000;
/// How far a live host may be ahead of the time that has passed here, and how long before its header it may have seen
/// something. Generous, since either host may have been suspended.
const SLACK: Duration = Duration::from_hours(24);
/// How far one record of a pipe may be ahead of all before it. It may be a recording, from a host that was suspended.
const LEAP: Duration = Duration::from_hours(24 * 30);
/// What two clocks of one kernel may be off by.
const OFF: Duration = Duration::from_secs(1);
/// Times and offsets beyond this, nanoseconds (146 years), are none. Sums of two then do not overflow.
const LIMIT: u64 = 1 << 62;

/// Stands between a peer and the timeline.
#[derive(Debug)]
pub(super) struct Guard {
    feed: Feed,
    session: Option<Incarnation>,
    headers: u32,
}

/// One run of the recorder.
#[derive(Debug)]
struct Incarnation {
    /// Time of its header, on its clock.
    started: Stamp,
    /// When that came, on ours.
    came: Duration,
    latest: Stamp,
}

/// What the guard says of a line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Admitted {
    Yes,
    /// It is what another program concluded, and this one draws its own conclusions.
    No,
    /// It is the header of a newer schema.
    Newer(u32, String),
}

impl Guard {
    pub(super) fn new(feed: Feed) -> Self {
        Self { feed, session: None, headers: 0 }
    }

    /// Whether a header came.
    pub(super) fn is_open(&self) -> bool {
        self.session.is_some()
    }

    /// The latest time that was believed.
    pub(super) fn latest(&self) -> Option<Stamp> {
        self.session.as_ref().map(|session| session.latest)
    }

    /// Judges a line that came `now`, a time since some moment in the past.
    pub(super) fn admit(&mut self, line: &Line, now: Duration) -> Result<Admitted, Why> {
        if let Line::Header(header) = line {
            return self.header(header, now);
        }
        let session = self.session.as_mut().ok_or(Why::BeforeHeader)?;
        let first = Stamp(session.started.0.saturating_sub(nanos(SLACK)));
        let (at, first) = match line {
            Line::Header(_) | Line::Verdict(_) | Line::Summary(_) | Line::Paired(_) => return Ok(Admitted::No),
            Line::Event(event) => {
                if !earlier(event).into_iter().flatten().all(|time| time <= event.at && time >= first) {
                    return Err(Why::ImpossibleTime);
                }
                // The kernel log tells what happened before somebody watched.
                (event.at, if matches!(event.kind, Kind::KernelLog { .. }) { Stamp(0) } else { first })
            }
            Line::Clock(sample) if !is_offset(sample.realtime_minus_boottime_ns) => return Err(Why::ImpossibleTime),
            Line::Clock(sample) => (sample.at, first),
            Line::Loss(loss) => (loss.at, first),
        };
        let last = match self.feed {
            Feed::Live => session.started.plus(now.saturating_sub(session.came)).plus(SLACK),
            Feed::Pipe => session.latest.plus(LEAP),
        };
        if at < first || at > last || at.0 > LIMIT {
            return Err(Why::ImpossibleTime);
        }
        session.latest = session.latest.max(at);
        Ok(Admitted::Yes)
    }

    fn header(&mut self, header: &Header, now: Duration) -> Result<Admitted, Why> {
        if header.started.0 > LIMIT || !is_offset(header.realtime_minus_boottime_ns) {
            return Err(Why::ImpossibleTime);
        }
        if header.probes.len() > MAX_ROWS || header.command.len() > MAX_ROWS {
            return Err(Why::TooMuchText);
        }
        if self.headers == MAX_HEADERS {
            return Err(Why::TooManyHeaders);
        }
        self.headers += 1;
        // The next file of a recording repeats its header.
        if self.session.as_ref().is_none_or(|session| session.started != header.started) {
            self.session = Some(Incarnation { started: header.started, came: now, latest: header.started });
        }
        let newer = header.schema > SCHEMA;
        Ok(if newer { Admitted::Newer(header.schema, header.program.clone()) } else { Admitted::Yes })
    }
}

fn is_offset(nanoseconds: i64) -> bool {
    nanoseconds.unsigned_abs() <= LIMIT
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// The times that an event tells of, none of which can be later than itself: when what it belongs to began, and when its
/// RPC was sent and answered.
fn earlier(event: &Event) -> [Option<Stamp>; 3] {
    match &event.kind {
        Kind::Delay { began, rpc, .. } => {
            // These were taken with another clock of the same kernel; what that is off by does not matter here.
            let just_before = |time: Stamp| Stamp(time.0.saturating_sub(nanos(OFF)));
            let [sent, received] = rpc.map_or([None, None], |rpc| [rpc.sent, rpc.received]);
            [Some(*began), sent.map(just_before), received.map(just_before)]
        }
        Kind::SleepEnd { began, .. } | Kind::Attempt { began } | Kind::StallEnd { began, .. } => {
            [Some(*began), None, None]
        }
        Kind::Stack { began, .. } => [*began, None, None],
        Kind::Refused { took_ns, .. } => [event.at.0.checked_sub(*took_ns).map(Stamp).or(Some(Stamp(0))), None, None],
        _ => [None; 3],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Client, ClockSample, Loss, ServerOp, Task};

    const HOUR: u64 = 3_600_000_000_000;
    const SECOND: Duration = Duration::from_secs(1);

    fn header(hour: u64) -> Line {
        Line::Header(Box::new(Header { started: Stamp(hour * HOUR), ..Header::default() }))
    }

    fn event(at: u64, kind: Kind) -> Line {
        Line::Event(Event { at: Stamp(at), task: Task::default(), netns: None, kind })
    }

    fn start(at: u64) -> Line {
        event(at, Kind::ServerStart)
    }

    fn guard(feed: Feed, hour: u64) -> Guard {
        let mut guard = Guard::new(feed);
        assert_eq!(guard.admit(&start(hour * HOUR), SECOND), Err(Why::BeforeHeader));
        assert_eq!(guard.admit(&header(hour), SECOND), Ok(Admitted::Yes));
        guard
    }

    #[test]
    fn a_time_far_ahead_is_not_believed_and_moves_nothing() {
        let mut guard = guard(Feed::Live, 1000);
        for absurd in [1026 * HOUR, LIMIT + 1, u64::MAX] {
            assert_eq!(guard.admit(&start(absurd), SECOND * 1800), Err(Why::ImpossibleTime), "{absurd}");
        }
        assert_eq!(guard.latest(), Some(Stamp(1000 * HOUR)));
        assert_eq!(guard.admit(&start(1000 * HOUR + 5), SECOND * 1800), Ok(Admitted::Yes));
        assert_eq!(guard.latest(), Some(Stamp(1000 * HOUR + 5)));
    }

    #[test]
    fn nobody_walks_ahead_step_by_step() {
        let mut guard = guard(Feed::Live, 0);
        let believed = (1..10_000).filter(|hour| guard.admit(&start(hour * HOUR), SECOND * 10).is_ok());
        assert_eq!(believed.count(), 24);
    }

    #[test]
    fn a_live_host_may_watch_for_weeks() {
        let mut guard = guard(Feed::Live, 1000);
        for day in 1..60_u32 {
            let at = (1000 + u64::from(day) * 24) * HOUR;
            assert_eq!(guard.admit(&start(at), SECOND * 86_400 * day), Ok(Admitted::Yes));
        }
    }

    #[test]
    fn a_recording_in_a_pipe_passes_faster_than_time() {
        let mut guard = guard(Feed::Pipe, 1000);
        for day in [1, 2, 5, 30] {
            assert_eq!(guard.admit(&start((1000 + 24 * day) * HOUR), SECOND), Ok(Admitted::Yes));
        }
        assert_eq!(guard.admit(&start((1000 + 24 * 61) * HOUR), SECOND), Err(Why::ImpossibleTime));
    }

    #[test]
    fn only_the_kernel_log_tells_of_times_long_before() {
        let mut guard = guard(Feed::Live, 1000);
        let log = event(5, Kind::KernelLog { text: "NFSD: starting 90-second grace period".to_owned() });
        assert_eq!(guard.admit(&log, SECOND), Ok(Admitted::Yes));
        assert_eq!(guard.admit(&start(5), SECOND), Err(Why::ImpossibleTime));
        let loss = Loss { at: Stamp(0), cause: "ring_full".to_owned(), count: 1, hides: String::new() };
        assert_eq!(guard.admit(&Line::Loss(loss), SECOND), Err(Why::ImpossibleTime));
    }

    #[test]
    fn nothing_begins_after_it_happened_and_no_sum_overflows() {
        let mut guard = guard(Feed::Live, 1000);
        let late = event(1000 * HOUR, Kind::Attempt { began: Stamp(1000 * HOUR + 1) });
        assert_eq!(guard.admit(&late, SECOND), Err(Why::ImpossibleTime));
        let refused = |took_ns| {
            let (op, client, xid, claim, name) = (ServerOp::Open, Client::default(), None, None, None);
            event(1000 * HOUR, Kind::Refused { op, client, xid, claim, name, in_grace: None, took_ns })
        };
        assert_eq!(guard.admit(&refused(1_000_000), SECOND), Ok(Admitted::Yes));
        assert_eq!(guard.admit(&refused(100 * HOUR), SECOND), Err(Why::ImpossibleTime));
        assert_eq!(guard.admit(&refused(u64::MAX), SECOND), Err(Why::ImpossibleTime));
        let sample = ClockSample { at: Stamp(1000 * HOUR), realtime_minus_boottime_ns: i64::MIN };
        assert_eq!(guard.admit(&Line::Clock(sample), SECOND), Err(Why::ImpossibleTime));
        assert_eq!(guard.admit(&header(u64::MAX / HOUR), SECOND), Err(Why::ImpossibleTime));
        let probes = vec![crate::record::ProbeRow::default(); MAX_ROWS + 1];
        let header = Line::Header(Box::new(Header { probes, ..Header::default() }));
        assert_eq!(guard.admit(&header, SECOND), Err(Why::TooMuchText));
    }

    #[test]
    fn a_second_header_is_a_new_start_and_a_thousand_are_enough() {
        let mut guard = guard(Feed::Live, 1000);
        assert_eq!(guard.admit(&header(1), SECOND), Ok(Admitted::Yes));
        assert_eq!(guard.latest(), Some(Stamp(HOUR)));
        let admitted = (0..2000).filter(|_| guard.admit(&header(1), SECOND).is_ok()).count();
        assert_eq!(admitted, 998);
        let newer = Header { schema: SCHEMA + 1, program: "9.0".to_owned(), ..Header::default() };
        let mut guard = Guard::new(Feed::Live);
        let admitted = guard.admit(&Line::Header(Box::new(newer)), SECOND);
        assert_eq!(admitted, Ok(Admitted::Newer(SCHEMA + 1, "9.0".to_owned())));
    }
}
