//! Reads the parts of a session file that the comparison needs.
//!
//! Deliberately not with nfsgrace's own reader: a mistake there must not hide itself here.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use serde_json::Value;

use super::{Observation, RefusedRpc, Seen, Stall, rpcs::Answered};

/// A session file, as far as the comparison needs it.
#[derive(Debug, Default)]
pub struct Session {
    /// What nfsgrace saw, in the order of time.
    pub observations: Vec<Observation>,
    /// The stalls that ended.
    pub stalls: Vec<Stall>,
    /// RPCs that clients on this host were refused.
    pub refused: Vec<RefusedRpc>,
    /// OPENs and REMOVEs that the server on this host refused.
    pub answered: Vec<Answered>,
    /// Every verdict record, as written.
    pub verdicts: Vec<Verdict>,
    /// OPENs refused, as the closing summary counts them.
    pub refusals_in_summary: Option<u64>,
    /// Losses that it shows: cause and count.
    pub losses: BTreeMap<String, u64>,
    /// Lines that are no JSON.
    pub broken_lines: usize,
    /// Whether there is a closing summary.
    pub has_summary: bool,
    /// When each restart began, nanoseconds, as the closing summary has it.
    restarts: BTreeMap<u64, u64>,
}

/// One verdict record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// When it was given, nanoseconds.
    pub at_ns: u64,
    /// Its cause's id; the ids of several that cannot be told apart are joined by `|`.
    pub id: String,
    /// The restart it belongs to.
    pub restart: Option<u64>,
    /// Whether it takes an earlier one back.
    pub withdrawn: bool,
}

impl Session {
    /// Reads a session file's text.
    pub fn read(text: &str) -> Self {
        let mut session = Self::default();
        for line in text.lines() {
            match serde_json::from_str::<Value>(line) {
                Ok(record) => session.take(&record),
                Err(_) => session.broken_lines += 1,
            }
        }
        session.observations.sort_by_key(|observation| observation.at_ns);
        session
    }

    /// The ids that hold at the end, of restarts since `from_ns`: of earlier ones there is only what the kernel's log says.
    pub fn concluded(&self, from_ns: u64) -> Vec<String> {
        let mut last: BTreeMap<(Option<u64>, &str), bool> = BTreeMap::new();
        for Verdict { id, restart, withdrawn, .. } in &self.verdicts {
            let began = restart.and_then(|restart| self.restarts.get(&restart));
            if began.is_none_or(|&began| began >= from_ns) {
                last.insert((*restart, id), *withdrawn);
            }
        }
        let mut ids: Vec<String> =
            last.into_iter().filter(|(_, withdrawn)| !withdrawn).map(|((_, id), _)| id.to_owned()).collect();
        ids.sort();
        ids.dedup();
        ids
    }

    /// The ids that held at the end of this time, of restarts that began in it.
    pub fn concluded_by(&self, span_ns: &Range<u64>) -> BTreeSet<String> {
        let mut held: BTreeMap<(u64, &str), bool> = BTreeMap::new();
        for Verdict { at_ns, id, restart, withdrawn } in &self.verdicts {
            let Some(restart) = restart.filter(|_| *at_ns < span_ns.end) else { continue };
            if self.restarts.get(&restart).is_some_and(|began| span_ns.contains(began)) {
                held.insert((restart, id), *withdrawn);
            }
        }
        held.into_iter().filter(|(_, withdrawn)| !withdrawn).map(|((_, id), _)| id.to_owned()).collect()
    }

    fn take(&mut self, record: &Value) {
        let at_ns = record["t"].as_u64().unwrap_or_default();
        match record["type"].as_str() {
            Some("event") => self.take_event(record, at_ns),
            Some("verdict") => {
                let several = || {
                    let ids = record["one_of"].as_array().into_iter().flatten().filter_map(Value::as_str);
                    ids.collect::<Vec<_>>().join("|")
                };
                self.verdicts.push(Verdict {
                    at_ns,
                    id: record["id"].as_str().map_or_else(several, str::to_owned),
                    restart: record["restart"].as_u64(),
                    withdrawn: record["state"] == "withdrawn",
                });
            }
            Some("loss") => {
                let cause = record["cause"].as_str().unwrap_or("?").to_owned();
                *self.losses.entry(cause).or_default() += record["count"].as_u64().unwrap_or(1);
            }
            Some("summary") => {
                self.has_summary = true;
                self.refusals_in_summary = record["counts"]["opens_refused"].as_u64();
                let rows = record["restarts"].as_array().into_iter().flatten();
                self.restarts.extend(rows.filter_map(|row| Some((row["restart"].as_u64()?, row["began"].as_u64()?))));
            }
            _ => {}
        }
    }

