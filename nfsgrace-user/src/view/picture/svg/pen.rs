//! Writes the elements of an SVG, every text escaped.

use std::fmt::Write as _;

use crate::view::width;

/// The colours, for a light ground; told apart with any colour vision (after Okabe and Ito), and never by hue alone.
pub(super) mod ink {
    pub const PAPER: &str = "#ffffff";
    pub const TEXT: &str = "#1c2128";
    pub const MUTED: &str = "#59636e";
    pub const GRID: &str = "#e4e7eb";
    pub const STRIPE: &str = "#f6f7f9";
    pub const SLEEP: &str = "#3a78b4";
    pub const GRACE: &str = "#e9a820";
    pub const GRACE_GROUND: &str = "#fdf3dc";
    pub const GRACE_TEXT: &str = "#3d2a00";
    pub const GRACE_END: &str = "#9a6700";
    pub const TAIL: &str = "#d1470c";
    pub const GOOD: &str = "#0a7a5c";
    pub const FAILED: &str = "#6b4f8a";
}

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
    pub color: &'static str,
}

impl Type {
    pub(super) const SMALL: Self = Self { size: 11.0, bold: false, color: ink::MUTED };
    pub(super) const BODY: Self = Self { size: 12.0, bold: false, color: ink::TEXT };
    pub(super) const STRONG: Self = Self { size: 12.0, bold: true, color: ink::TEXT };

    pub(super) fn colored(self, color: &'static str) -> Self {
        Self { color, ..self }
    }

    /// The room that a text takes: more than most fonts need.
    pub(super) fn width(self, text: &str) -> f64 {
        let columns = f64::from(u32::try_from(width(text)).unwrap_or(u32::MAX));
        columns * self.size * if self.bold { 0.58 } else { 0.54 }
    }

    /// The text, or as much of its beginning as there is room for.
    pub(super) fn fit(self, text: &str, room: f64) -> String {
        if self.width(text) <= room {
            return text.to_owned();
        }
        let mut short = String::new();
        for c in text.chars() {
            short.push(c);
            if self.width(&short) + self.size > room {
                short.pop();
                break;
            }
        }
        if short.is_empty() { short } else { format!("{}…", short.trim_end()) }
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
    /// Writes markup as it is.
    pub(super) fn raw(&mut self, markup: &str) {
        self.out.push_str(markup);
        self.out.push('\n');
    }

    pub(super) fn rect(&mut self, x: (f64, f64), y: (f64, f64), fill: &str) {
        self.shape(x, y, &format!("fill=\"{fill}\""));
    }

    /// A rectangle with attributes; always wide enough to be seen.
    pub(super) fn shape(&mut self, (x1, x2): (f64, f64), (y1, y2): (f64, f64), attributes: &str) {
        let (wide, high) = ((x2 - x1).max(0.8), (y2 - y1).max(0.0));
        let _ = writeln!(
            self.out,
            "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" {attributes}/>",
            n(x1),
            n(y1),
            n(wide),
            n(high)
        );
    }

    pub(super) fn line(&mut self, (x1, y1): (f64, f64), (x2, y2): (f64, f64), color: &str, attributes: &str) {
        let _ = writeln!(
            self.out,
            "<line x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\" stroke=\"{color}\" {attributes}/>",
            n(x1),
            n(y1),
            n(x2),
            n(y2)
        );
    }

    pub(super) fn path(&mut self, data: &str, attributes: &str) {
        let _ = writeln!(self.out, "<path d=\"{data}\" {attributes}/>");
    }

    pub(super) fn circle(&mut self, x: f64, y: f64, radius: f64, attributes: &str) {
        let _ = writeln!(self.out, "<circle cx=\"{}\" cy=\"{}\" r=\"{}\" {attributes}/>", n(x), n(y), n(radius));
    }

    pub(super) fn text(&mut self, x: f64, y: f64, anchor: Anchor, look: Type, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "",
            Anchor::Middle => " text-anchor=\"middle\"",
            Anchor::End => " text-anchor=\"end\"",
        };
        let weight = if look.bold { " font-weight=\"600\"" } else { "" };
        let _ = writeln!(
            self.out,
            "<text x=\"{}\" y=\"{}\" font-size=\"{}\" fill=\"{}\"{anchor}{weight}>{}</text>",
            n(x),
            n(y),
            n(look.size),
            look.color,
            escape(text)
        );
    }

    /// Begins a group that tells its text where a pointer rests on it.
    pub(super) fn begin(&mut self, title: &str) {
        let _ = writeln!(self.out, "<g><title>{}</title>", escape(title));
    }

    pub(super) fn end(&mut self) {
        self.raw("</g>");
    }

    pub(super) fn finish(self) -> String {
        self.out
    }
}

/// A coordinate: a tenth of a pixel is enough.
fn n(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}
