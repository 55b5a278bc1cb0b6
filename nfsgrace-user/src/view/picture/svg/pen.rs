//! Writes the elements of an SVG, every text escaped, and draws marks with them.

use std::fmt::Write as _;

use super::super::{
    Fill, Font, Look, Mark, Shape, Span,
    ink::{self, Ink},
};
use crate::view::{clean_tail, cut, width};

/// Where the text of a line begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// How text looks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Type {
    pub size: f64,
    pub bold: bool,
    pub ink: Ink,
}

impl Type {
    pub(super) const SMALL: Self = Self { size: 11.0, bold: false, ink: ink::MUTED };
    pub(super) const BODY: Self = Self { size: 12.0, bold: false, ink: ink::TEXT };
    pub(super) const STRONG: Self = Self { size: 12.0, bold: true, ink: ink::TEXT };

    fn of(look: &Look) -> Self {
        let font = match look.font {
            Font::Small => Self::SMALL,
            Font::Body => Self::BODY,
            Font::Strong => Self::STRONG,
        };
        font.colored(look.ink)
    }

    pub(super) fn colored(self, ink: Ink) -> Self {
        Self { ink, ..self }
    }

    /// The room that a column of text takes: more than most fonts need.
    fn column(self) -> f64 {
        self.size * if self.bold { 0.58 } else { 0.54 }
    }

    /// The room that a text takes.
    pub(super) fn width(self, text: &str) -> f64 {
        width(text) as f64 * self.column()
    }

    /// The text, or as much of its beginning as there is room for.
    pub(super) fn fit(self, text: &str, room: f64) -> String {
        let columns = (room / self.column()) as usize;
        match width(text) {
            taken if taken <= columns => text.to_owned(),
            _ if columns < 2 => String::new(),
            _ => format!("{}…", cut(text, columns - 1).trim_end()),
        }
    }

    /// The text, or as much of its end as there is room for: paths differ at their end.
    pub(super) fn fit_tail(self, text: &str, room: f64) -> String {
        let columns = (room / self.column()) as usize;
        if columns > 3 { clean_tail(text, columns) } else { String::new() }
    }
}

/// From the axis to the paper.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale {
    pub span: Span,
    /// Where the lanes begin.
    pub left: f64,
    /// Where they end.
    pub right: f64,
    /// Where words must end.
    pub edge: f64,
}

impl Scale {
    /// Where a moment lies; at the edge when it lies outside.
    pub(super) fn x(self, at: f64) -> f64 {
        let part = (at - self.span.from) / self.span.length().max(f64::MIN_POSITIVE);
        self.left + part.clamp(0.0, 1.0) * (self.right - self.left)
    }

    pub(super) fn shows(self, span: Span) -> bool {
        span.from <= self.span.to && self.span.from <= span.to
    }
}

/// An SVG under construction.
#[derive(Debug, Default)]
pub(super) struct Pen {
    out: String,
}

/// Makes text safe inside an element or an attribute. XML knows no noncharacters.
pub(in crate::view::picture) fn escape(text: &str) -> String {
    let text = text.replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}");
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

impl Pen {
    /// A rectangle with attributes.
    pub(super) fn rect(&mut self, (x1, x2): (f64, f64), (y1, y2): (f64, f64), attributes: &str) {
        let [x, y, wide, high] = [x1, y1, x2 - x1, y2 - y1].map(n);
        let _ = writeln!(self.out, "<rect x=\"{x}\" y=\"{y}\" width=\"{wide}\" height=\"{high}\" {attributes}/>");
    }

    fn line(&mut self, (x1, y1): (f64, f64), (x2, y2): (f64, f64), attributes: &str) {
        let [x1, y1, x2, y2] = [x1, y1, x2, y2].map(n);
        let _ = writeln!(self.out, "<line x1=\"{x1}\" y1=\"{y1}\" x2=\"{x2}\" y2=\"{y2}\" {attributes}/>");
    }

    pub(super) fn text(&mut self, x: f64, y: f64, anchor: Anchor, look: Type, text: &str) {
        self.words(x, y, anchor, look, "", text);
    }