    fn take_event(&mut self, event: &Value, at_ns: u64) {
        let tid = event["tid"].as_u64().and_then(|tid| u32::try_from(tid).ok()).unwrap_or_default();
        let number = |key: &str| event[key].as_u64();
        let xid = number("xid").and_then(|xid| u32::try_from(xid).ok());
        match event["event"].as_str() {
            Some("delay") => {
                let received_ns = number("received").unwrap_or(at_ns);
                let must_be_known = event["op"] == "nfs4_do_open";
                self.refused.push(RefusedRpc { xid, sent_ns: number("sent"), received_ns, must_be_known });
            }
            Some("refused") if event["op"] == "open" || event["op"] == "remove" => {
                let entered_ns = at_ns.saturating_sub(number("took_ns").unwrap_or_default());
                self.answered.push(Answered { xid, entered_ns, returned_ns: at_ns });
            }
            _ => {}
        }
        if event["event"] == "stall_end" {
            let began_ns = number("began").unwrap_or_default();
            self.stalls.push(Stall { tid, began_ns, ended_ns: at_ns });
        }
        if let Some(seen) = seen(event) {
            self.observations.push(Observation { seen, tid, at_ns });
        }
    }
}

/// What an event is by itself, if the witness sees it, too.
fn seen(event: &Value) -> Option<Seen> {
    let status = event["status"].as_i64().unwrap_or(i64::MIN);
    Some(match event["event"].as_str()? {
        "server_start" => Seen::ServerStart,
        "server_started" => Seen::ServerStarted(status),
        "tracking_start" => Seen::TrackingStart,
        "tracking_end" => Seen::TrackingEnd(status),
        "tracker_end" => match event["tracker"].as_str()? {
            "cld" => Seen::CldEnd(status),
            "umh" => Seen::UmhEnd(status),
            "legacy" => Seen::LegacyEnd(status),
            _ => return None,
        },
        "poll" if event["running"] == false => Seen::Poll,
        "grace_start" => Seen::GraceStart,
        "refused" if event["op"] == "open" => Seen::Refusal,
        "delay" => Seen::Sleep,
        "sleep_end" => Seen::SleepEnd,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SESSION: &str = r#"{"type":"header","schema":1,"t":1}
{"type":"event","t":10,"event":"tracker_end","pid":7,"tid":7,"comm":"rpc.nfsd","tracker":"cld","status":-110}
{"type":"event","t":20,"event":"poll","pid":7,"tid":7,"comm":"rpc.nfsd","running":true,"inferred":false}
{"type":"verdict","t":30,"id":"nfsdcld-not-running","state":"suspected","severity":"problem","restart":1}
{"type":"verdict","t":31,"id":"legacy-dir-missing","state":"suspected","severity":"problem","restart":2}
{"type":"verdict","t":40,"one_of":["a","b"],"state":"suspected","severity":"problem","restart":1}
{"type":"verdict","t":50,"one_of":["a","b"],"state":"withdrawn","severity":"problem","restart":1}
{"type":"event","t":60,"event":"stall_end","pid":9,"tid":9,"comm":"cat","began":5,"status":0}
{"type":"loss","t":65,"cause":"ring_full","count":3,"hides":"x"}
{"type":"summary","t":70,"counts":{"opens_refused":4},"restarts":[{"restart":1,"began":9},{"restart":2,"began":3}]}
{"type":"ev"#;

    #[test]
    fn a_session_is_read_for_what_can_be_compared() {
        let session = Session::read(SESSION);
        assert_eq!(session.observations, [Observation { seen: Seen::CldEnd(-110), tid: 7, at_ns: 10 }]);
        assert_eq!(session.stalls, [Stall { tid: 9, began_ns: 5, ended_ns: 60 }]);
        assert_eq!(session.concluded(5), ["nfsdcld-not-running"]);
        let held = |until_ns| session.concluded_by(&(5..until_ns)).into_iter().collect::<Vec<_>>();
        assert_eq!((held(30), held(45)), (vec![], vec!["a|b".to_owned(), "nfsdcld-not-running".to_owned()]));
        assert_eq!((session.refusals_in_summary, session.broken_lines), (Some(4), 1));
        assert_eq!(session.losses["ring_full"], 3);
    }
}
