//! What a mark means, and what of it both pens must know to draw it.

use serde::Serialize;

use super::ink::{self, Ink};

/// What a pen can draw.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shape {
    /// A stretch through all lanes of a host.
    Band,
    /// A stretch in the middle of a lane.
    Bar,
    /// A line across the middle of a lane.
    Tick,
    /// A stretch below a bar, open at its top.
    Bracket,
    /// A figure of its own, at a moment.
    Sign,
    /// Words.
    Text,
}

/// How a shape is filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fill {
    /// Seen.
    Solid,
    /// Partly seen: stripes.
    Hatched,
    /// Computed or inferred: only its outline, in dashes.
    Dashed,
}

/// How text is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Font {
    /// Less important.
    Small,
    /// Ordinary.
    Body,
    /// Bold.
    Strong,
}

/// How a class of marks looks.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Look {
    /// What is drawn.
    pub shape: Shape,
    /// In which colour.
    pub ink: Ink,
    /// How it is filled.
    pub fill: Fill,
    /// Half its height, pixels. Of text: how far below the middle of its lane it stands; there, it is centred in its stretch.
    pub size: f64,
    /// It is left out where its stretch takes less room than this, pixels.
    pub least: f64,
    /// Outline of a sign around its place, as path of SVG.
    pub path: &'static str,
    /// How text is set.
    pub font: Font,
    /// The colour of text that stands on the bar that it is about.
    pub inside: Ink,
    /// What it means, for the legend; empty where words beside it say so.
    pub means: &'static str,
}

const fn look(shape: Shape, ink: Ink, size: f64, means: &'static str) -> Look {
    let (fill, font) = (Fill::Solid, Font::Body);
    Look { shape, ink, fill, size, least: 0.0, path: "", font, inside: ink, means }
}

const fn bar(ink: Ink, size: f64, means: &'static str) -> Look {
    look(Shape::Bar, ink, size, means)
}

const fn sign(ink: Ink, path: &'static str, means: &'static str) -> Look {
    Look { path, ..look(Shape::Sign, ink, 6.0, means) }
}

const fn text(ink: Ink, font: Font, size: f64) -> Look {
    Look { font, ..look(Shape::Text, ink, size, "") }
}

const fn hatched(look: Look) -> Look {
    Look { fill: Fill::Hatched, ..look }
}

const fn dashed(look: Look) -> Look {
    Look { fill: Fill::Dashed, ..look }
}

const BRACKET: Look = Look { least: 4.0, ..look(Shape::Bracket, ink::MUTED, 9.0, "sleep asked for") };
const POLL: Look = Look { least: 3.0, ..look(Shape::Tick, ink::PAPER, 7.0, "") };
const DOT: &str = "M-4.5 0A4.5 4.5 0 1 1 4.5 0A4.5 4.5 0 1 1 -4.5 0Z";
const DIAMOND: &str = "M0 -6L5 0L0 6L-5 0Z";
const ARROW: &str = "M0 -6L8 0L0 6Z";
const CROSS: &str =
    "M0 -2.4L3.4 -5.8L5.8 -3.4L2.4 0L5.8 3.4L3.4 5.8L0 2.4L-3.4 5.8L-5.8 3.4L-2.4 0L-5.8 -3.4L-3.4 -5.8Z";

macro_rules! classes {
    ($($class:ident: $look:expr,)+) => {
        /// What a mark means; in the order of the legend.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
        #[expect(missing_docs, reason = "the look of each says what it means")]
        pub enum Class { $($class,)+ }

        impl Class {
            /// How it looks.
            #[must_use]
            pub const fn look(self) -> Look {
                match self { $(Self::$class => const { $look },)+ }
            }
        }
    };
}

classes! {
    Ground: look(Shape::Band, ink::GRACE_GROUND, 0.0, ""),
    Grace: bar(ink::GRACE, 11.0, "grace period"),
    GraceNotWatched: hatched(bar(ink::GRACE, 11.0, "grace period, not watched")),
    GraceEnd: look(Shape::Band, ink::GRACE_END, 0.0, "end of the grace period"),
    GraceEndUnsure: hatched(look(Shape::Band, ink::GRACE_END, 0.0, "end of the grace period, within the error of the clocks")),
    Planned: dashed(bar(ink::GRACE_END, 14.0, "planned end of the grace period (computed)")),
    GraceLabel: Look { inside: ink::GRACE_TEXT, ..text(ink::TEXT, Font::Strong, 0.0) },
    TrackerWorks: bar(ink::GOOD, 7.0, ""),
    TrackerFails: bar(ink::FAILED, 7.0, ""),
    TrackingWorks: text(ink::GOOD, Font::Body, 0.0),
    TrackingFails: text(ink::FAILED, Font::Body, 0.0),
    Poll: POLL,
    PollInferred: dashed(POLL),
    Waited: bar(ink::SLEEP, 0.75, ""),
    Asleep: bar(ink::SLEEP, 5.0, "asleep"),
    AsleepUnseen: hatched(bar(ink::SLEEP, 5.0, "asleep, end of the sleep not seen")),
    Wasted: bar(ink::TAIL, 5.0, "asleep after the grace period: wasted"),
    WastedUnseen: hatched(bar(ink::TAIL, 5.0, "wasted, end of the sleep not seen")),
    Asked: BRACKET,
    AskedComputed: dashed(Look { means: "sleep asked for (computed)", ..BRACKET }),
    Slept: text(ink::TEXT, Font::Small, -15.0),
    AskedFor: text(ink::TEXT, Font::Small, 17.0),
    Refused: look(Shape::Tick, ink::TEXT, 7.0, "refused"),
    RefusedCounted: hatched(bar(ink::TEXT, 3.0, "more refusals, only counted")),
    Free: sign(ink::GOOD, DOT, "free, or done reclaiming"),
    Failed: sign(ink::TAIL, CROSS, "failed"),
    EndUnseen: dashed(sign(ink::MUTED, DOT, "end not seen")),
    Waiting: sign(ink::SLEEP, ARROW, "still waiting"),
    WriteAccepted: sign(ink::GOOD, DIAMOND, "write to v4_end_grace"),
    WriteRefused: sign(ink::TAIL, DIAMOND, "refused write to v4_end_grace"),
    Lost: hatched(bar(ink::TEXT, 6.0, "records lost")),
    Note: text(ink::MUTED, Font::Body, 0.0),
}
