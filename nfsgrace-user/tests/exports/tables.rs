//! The CSV tables of a session have the numbers of its report.

use std::collections::HashMap;

use nfsgrace::{
    outcome,
    record::{Client, Kind, Line, Manager, ServerOp, Task},
};

use super::{
    common::{RECORDINGS, Script, recording},
    now, tables_of,
};

type Row = HashMap<String, String>;

fn rows(table: &str) -> Vec<Row> {
    let mut reader = csv::Reader::from_reader(table.as_bytes());
    reader.deserialize().map(|row| row.expect("a row")).collect()
}

fn sum(rows: &[Row], column: &str) -> u64 {
    rows.iter().filter(|row| !row[column].is_empty()).map(|row| row[column].parse::<u64>().expect("a number")).sum()
}

#[test]
fn the_tables_of_a_restart_without_nfsdcld() {
    let mut lines = recording("6.12-nfsdcltrack-removed");
    let Some(Line::Header(header)) = lines.first_mut() else { panic!("a header") };
    header.realtime_minus_boottime_ns = 1_795_400_000_000_000_000;
    let (attempts, refusals, _) = tables_of(&lines);
    insta::assert_snapshot!("attempts", attempts);
    insta::assert_snapshot!("refusals", refusals);
}

#[test]
fn the_tables_of_every_recording_add_up_to_its_report() {
    for name in RECORDINGS {
        let (attempts, refusals, session) = tables_of(&recording(name));
        let (attempts, refusals) = (rows(&attempts), rows(&refusals));
        let summary = outcome::summary(&session, now(&session));
        assert_eq!(attempts.len() as u64, summary.stall_totals.refused, "{name}");
        assert_eq!(sum(&attempts, "stall_total_ns"), summary.stall_totals.lost_ns, "{name}");
        assert_eq!(sum(&attempts, "stall_tail_ns"), summary.stall_totals.tail_ns, "{name}");
        let listed = summary.stalls.iter().flat_map(|stall| &stall.attempts);
        let slept: u64 = listed.filter_map(|attempt| attempt.slept_ns).sum();
        assert_eq!(sum(&attempts, "slept_ns"), slept, "{name}");
        let of_restarts = refusals.iter().filter(|row| !row["restart"].is_empty()).count() as u64;
        assert_eq!(of_restarts, summary.restarts.iter().map(|row| row.refused).sum::<u64>(), "{name}");
    }
}

#[test]
fn names_that_others_chose_are_no_formulas_and_break_no_row() {
    let mut script = Script::new();
    let evil = "=HYPERLINK(\"http://evil\",\"a,b\")\r\n";
    script.event(1.0, Kind::ServerStart).event(1.1, Kind::GraceStart { manager: Manager::Nfsd });
    let client = Client { addr: None, name: Some(evil.to_owned()), minor: None };
    let refused = |in_grace| Kind::Refused {
        op: ServerOp::Open,
        client: client.clone(),
        xid: None,
        claim: None,
        name: Some("-file".to_owned()),
        in_grace,
        took_ns: 1,
    };
    script.event(2.0, refused(Some(true)));
    script.delay(9, 2.0, 2.1, 0);
    let Some(Line::Event(delay)) = script.lines.last_mut() else { panic!("an event") };
    delay.task = Task { pid: 9, tid: 9, comm: "@SUM".to_owned() };
    let Some(Line::Header(header)) = script.lines.first_mut() else { panic!("a header") };
    header.host = "+host".to_owned();
    let (attempts, refusals, _) = tables_of(&script.lines);
    let (attempts, refusals) = (rows(&attempts), rows(&refusals));
    assert_eq!((attempts.len(), refusals.len()), (1, 1));
    assert_eq!((attempts[0]["comm"].as_str(), attempts[0]["host"].as_str()), ("'@SUM", "'+host"));
    assert_eq!(attempts[0]["stall_state"], "asleep");
    assert_eq!(refusals[0]["name"], "'-file");
    assert_eq!(refusals[0]["client_name"], "'=HYPERLINK(\"http://evil\",\"a,b\")\\x0d\\n");
}

#[test]
fn without_a_stall_there_are_still_columns() {
    let (attempts, refusals, _) = tables_of(&[]);
    assert!(attempts.starts_with("host,pid,") && refusals.starts_with("host,netns,"));
    assert_eq!((attempts.lines().count(), refusals.lines().count()), (1, 1));
}
