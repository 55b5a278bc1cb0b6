//! What a report says, of real restarts: the same as was said live, and in a form that a ticket can take.

mod common;

use std::{fs, path::Path, path::PathBuf};

use common::{RECORDINGS, fixture, ids, live, recording};
use jiff::tz::TimeZone;
use nfsgrace::{
    command::reading,
    conductor::{Conductor, Member},
    outcome::{self, SessionOutcome},
    paired::Clocks,
    record::{Line, SCHEMA, Selection, Stamp, Summary, VerdictState, encode},
    session::Session,
    view::{Style, Wall, report},
};
use serde_json::Value;

/// A recording of one host, read to its end.
struct Replayed(Conductor);

impl Replayed {
    fn member(&self) -> &Member {
        &self.0.members()[0]
    }

    fn session(&self) -> &Session {
        &self.member().session
    }

    fn now(&self) -> Stamp {
        self.0.now(self.member())
    }
}

fn read(path: &Path) -> Replayed {
    let read = reading::read(&[path.to_owned()], &Selection::default(), Clocks::Rpc, &mut |_| {}).expect("reads");
    assert_eq!(read.members().len(), 1);
    Replayed(read)
}

fn with<T>(replayed: &Replayed, view: impl FnOnce(&report::Report<'_>) -> T) -> T {
    // Where the files lie is nobody's business here.
    let place = |note: &String| {
        note.split(' ').map(|word| word.rsplit('/').next().unwrap_or(word)).collect::<Vec<_>>().join(" ")
    };
    view(&report::Report {
        session: replayed.session(),
        outcome: SessionOutcome::of(replayed.session(), replayed.now()),
        wall: Wall::new(replayed.session().clock(), TimeZone::UTC),
        files: &["incident.ndjson".to_owned()],
        notes: &replayed.member().notes.iter().map(place).collect::<Vec<_>>(),
    })
}

fn text(replayed: &Replayed, width: usize) -> String {
    let lines = with(replayed, |report| report::text(report, width, Style::PLAIN));
    for line in &lines {
        assert!(line.chars().count() <= width, "wider than {width}: {line}");
        assert!(!line.contains(char::is_control), "{line:?}");
    }
    lines.join("\n")
}

fn markdown(replayed: &Replayed) -> String {
    with(replayed, report::markdown).join("\n")
}

fn schema(name: &str) -> PathBuf {
    fixture("schema").join(name)
}

#[test]
fn a_report_says_what_was_said_live() {
    for name in RECORDINGS {
        let (session, _) = live(recording(name));
        let replayed = read(&fixture(&format!("{name}.ndjson")));
        assert_eq!(ids(replayed.session()), ids(&session), "{name}");
        assert_eq!(replayed.session().exit_status(), session.exit_status(), "{name}");
        assert_eq!(
            SessionOutcome::of(replayed.session(), replayed.now()).into_lines(),
            SessionOutcome::of(&session, replayed.now()).into_lines(),
            "{name}"
        );
    }
}

/// What the recording program itself concluded at its end, as it wrote it down.
fn written(name: &str) -> (Vec<String>, Summary) {
    let text = fs::read(schema(name)).expect("fixture");
    let mut verdicts = std::collections::BTreeMap::new();
    let mut closing = None;
    for line in text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        match nfsgrace::record::decode(line).expect("readable").line {
            Line::Verdict(it) if it.state == VerdictState::Withdrawn => {
                verdicts.remove(&(it.restart, it.question.clone()));
            }
            Line::Verdict(it) => {
                let ids: Vec<_> = it.id.iter().chain(&it.one_of).map(ToString::to_string).collect();
                verdicts.insert((it.restart, it.question.clone()), ids.join("|"));
            }
            Line::Summary(it) => closing = Some(*it),
            _ => {}
        }
    }
    (verdicts.into_values().collect(), closing.expect("a summary"))
}

/// Whether all that was said before is said in the same way; fields may be new.
fn still_says(now: &Value, before: &Value) -> bool {
    match (now, before) {
        (Value::Object(now), Value::Object(before)) => {
            before.iter().all(|(name, before)| now.get(name).is_some_and(|now| still_says(now, before)))
        }
        (Value::Array(now), Value::Array(before)) => {
            now.len() == before.len() && now.iter().zip(before).all(|(now, before)| still_says(now, before))
        }
        _ => now == before,
    }
}