    fn words(&mut self, x: f64, y: f64, anchor: Anchor, look: Type, attributes: &str, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "",
            Anchor::Middle => " text-anchor=\"middle\"",
            Anchor::End => " text-anchor=\"end\"",
        };
        let weight = if look.bold { " font-weight=\"600\"" } else { "" };
        let ([x, y, size], fill, text) = ([x, y, look.size].map(n), look.ink.light, escape(text));
        let _ = writeln!(
            self.out,
            "<text x=\"{x}\" y=\"{y}\" font-size=\"{size}\" fill=\"{fill}\"{anchor}{weight}{attributes}>{text}</text>"
        );
    }

    /// A line that belongs to no mark.
    pub(super) fn rule(&mut self, from: (f64, f64), to: (f64, f64), ink: Ink) {
        self.line(from, to, &format!("stroke=\"{}\"", ink.light));
    }

    /// What is drawn together; nothing where that is nothing.
    pub(super) fn group<T>(&mut self, begin: &str, draw: impl FnOnce(&mut Self) -> T) -> T {
        let before = self.out.len();
        self.out.push_str(begin);
        self.out.push('\n');
        let empty = self.out.len();
        let drawn = draw(self);
        if self.out.len() == empty {
            self.out.truncate(before);
        } else {
            self.out.push_str("</g>\n");
        }
        drawn
    }

    /// What is drawn together, and tells its text where a pointer rests on it.
    pub(super) fn telling(&mut self, text: &str, draw: impl FnOnce(&mut Self)) {
        if text.is_empty() {
            return draw(self);
        }
        self.group(&format!("<g><title>{}</title>", escape(text)), draw);
    }

    pub(super) fn finish(self) -> String {
        self.out
    }

    /// Draws a mark between two heights, in the look of its class or a smaller one; the element tells its class.
    pub(super) fn mark(&mut self, mark: &Mark, look: &Look, scale: Scale, (top, bottom): (f64, f64)) {
        let paint = format!("class=\"{:?}\" {}", mark.class, paint(look));
        let (x1, x2, y) = (scale.x(mark.from), scale.x(mark.to), (top + bottom) / 2.0);
        let reach = match look.shape {
            Shape::Text => mark.until.unwrap_or(f64::INFINITY).max(mark.to),
            Shape::Tick => mark.from,
            _ => mark.to,
        };
        if !scale.shows(Span::new(mark.from, reach)) || x2 - x1 < look.least {
            return;
        }
        match look.shape {
            Shape::Band => {
                let half = if mark.from == mark.to { 0.6 } else { 0.0 };
                self.rect((x1 - half, x2 + half), (top, bottom), &paint);
            }
            Shape::Bar => self.rect((x1, x2.max(x1 + 1.0)), (y - look.size, y + look.size), &paint),
            Shape::Tick => self.line((x1, y - look.size), (x1, y + look.size), &paint),
            Shape::Bracket => {
                let [x1, x2, high, low] = [x1, x2, y + look.size - 3.0, y + look.size].map(n);
                self.path(&format!("M{x1} {high}V{low}H{x2}V{high}"), &paint);
            }
            Shape::Sign => {
                let place = format!(" transform=\"translate({} {})\"", n(x1), n(y));
                self.path(look.path, &(paint + &place));
            }
            Shape::Text => self.says(mark, look, scale, y),
        }
    }

    /// Says the first of a mark's texts that there is room for, in its stretch or behind it.
    fn says(&mut self, mark: &Mark, look: &Look, scale: Scale, y: f64) {
        let (font, x1, x2) = (Type::of(look), scale.x(mark.from), scale.x(mark.to));
        let class = format!(" class=\"{:?}\"", mark.class);
        if look.size != 0.0 {
            let fits = mark.texts.iter().find(|text| font.width(text) <= x2 - x1 - 2.0);
            let y = y + look.size + 4.0;
            fits.into_iter().for_each(|text| self.words((x1 + x2) / 2.0, y, Anchor::Middle, font, &class, text));
            return;
        }
        let limit = mark.until.filter(|until| *until <= scale.span.to).map_or(scale.edge, |until| scale.x(until));
        let rooms = [(x1, x2 - x1, look.inside), (x2, limit - x2, look.ink)];
        let places = mark.texts.iter().flat_map(|text| rooms.map(|(x, room, ink)| (x, room - 14.0, ink, text)));
        let fits = places.clone().find(|(_, room, _, text)| font.width(text) <= *room);
        if let Some((x, room, ink, text)) = fits.or(places.last()) {
            let text = font.fit(text, room);
            self.words(x + 8.0, y + 4.0, Anchor::Start, font.colored(ink), &class, &text);
        }
    }

    fn path(&mut self, data: &str, attributes: &str) {
        let _ = writeln!(self.out, "<path d=\"{data}\" {attributes}/>");
    }
}

/// How a look is painted, as attributes of an element.
fn paint(look: &Look) -> String {
    let (ink, paper) = (look.ink.light, ink::PAPER.light);
    let hatches = format!("url(#nfsgrace-{})", look.ink.name);
    let dashes = if look.fill == Fill::Dashed { " stroke-dasharray=\"3 2\"" } else { "" };
    let paint = match (look.shape, look.fill) {
        (Shape::Tick | Shape::Bracket, _) => format!("fill=\"none\" stroke=\"{ink}\" stroke-width=\"1.3\""),
        (Shape::Sign, Fill::Solid) => format!("fill=\"{ink}\" stroke=\"{paper}\""),
        (Shape::Sign, _) => format!("fill=\"{paper}\" stroke=\"{ink}\""),
        (_, Fill::Solid) => format!("fill=\"{ink}\""),
        (Shape::Band, _) => format!("fill=\"{hatches}\" fill-opacity=\"0.4\""),
        (_, Fill::Hatched) => format!("fill=\"{hatches}\""),
        (_, Fill::Dashed) => format!("fill=\"none\" stroke=\"{ink}\" stroke-width=\"1.2\""),
    };
    paint + dashes
}

/// A coordinate: a tenth of a pixel is enough.
fn n(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}
