//! The colours by what they stand for: told apart with any colour vision (after Okabe and Ito), and never by hue alone.

use serde::{Serialize, Serializer};

/// A colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ink {
    /// Its name in the style sheet.
    pub name: &'static str,
    /// On a light ground.
    pub light: &'static str,
    /// On a dark ground.
    pub dark: &'static str,
}

impl Serialize for Ink {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name)
    }
}

const fn ink(name: &'static str, light: &'static str, dark: &'static str) -> Ink {
    Ink { name, light, dark }
}

pub(super) const PAPER: Ink = ink("paper", "#ffffff", "#14171c");
pub(super) const TEXT: Ink = ink("ink", "#1c2128", "#e4e8ee");
pub(super) const MUTED: Ink = ink("muted", "#59636e", "#9aa5b1");
pub(super) const LINE: Ink = ink("line", "#dfe3e8", "#2e343d");
pub(super) const GRID: Ink = ink("grid", "#e8ebef", "#262b33");
pub(super) const SLEEP: Ink = ink("sleep", "#3a78b4", "#6ea8dc");
pub(super) const GRACE: Ink = ink("grace", "#e9a820", "#c98f1b");
pub(super) const GRACE_GROUND: Ink = ink("grace-ground", "#fdf3dc", "#2b2416");
pub(super) const GRACE_TEXT: Ink = ink("grace-ink", "#3d2a00", "#171000");
pub(super) const GRACE_END: Ink = ink("grace-end", "#9a6700", "#e3b341");
pub(super) const TAIL: Ink = ink("tail", "#d1470c", "#ff7b47");
pub(super) const GOOD: Ink = ink("good", "#0a7a5c", "#45c49c");
pub(super) const FAILED: Ink = ink("failed", "#6b4f8a", "#b99be0");

/// All of them.
pub(super) const ALL: [Ink; 13] =
    [PAPER, TEXT, MUTED, LINE, GRID, SLEEP, GRACE, GRACE_GROUND, GRACE_TEXT, GRACE_END, TAIL, GOOD, FAILED];
