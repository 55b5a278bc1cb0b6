//! What queries and spreadsheets rely on is in `docs/exports.md`.

use nfsgrace::record::{Counts, Kind, Line, Loss, ServerOp, Surroundings};

use super::{
    common::{RECORDINGS, Script, at, recording},
    tables_of,
    trace::read,
    trace_of,
};

fn page() -> String {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/exports.md");
    std::fs::read_to_string(page).expect("the page is there")
}

/// What no recording has.
fn rest() -> Vec<Line> {
    let seen = Surroundings {
        rpc_pipefs: Some(vec!["/run/rpc_pipefs".to_owned()]),
        nfsdcld_pid: Some(7),
        nfsdcld_pipe: Some("/run/rpc_pipefs/nfsd/cld".to_owned()),
        nfsdcltrack: Some(true),
        recovery_dir: Some(false),
    };
    let client = nfsgrace::record::Client { addr: None, name: Some("c".to_owned()), minor: Some(1) };
    let mut script = Script::new();
    script
        .event(1.0, Kind::ServerStart)
        .event(1.1, Kind::TrackingStart { stack: vec!["nfsd_svc+0x1".to_owned()] })
        .event(1.2, Kind::Surroundings(seen))
        .event(1.3, Kind::EndGraceWrite { status: -16 })
        .event(1.4, Kind::Reclaim { op: ServerOp::Lock, client, xid: Some(1), status: 0 })
        .event(1.5, Kind::Counts(Counts { opens: 3, opens_refused: 2, ..Counts::default() }))
        .delay(5, 1.4, 1.6, 0);
    let loss = Loss { at: at(2.0), cause: "ring_full".to_owned(), count: 1, hides: "refusals".to_owned() };
    script.lines.push(Line::Loss(loss));
    script.lines
}

#[test]
fn every_category_and_argument_of_a_trace() {
    let page = page();
    let row = |category: &str| {
        let start = format!("| `{category}` |");
        page.lines().find(|line| line.starts_with(&start)).unwrap_or_else(|| panic!("{category} is not documented"))
    };
    for lines in RECORDINGS.iter().map(|name| recording(name)).chain([rest()]) {
        let read = read(&trace_of(&lines).0);
        let said = read.instants.iter().map(|(_, said)| said).chain(read.slices.iter().map(|slice| &slice.said));
        for said in said {
            let row = row(&said.category);
            for name in said.args.keys() {
                assert!(row.contains(&format!("`{name}`")), "`{name}` of `{}` is not documented", said.category);
            }
        }
        for track in read.tracks.values() {
            let name = track.rsplit('/').next().unwrap_or_default();
            let of_many =
                track.split('/').count() == 1 || name.starts_with("nfsd in") || track.contains("stalled tasks/");
            assert!(of_many || page.contains(name), "the track {track} is not documented");
        }
    }
}

#[test]
fn every_column_of_the_tables() {
    let (attempts, refusals, _) = tables_of(&[]);
    let page = page();
    let (_, tables) = page.split_once("## CSV").expect("a section");
    for column in attempts.trim_end().split(',').chain(refusals.trim_end().split(',')) {
        assert!(tables.contains(&format!("`{column}`")), "the column {column} is not documented");
    }
}
