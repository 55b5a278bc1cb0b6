//! The marks of a picture: all that a pen draws, lane by lane.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Class, Look, Span};

/// One thing that is drawn in a lane: a stretch of the axis, or a moment.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Mark {
    /// What it means.
    #[serde(rename = "is")]
    pub class: Class,
    /// Its beginning, seconds on the axis.
    pub from: f64,
    /// Its end; of a tick, how far the next one must be away for both to be drawn.
    pub to: f64,
    /// Which of its lane's tips tells what it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tip: Option<usize>,
    /// Of text, what it says: the first that there is room for, in its stretch or behind it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub texts: Vec<String>,
    /// Of text, where the room behind it ends; absent where nothing follows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<f64>,
}

impl Mark {
    /// A stretch of the axis.
    pub(super) fn over(class: Class, span: Span) -> Self {
        Self { class, from: span.from, to: span.to, tip: None, texts: Vec::new(), until: None }
    }

    /// A moment.
    pub(super) fn at(class: Class, at: f64) -> Self {
        Self::over(class, Span::new(at, at))
    }

    /// With words.
    pub(super) fn says(self, texts: impl IntoIterator<Item = String>, until: Option<f64>) -> Self {
        Self { texts: texts.into_iter().collect(), until, ..self }
    }

    /// Where it lies.
    #[must_use]
    pub fn span(&self) -> Span {
        Span::new(self.from, self.to)
    }
}

/// What a reader is told who points at something.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Tip {
    /// What it is, and what there is to say about it.
    Said {
        /// What it is.
        title: String,
        /// Of what, and what.
        rows: Vec<(String, String)>,
    },
    /// A row of the table of tries, whose columns are [`TRIES`].
    Try([String; 7]),
}

/// What the table of tries has of each; the first column is its number.
pub const TRIES: [&str; 7] = ["#", "refused with", "longer because of", "#at (s)", "#asked", "#slept", "#gap"];

impl Tip {
    pub(super) fn new<const N: usize>(title: impl Into<String>, rows: [(&str, String); N]) -> Self {
        let rows = rows.into_iter().filter(|(_, said)| !said.is_empty());
        Self::Said { title: title.into(), rows: rows.map(|(what, said)| (what.to_owned(), said)).collect() }
    }

    /// All of it in one line. What a try is one of, is said by its lane.
    pub(super) fn line(&self, lane: &str) -> String {
        let said = |what: &str, said: &str| format!("{} {said}", what.trim_start_matches('#'));
        match self {
            Self::Said { title, rows } => {
                let rows = rows.iter().map(|(what, text)| said(what, text));
                std::iter::once(title.clone()).chain(rows).collect::<Vec<_>>().join(", ")
            }
            Self::Try([number, rest @ ..]) => {
                let rows = TRIES[1..].iter().zip(rest).filter(|(_, text)| *text != "–");
                let rows = rows.map(|(what, text)| said(what, text));
                std::iter::once(format!("Try {number} of {lane}")).chain(rows).collect::<Vec<_>>().join(", ")
            }
        }
    }
}

/// What a lane is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum About {
    /// The lanes of a host follow.
    Host,
    /// Some lanes follow that belong together.
    #[default]
    Head,
    /// A server.
    Server,
    /// Lost records.
    Lost,
    /// A stalled task.
    Stall,
}

/// One lane, from its name to the numbers at its end.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Lane {
    /// What it is about.
    pub about: About,
    /// Which of the hosts.
    pub host: usize,
    /// Its height, pixels.
    pub height: f64,
    /// Its name.
    pub name: String,
    /// The file that a task waits for.
    pub file: String,
    /// Words beside the name where there is no room elsewhere.
    pub aside: String,
    /// What its tips leave out.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub rest: String,
    /// At its end: the time lost, the part of it after the grace period, and a smaller line below.
    pub numbers: [String; 3],
    /// What it shows, in words.
    pub tip: Option<Tip>,
    /// What its marks show.
    pub tips: Vec<Tip>,
    /// What is drawn in it, from back to front.
    pub marks: Vec<Mark>,
    /// What a stall cost, nanoseconds.
    #[serde(skip)]
    pub lost_ns: u64,
    /// Which start of a server caused it, and of which host where that is another one.
    #[serde(skip)]
    pub caused_by: Option<(Option<String>, u32)>,
}

impl Lane {
    pub(super) fn new(about: About, host: usize, height: f64, name: impl Into<String>) -> Self {
        Self { about, host, height, name: name.into(), ..Self::default() }
    }

    /// Whether it is only a heading.
    #[must_use]
    pub fn is_head(&self) -> bool {
        matches!(self.about, About::Host | About::Head)
    }

    /// From the first to the last that is drawn in it.
    #[must_use]
    pub fn extent(&self) -> Option<Span> {
        self.marks.iter().map(Mark::span).reduce(Span::join)
    }

    /// Adds marks that this tip tells about.
    pub(super) fn tell(&mut self, tip: Tip, marks: impl IntoIterator<Item = Mark>) {
        self.tips.push(tip);
        let tip = self.tips.len().checked_sub(1);
        self.marks.extend(marks.into_iter().map(|mark| Mark { tip, ..mark }));
    }
}

/// The looks of all classes that occur.
pub(super) fn looks<'a>(marks: impl Iterator<Item = &'a Mark>) -> BTreeMap<Class, Look> {
    marks.map(|mark| (mark.class, mark.class.look())).collect()
}
