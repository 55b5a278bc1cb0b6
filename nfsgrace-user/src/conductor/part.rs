//! Which lines of one session are asked for.

use crate::record::{ClockSample, Header, Kind, Line, Moment, Selection, Span, Stamp, Window};

/// What becomes of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Nothing: it is not asked for.
    No,
    /// It is needed to understand what is asked for.
    Unseen,
    /// The span of time that is asked for begins with it.
    Begins,
    /// It is asked for.
    Yes,
}

/// Follows a session, and tells what of it is asked for.
#[derive(Debug)]
pub(super) struct Part {
    window: Window,
    /// End of the session, where the window asks for it.
    end: Stamp,
    pub(super) span: Span,
    begun: bool,
    wall_clock_known: bool,
}

impl Part {
    pub(super) fn new(window: Window, end: Stamp) -> Self {
        Self { window, end, span: window.on(0, end), begun: window.since.is_none(), wall_clock_known: false }
    }

    /// Judges the next line.
    pub(super) fn wants(&mut self, line: &Line, selection: &Selection) -> Wanted {
        let asked_for = match line {
            // What was counted in all of the time says nothing about a part of it.
            Line::Event(event) if matches!(event.kind, Kind::Counts(_)) && !self.window.is_all() => false,
            Line::Event(event) => event.at <= self.span.until && selection.filter.admits(event),
            Line::Loss(loss) => loss.at <= self.span.until,
            Line::Header(header) => {
                let Header { realtime_minus_boottime_ns, .. } = **header;
                return self.clock(realtime_minus_boottime_ns);
            }
            Line::Clock(ClockSample { realtime_minus_boottime_ns, .. }) => {
                return self.clock(*realtime_minus_boottime_ns);
            }
            // Conclusions are drawn anew.
            Line::Verdict(_) | Line::Summary(_) | Line::Paired(_) => false,
        };
        match (asked_for, self.begun) {
            (false, _) => Wanted::No,
            (true, true) => Wanted::Yes,
            (true, false) if line.at() < self.span.since => Wanted::Unseen,
            (true, false) => {
                self.begun = true;
                Wanted::Begins
            }
        }
    }

    fn clock(&mut self, realtime_minus_boottime_ns: i64) -> Wanted {
        self.wall_clock_known |= realtime_minus_boottime_ns != 0;
        self.span = self.window.on(realtime_minus_boottime_ns, self.end);
        Wanted::Yes
    }

    /// Whether nothing of it came.
    pub(super) fn is_empty(&self) -> bool {
        !self.begun
    }

    /// Whether it is named by a wall clock that the session says nothing of.
    pub(super) fn cannot_be_placed(&self) -> bool {
        let Window { since, until } = self.window;
        !self.wall_clock_known && [since, until].iter().any(|it| matches!(it, Some(Moment::Wall(_))))
    }
}
