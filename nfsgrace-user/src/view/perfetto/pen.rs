//! Writes what one host saw onto its tracks.

use super::{
    Axis,
    args::Args,
    trace::{Label, Trace},
    track::Track,
};
use crate::{record::Stamp, view::clean};

/// Times past this are not times: Perfetto's own are signed.
const LATEST: u64 = i64::MAX.cast_unsigned();

/// Something that took time, with what happened within it.
#[derive(Debug)]
pub(super) struct Slice {
    pub(super) name: String,
    pub(super) category: &'static str,
    pub(super) begin: Stamp,
    pub(super) end: Stamp,
    pub(super) flow: Option<u64>,
    pub(super) args: Args,
    pub(super) within: Vec<Slice>,
}

/// Writes onto the tracks of one host.
pub(super) struct Pen<'a, 'axis> {
    pub(super) trace: &'a mut Trace,
    /// Number of the host in this trace.
    pub(super) host: u32,
    pub(super) name: &'a str,
    pub(super) axis: &'a Axis<'axis>,
}

impl Pen<'_, '_> {
    /// A track's number; the track is described where it was not.
    fn track(&mut self, track: Track<'_>) -> u64 {
        let uuid = track.uuid(self.host);
        if !self.trace.is_described(uuid) {
            let shown = track.shown(self.name);
            let parent = shown.parent.map(|parent| self.track(parent));
            self.trace.describe(uuid, parent, &shown);
        }
        uuid
    }

    fn at(&self, at: Stamp) -> u64 {
        self.axis.place(at).stamp().0.min(LATEST)
    }

    /// How far off this moment may be is told with it.
    fn doubted(&self, at: Stamp, args: Args) -> Args {
        let uncertainty = self.axis.place(at).error.unwrap_or_default();
        args.with("clock_uncertainty_ns", (!uncertainty.is_zero()).then_some(uncertainty))
    }

    pub(super) fn begin(&mut self, track: Track<'_>, at: Stamp, name: &str, category: &'static str, args: Args) {
        let args = self.doubted(at, args);
        let (uuid, at) = (self.track(track), self.at(at));
        self.trace.begin(uuid, at, Label { name: &clean(name), category, flow: None, args: &args });
    }

    pub(super) fn end(&mut self, track: Track<'_>, at: Stamp, args: &Args) {
        let (uuid, at) = (self.track(track), self.at(at));
        self.trace.end(uuid, at, args);
    }

    pub(super) fn instant(&mut self, track: Track<'_>, at: Stamp, name: &str, category: &'static str, args: Args) {
        let args = self.doubted(at, args);
        let (uuid, at) = (self.track(track), self.at(at));
        self.trace.instant(uuid, at, Label { name: &clean(name), category, flow: None, args: &args });
    }

    pub(super) fn count(&mut self, track: Track<'_>, at: Stamp, value: u64) {
        let (uuid, at) = (self.track(track), self.at(at));
        self.trace.count(uuid, at, value);
    }

    /// A slice that is over, and all within it.
    pub(super) fn slice(&mut self, track: Track<'_>, slice: &Slice) {
        let uuid = self.track(track);
        self.slice_within(uuid, slice, LATEST);
    }

    fn slice_within(&mut self, uuid: u64, slice: &Slice, until: u64) {
        let Slice { name, category, begin, end, flow, args, within } = slice;
        let args = self.doubted(*begin, args.clone());
        let begin = self.at(*begin).min(until).max(self.trace.latest(uuid));
        let end = self.at(*end).min(until).max(begin);
        self.trace.begin(uuid, begin, Label { name: &clean(name), category, flow: *flow, args: &args });
        for slice in within {
            self.slice_within(uuid, slice, end);
        }
        self.trace.end(uuid, end, &Args::new());
    }

    /// Ties the host's clock to the wall clock. Only the first host's: one trace has one wall clock.
    pub(super) fn clock(&mut self, at: Stamp, realtime_minus_boottime_ns: i64) {
        if self.host == 0 {
            let wall = crate::view::wall_ns(at, realtime_minus_boottime_ns);
            let at = self.at(at);
            self.trace.clock_snapshot(at, wall);
        }
    }
}