#[test]
fn sessions_of_every_version_of_the_schema_stay_readable_and_mean_what_they_meant() {
    for version in 1..=SCHEMA {
        let name = format!("{version}.ndjson");
        let (verdicts, closing) = written(&name);
        let replayed = read(&schema(&name));
        let mut said: Vec<_> = ids(replayed.session()).into_iter().map(|(_, id)| id).collect();
        let mut meant = verdicts;
        said.sort();
        meant.sort();
        assert_eq!(said, meant, "{name}");
        assert!(!said.is_empty());
        let json = |summary: &Summary| serde_json::to_value(summary).expect("JSON");
        let now = json(&outcome::summary(replayed.session(), replayed.now()));
        assert!(still_says(&now, &json(&closing)), "{name}: {now:#}");
        assert!(replayed.member().notes.is_empty(), "{:?}", replayed.member().notes);
    }
}

#[test]
fn a_recorder_that_was_killed_left_the_verdict_of_a_watch_that_ran_beside_it() {
    // One guest, one restart: `watch` saw it to its end, `record` was killed by SIGKILL in the middle of the grace period.
    let (watched, killed) = (read(&schema("1.ndjson")), read(&schema("1-killed.ndjson.zst")));
    let root = |replayed: &Replayed| {
        let verdicts: Vec<_> = replayed.session().diagnosis().verdicts().collect();
        let root = verdicts.iter().find(|it| it.question == nfsgrace::diagnosis::Question::Root).expect("a verdict");
        (root.finding.clone(), root.certainty, root.headline.clone())
    };
    assert_eq!(root(&killed), root(&watched));
    assert!(killed.member().notes.iter().any(|note| note.contains("cut off")), "{:?}", killed.member().notes);
}

#[test]
fn text_for_people() {
    insta::assert_snapshot!("text-80", text(&read(&schema("1.ndjson")), 80));
    insta::assert_snapshot!("text-160", text(&read(&fixture("7.3-nfsdcld-killed-before-restart.ndjson")), 160));
    insta::assert_snapshot!("text-killed-80", text(&read(&schema("1-killed.ndjson.zst")), 80));
}

#[test]
fn markdown_for_a_ticket() {
    insta::assert_snapshot!("markdown", markdown(&read(&schema("1.ndjson"))));
}

#[test]
fn every_recording_fits_every_width() {
    for name in RECORDINGS {
        let replayed = read(&fixture(&format!("{name}.ndjson")));
        for width in [60, 80, 100, 160] {
            text(&replayed, width);
        }
        markdown(&replayed);
    }
}

/// A session whose names try to break out.
fn hostile() -> Vec<u8> {
    let mut bytes = Vec::new();
    for line in recording("6.18-no-nfsdcld") {
        let mut text = Vec::new();
        encode(&line, &mut text);
        let text = String::from_utf8(text).expect("UTF-8");
        let text = text
            .replace("\"comm\":\"sh\"", "\"comm\":\"\\u001b[31m|`x`|\"")
            .replace("\"path\":\"newfile\"", "\"path\":\"/a|b```\\n# <img src=x> @all [x](http://x)\"")
            .replace("Linux NFSv4.1 guest", "<script>|``` \\u202e*_~@all")
            .replace("\"host\":\"guest\"", "\"host\":\"`@all`\\n# x\"");
        bytes.extend(text.bytes());
    }
    bytes
}

#[test]
fn names_break_neither_a_terminal_nor_a_table() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("hostile");
    fs::write(&path, hostile()).expect("writes");
    let replayed = read(&path);
    text(&replayed, 80);
    let page = markdown(&replayed);
    assert!(page.contains("```` /a\\|b") || page.contains("````/a\\|b"), "{page}");
    let mut fence: Option<&str> = None;
    for line in page.lines() {
        assert!(!line.contains(|c: char| c.is_control() || c == '\u{202e}'), "{line:?}");
        match fence {
            Some(open) if line == open => fence = None,
            Some(_) => {}
            None if line.starts_with("```") => fence = Some(line.trim_end_matches("text")),
            None => {
                if let Some(row) = line.strip_prefix('|') {
                    let columns = row.replace("\\|", "").matches('|').count();
                    assert!([4, 6, 7].contains(&columns), "{line}");
                }
                // Outside code, nothing is left that means something.
                let bare = outside_code(line);
                assert!(!bare.contains(['<', '@']) || bare.contains("\\<"), "{line}");
                assert!(!line.starts_with("# "), "{line}");
            }
        }
    }
    assert_eq!(fence, None, "a fence was left open");
}

/// A line without its code spans.
fn outside_code(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some(start) = rest.find('`') {
        out.push_str(&rest[..start]);
        let ticks = rest[start..].chars().take_while(|c| *c == '`').count();
        let inside = &rest[start + ticks..];
        let close = inside
            .match_indices(&"`".repeat(ticks))
            .map(|(at, _)| at)
            .find(|at| !inside[at + ticks..].starts_with('`') && !inside[..*at].ends_with('`'));
        match close {
            Some(at) => rest = &inside[at + ticks..],
            None => {
                out.push_str(&rest[start..start + ticks]);
                rest = inside;
            }
        }
    }
    out.push_str(rest);
    out
}
