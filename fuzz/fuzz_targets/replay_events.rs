//! Events in any order, at any times, with any numbers: what the text of a session would hardly ever become by chance.
#![no_main]

use std::{collections::BTreeSet, time::Duration};

use arbitrary::{Arbitrary as _, Result, Unstructured};
use libfuzzer_sys::fuzz_target;
use nfsgrace::{
    outcome::SessionOutcome,
    record::{Event, Header, Line, Loss, Role, Span, Stamp},
    session::Session,
    timeline::RestartId,
    view::{Style, report, text},
};

fuzz_target!(|bytes: &[u8]| {
    // Bytes never run out: what is missing is zero.
    let _ = replay(&mut Unstructured::new(bytes));
});

fn replay(from: &mut Unstructured<'_>) -> Result<()> {
    let (live, unseen, narrow) = <(bool, bool, bool)>::arbitrary(from)?;
    let mut session = Session::new();
    let mut now = Stamp::arbitrary(from)?;
    while !from.is_empty() {
        let line = line(from, &mut now)?;
        if unseen {
            session.record_unseen(line);
            continue;
        }
        let mut update = session.record(line);
        if live {
            update.items.extend(session.tick(now).items);
        }
        for item in &update.items {
            let _ = text::lines(item, &session, 80, Style::PLAIN);
        }
    }
    if narrow {
        session.narrow(Span { since: Stamp::arbitrary(from)?, until: now }, Some(RestartId(1)), &BTreeSet::new());
    }
    show(session, now);
    Ok(())
}

fn show(mut session: Session, now: Stamp) {
    session.finish(now);
    let _ = text::status(session.timeline(), now, 80, 8, Style::PLAIN);
    let _ = SessionOutcome::of(&session, now).into_lines();
    let outcome = SessionOutcome::of(&session, now);
    let report = report::Report { session: &session, outcome, wall: None, files: &[], notes: &[] };
    let _ = report::text(&report, 80, Style::PLAIN);
}

/// Time goes on for the most part.
fn passes(from: &mut Unstructured<'_>, now: Stamp) -> Result<Stamp> {
    Ok(match u8::arbitrary(from)? {
        0..200 => now.plus(Duration::from_millis(u64::from(u8::arbitrary(from)?) * 40)),
        200..220 => now,
        220..240 => Stamp(now.0.saturating_sub(Stamp::arbitrary(from)?.0)),
        _ => Stamp::arbitrary(from)?,
    })
}

fn line(from: &mut Unstructured<'_>, now: &mut Stamp) -> Result<Line> {
    *now = passes(from, *now)?;
    Ok(match u8::arbitrary(from)? {
        0 => Line::Header(Box::new(Header {
            hz: *from.choose(&[None, Some(0), Some(100), Some(250), Some(1000), Some(u32::MAX)])?,
            role: *from.choose(&[Role::Both, Role::Server, Role::Client])?,
            host: "here".to_owned(),
            started: Stamp::arbitrary(from)?,
            ..Header::default()
        })),
        1 => Line::Loss(Loss { at: *now, ..Loss::arbitrary(from)? }),
        _ => Line::Event(Event { at: *now, ..Event::arbitrary(from)? }),
    })
}
