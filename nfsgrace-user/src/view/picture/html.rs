//! The picture as one page of HTML: nothing is fetched, and nothing runs but its own script.
//!
//! The page holds its data as JSON, which its script draws; text from the session reaches the page as text nodes only. What
//! is written here itself (the title, the picture for printing, the verdicts where no script may run) is escaped.

use std::fmt::Write as _;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use sha2::{Digest as _, Sha256};

use super::{
    Picture, ink,
    svg::{self, Head, escape},
};

const PAGE: &str = include_str!("page/page.html");
const STYLE: &str = include_str!("page/page.css");
const SCRIPT: [&str; 5] = [
    include_str!("page/parts.js"),
    include_str!("page/draw.js"),
    include_str!("page/chart.js"),
    include_str!("page/tables.js"),
    include_str!("page/start.js"),
];

/// The page.
#[must_use]
pub fn page(picture: &Picture) -> String {
    let script = format!("\"use strict\";\n(() => {{\n{}}})();\n", SCRIPT.concat());
    let inks = ink::ALL.map(|ink| format!("  --{}: light-dark({}, {});\n", ink.name, ink.light, ink.dark));
    let style = format!(":root {{\n{}}}\n{STYLE}", inks.concat());
    fill(|name| match name {
        "title" => escape(&picture.title),
        "axis" => escape(&picture.axis),
        "version" => env!("CARGO_PKG_VERSION").to_owned(),
        "style" => style.clone(),
        "style-hash" => hash(&style),
        "script-hash" => hash(&script),
        "script" => script.clone(),
        "verdicts" => verdicts(picture),
        "still" => svg::draw(picture, Head::None),
        "picture" => data(picture),
        _ => String::new(),
    })
}

/// Puts into each `{{name}}` of the page what belongs there; what was put in is not looked at again.
fn fill(value: impl Fn(&str) -> String) -> String {
    let mut page = String::new();
    let mut rest = PAGE;
    while let Some((before, after)) = rest.split_once("{{") {
        let Some((name, behind)) = after.split_once("}}") else { break };
        page.push_str(before);
        page.push_str(&value(name));
        rest = behind;
    }
    page + rest
}

/// How a Content-Security-Policy names a script or a style sheet.
fn hash(text: &str) -> String {
    format!("sha256-{}", BASE64_STANDARD.encode(Sha256::digest(text)))
}

/// JSON that cannot end its element: none of the characters that HTML gives a meaning, nor those that end a line of script.
fn data(picture: &Picture) -> String {
    let json = serde_json::to_string(picture).unwrap_or_else(|_| "null".to_owned());
    let mut safe = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                let _ = write!(safe, "\\u{:04x}", u32::from(c));
            }
            c => safe.push(c),
        }
    }
    safe
}

/// The verdicts for readers whose browser runs no script.
fn verdicts(picture: &Picture) -> String {
    let mut out = String::new();
    for host in &picture.hosts {
        for card in &host.verdicts {
            let _ = write!(
                out,
                "<article class=\"verdict {}\"><h2>{}</h2><p>{}</p><p>{}</p><ul>",
                card.severity,
                escape(&card.title),
                escape(&card.headline),
                escape(&card.costs.join("; "))
            );
            for step in card.remedy.iter().chain(&card.avoid) {
                let _ = write!(out, "<li>{}</li>", escape(step));
            }
            out.push_str("</ul></article>\n");
        }
        if let Some(nothing) = &host.nothing {
            let _ = write!(out, "<p>{}</p>", escape(nothing));
        }
        let _ = write!(out, "<p>{}</p>", escape(&host.stalls));
    }
    for note in &picture.notes {
        let _ = write!(out, "<p>{}</p>", escape(note));
    }
    out
}
