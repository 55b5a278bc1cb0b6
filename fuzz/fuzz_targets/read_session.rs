//! A file, whatever it is, compressed or not: from its bytes to all that is said about it.
#![no_main]

use std::io::Cursor;

use libfuzzer_sys::fuzz_target;
use nfsgrace::{
    conductor::{Conductor, Member},
    outcome::{self, SessionOutcome},
    paired::Clocks,
    record::{Moment, RestartId, Selection, Stamp, Window},
    replay::Recordings,
    source::file::SessionFile,
    view::{Style, paired, report, text},
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
    let conductor = Conductor::new(Clocks::Rpc, bytes.len() % 5 == 0, part).ending_at(Stamp(60_000_000_000));
    let recordings = Recordings::of_file(file);
    // As a report does, or as a live view, which looks at every moment.
    let read = if bytes.len() % 2 == 0 { to_the_end(recordings, conductor) } else { live(recordings, conductor) };
    if let Ok(read) = read {
        show(&read);
    }
});

fn to_the_end(mut recordings: Recordings, mut conductor: Conductor) -> anyhow::Result<Conductor> {
    while let Some(next) = recordings.next().transpose()? {
        conductor.take_unseen(next.host, &next.line);
    }
    for (source, told) in recordings.finish().into_iter().enumerate() {
        conductor.know_files(source, told.files, told.notes);
    }
    conductor.finish_selected()?;
    Ok(conductor)
}

fn live(mut recordings: Recordings, mut conductor: Conductor) -> anyhow::Result<Conductor> {
    while let Some(next) = recordings.next().transpose()? {
        conductor.pass(next.at);
        let ticked = conductor.tick();
        let took = conductor.take(next.host, &next.line);
        for (nth, update) in ticked.iter().chain(&took) {
            let member = &conductor.members()[*nth];
            for item in &update.items {
                let _ = text::lines(item, &member.session, 80, PLAIN);
            }
            let _ = text::status(member.session.timeline(), conductor.now(member), 80, 20, PLAIN);
        }
    }
    conductor.finish_selected()?;
    Ok(conductor)
}

fn show(read: &Conductor) {
    for member in read.members() {
        let Member { session, files, notes, .. } = member;
        let outcome = SessionOutcome::of(session, read.now(member));
        let report = report::Report { session, outcome, wall: None, files, notes };
        for line in report::text(&report, 80, PLAIN) {
            assert!(!line.chars().any(char::is_control), "{line:?}");
        }
        let _ = report::markdown(&report);
        let _ = SessionOutcome::of(session, read.now(member)).into_lines();
    }
    if let Some(hosts) = read.hosts() {
        let _ = paired::text(&outcome::paired(read.paired(), &hosts), 80, PLAIN);
    }
}
