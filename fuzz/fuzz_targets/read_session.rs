//! A file, whatever it is, compressed or not: from its bytes to all that is said about it.
#![no_main]

use std::io::Cursor;

use libfuzzer_sys::fuzz_target;
use nfsgrace::{
    outcome,
    record::{Moment, RestartId, Selection, Stamp, Window},
    replay,
    session::{Session, Update},
    source::file::SessionFile,
    view::{Style, report, text},
};

const PLAIN: Style = Style::PLAIN;

fuzz_target!(|bytes: &[u8]| {
    let since = Moment::Boot(Stamp(8_000_000_000));
    let window = Window { since: Some(since), until: Some(Moment::Boot(Stamp(40_000_000_000))) };
    // One way to look at it for each input, or it takes too long.
    let part = match bytes.len() % 3 {
        0 => Selection::default(),
        1 => Selection { window, ..Selection::default() },
        _ => Selection { restart: Some(RestartId(2)), ..Selection::default() },
    };
    let size = Some(bytes.len() as u64);
    let Ok(file) = SessionFile::read("fuzz".to_owned(), Box::new(Cursor::new(bytes.to_vec())), size) else { return };
    let replayed = match bytes.len() % 2 {
        0 => replay::file(file, &part, &mut replay::Nobody),
        // As a live view does, which looks at every moment.
        _ => replay::file(file, &part, &mut Live),
    };
    if let Ok(replayed) = replayed {
        show(&replayed);
    }
});

fn show(replayed: &replay::Replayed) {
    let session = &replayed.session;
    let report = report::Report {
        session,
        summary: outcome::summary(session.timeline(), replayed.now),
        wall: None,
        files: &replayed.files,
        notes: &replayed.notes,
    };
    for line in report::text(&report, 80, PLAIN) {
        assert!(!line.chars().any(char::is_control), "{line:?}");
    }
    let _ = report::markdown(&report);
    let _ = outcome::closing(session, replayed.now);
    let _ = text::status(session.timeline(), replayed.now, 80, 20, PLAIN);
}

struct Live;

impl replay::Follower for Live {
    fn wait(&mut self, at: Stamp, session: &mut Session) -> anyhow::Result<()> {
        session.tick(at);
        let _ = text::status(session.timeline(), at, 80, 20, PLAIN);
        Ok(())
    }

    fn took(&mut self, _: &nfsgrace::record::Line, update: &Update, session: &Session) -> anyhow::Result<()> {
        for item in &update.items {
            let _ = text::lines(item, session.timeline(), 80, PLAIN);
        }
        Ok(())
    }
}
