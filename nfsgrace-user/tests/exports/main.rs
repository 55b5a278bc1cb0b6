//! What programs read: the exports say what the report says, and keep to their formats whatever happened.

#[path = "../common/mod.rs"]
mod common;

mod any_session;
mod documented;
mod perfetto;
mod same_numbers;
mod tables;
mod trace;
mod wire;

use nfsgrace::{
    record::{Line, Stamp},
    session::Session,
    view::{
        Axis,
        csv::Tables,
        perfetto::{Host, Trace},
    },
};

/// A trace of one host.
fn trace_of(lines: &[Line]) -> (Vec<u8>, Session) {
    let (mut trace, mut bytes) = (Trace::new(), Vec::new());
    let session = follow(&mut trace, Host::alone(), lines, &mut bytes);
    (bytes, session)
}

/// Puts one more host into a trace.
fn follow(trace: &mut Trace, mut host: Host<'_>, lines: &[Line], out: &mut Vec<u8>) -> Session {
    let mut session = Session::new();
    for line in lines {
        let update = session.record(line.clone());
        host.record(trace, line, &update, &session);
        trace.write_to(out).expect("memory");
    }
    let now = session.timeline().now();
    let update = session.finish(now);
    host.finish(trace, &update, &session, now);
    trace.write_to(out).expect("memory");
    session
}

/// Two hosts in one trace, the second one's clock put onto the first one's.
fn trace_of_two(first: &[Line], second: &[Line], axis: Axis<'_>) -> Vec<u8> {
    let (mut trace, mut bytes) = (Trace::new(), Vec::new());
    follow(&mut trace, Host::alone(), first, &mut bytes);
    follow(&mut trace, Host::new(1, axis), second, &mut bytes);
    bytes
}

/// The tables of attempts and refusals.
fn tables_of(lines: &[Line]) -> (String, String, Session) {
    let (mut attempts, mut refusals, mut session) = (Vec::new(), Vec::new(), Session::new());
    let mut tables = Tables::new(&mut attempts, &mut refusals).expect("memory");
    for line in lines {
        let update = session.record(line.clone());
        tables.record(line, &update, &session).expect("memory");
    }
    let now = session.timeline().now();
    session.finish(now);
    tables.finish(&session, now).expect("memory");
    drop(tables);
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (text(attempts), text(refusals), session)
}

fn now(session: &Session) -> Stamp {
    session.timeline().now()
}
