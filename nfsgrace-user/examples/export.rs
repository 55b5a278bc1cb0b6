//! Exports a recorded session in all forms that programs read: `cargo run --example export -- SESSION DIRECTORY`.

use std::{
    fs::{self, File},
    io::{self, BufReader, BufWriter},
    path::PathBuf,
};

use nfsgrace::{
    record::{Item, Reader},
    session::Session,
    view::{
        csv::Tables,
        json,
        perfetto::{Host, Trace},
    },
};

fn main() -> io::Result<()> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(from), Some(to)) = (arguments.next(), arguments.next()) else {
        return Err(io::Error::other("usage: export SESSION DIRECTORY"));
    };
    fs::create_dir_all(&to)?;
    let create = |name: &str| File::create(to.join(name)).map(BufWriter::new);
    let (mut session, mut trace, mut host) = (Session::new(), Trace::new(), Host::alone());
    let mut pftrace = create("trace.pftrace")?;
    let mut tables = Tables::new(create("attempts.csv")?, create("refusals.csv")?)?;

    for item in Reader::new(BufReader::new(File::open(from)?)) {
        let line = match item? {
            Item::Line(line) => line,
            Item::Skipped(skipped) => {
                eprintln!("line {}: {}", skipped.line_no, skipped.why);
                continue;
            }
        };
        let update = session.record(line.clone());
        host.record(&mut trace, &line, &update, &session);
        tables.record(&line, &update, &session)?;
        trace.write_to(&mut pftrace)?;
    }
    let now = session.timeline().now();
    let update = session.finish(now);
    host.finish(&mut trace, &update, &session, now);
    trace.write_to(&mut pftrace)?;
    tables.finish(&session, now)?;
    json::write_closing(&session, now, create("report.ndjson")?)
}
