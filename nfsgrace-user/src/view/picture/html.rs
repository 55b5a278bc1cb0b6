//! The picture as one page of HTML: nothing is fetched, and nothing runs but its own script.
//!
//! The verdicts and a picture for printing are there without the script. What the script draws, the page holds as JSON; text
//! from the session reaches the page as text nodes only, and what is written here itself is escaped.

use std::fmt::Write as _;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use sha2::{Digest as _, Sha256};

use super::{
    About, Picture, Proof, VerdictCard, ink,
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
        "facts" => picture.hosts.iter().map(|host| escape(&host.facts)).collect::<Vec<_>>().join("<br>"),
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

/// The verdicts of each host, or what there is to say where nothing is concluded.
fn verdicts(picture: &Picture) -> String {
    let mut out = String::new();
    for host in &picture.hosts {
        if picture.hosts.len() > 1 && !(host.verdicts.is_empty() && host.elsewhere.is_empty()) {
            out += &element("h2", "", &escape(&host.name));
        }
        out.extend(host.verdicts.iter().map(|it| card(it, host.verdicts.len() == 1)));
        out.extend(
            host.nothing.iter().map(|text| element("article", "verdict fine", &element("p", "", &escape(text)))),
        );
        out.extend(host.elsewhere.iter().map(|text| element("p", "note", &escape(text))));
        // Each verdict says itself what may have been missed.
        let lost = picture.lanes_of(host).filter(|lane| lane.about == About::Lost && host.verdicts.is_empty());
        out.extend(lost.filter_map(|lane| Some(element("p", "note", &escape(&lane.tip.as_ref()?.line(&lane.name))))));
    }
    out.extend(picture.notes.iter().map(|note| element("p", "note", &escape(note))));
    out
}

fn card(card: &VerdictCard, open: bool) -> String {
    let (ids, sure) = card
        .title
        .split_once(" (")
        .map_or((card.title.as_str(), String::new()), |(ids, sure)| (ids, format!("({sure}")));
    let ids: Vec<_> = ids.split_inclusive("| ").map(|id| element("span", "", &escape(id.trim_end()))).collect();
    let mut out = element("h2", "", &format!("{} {}", ids.join(" "), element("small", "", &escape(&sure))));
    out += &element("p", "", &escape(&card.headline));
    out.extend(card.costs.iter().map(|cost| element("p", "cost", &escape(cost))));
    let lists = [
        ("What to do", "remedy", &card.remedy),
        ("What not to do", "", &card.avoid),
        ("What was not seen, and may change this", "", &card.not_seen),
    ];
    for (title, class, lines) in lists.into_iter().filter(|(.., lines)| !lines.is_empty()) {
        let lines: String = lines.iter().map(|line| element("li", "", &advice(line))).collect();
        out += &(element("h3", "", title) + &element("ul", class, &lines));
    }
    if !card.proofs.is_empty() {
        let proof = |it: &Proof| element("dt", "", &escape(&it.at)) + &element("dd", "", &escape(&it.text));
        let proofs = element("dl", "proof", &card.proofs.iter().map(proof).collect::<String>());
        let open = if open { " open" } else { "" };
        let _ = write!(out, "<details{open}><summary>What proves it</summary>{proofs}</details>");
    }
    element("article", &format!("verdict {}", card.severity), &out) + "\n"
}

/// A line of advice: what stands in back quotes is a command.
fn advice(text: &str) -> String {
    let part = |(nth, part)| if nth % 2 == 1 { element("code", "", &escape(part)) } else { escape(part) };
    text.split('`').enumerate().map(part).collect()
}

fn element(tag: &str, class: &str, inner: &str) -> String {
    let class = if class.is_empty() { String::new() } else { format!(" class=\"{class}\"") };
    format!("<{tag}{class}>{inner}</{tag}>")
}
