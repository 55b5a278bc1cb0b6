//! Events in any order, at any times, with any numbers: what the text of a session would hardly ever become by chance.
#![no_main]

use std::{net::IpAddr, time::Duration};

use libfuzzer_sys::fuzz_target;
use nfsgrace::{
    outcome,
    record::{
        Claim, Client, Counts, EndedBy, Event, Header, Kind, Line, Loss, Manager, Netns, Refusal, Role, ServerOp,
        ServerState, Span, Stamp, Surroundings, Task, Tracker,
    },
    session::Session,
    timeline::RestartId,
    view::{Style, report, text},
};

fuzz_target!(|bytes: &[u8]| {
    let mut from = Bytes(bytes);
    let (live, unseen, narrow) = (from.flag(), from.flag(), from.flag());
    let mut session = Session::new();
    let mut now = Stamp(from.number());
    while !from.0.is_empty() {
        let line = line(&mut from, &mut now);
        if unseen {
            session.record_unseen(line);
            continue;
        }
        let mut update = session.record(line);
        if live {
            update.items.extend(session.tick(now).items);
        }
        for item in &update.items {
            let _ = text::lines(item, session.timeline(), 80, Style::PLAIN);
        }
    }
    if narrow {
        session.narrow(Span { since: Stamp(from.number()), until: now }, Some(RestartId(1)));
    }
    session.finish(now);
    let _ = text::status(session.timeline(), now, 80, 8, Style::PLAIN);
    let _ = outcome::closing(&session, now);
    let summary = outcome::summary(session.timeline(), now);
    let report = report::Report { session: &session, summary, wall: None, files: &[], notes: &[] };
    let _ = report::text(&report, 80, Style::PLAIN);
});

/// Input, of which each piece is one small choice or one number.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    fn flag(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[usize::from(self.byte()) % of.len()]
    }

    /// Small, in seconds or milliseconds, or absurd.
    fn number(&mut self) -> u64 {
        let byte = u64::from(self.byte());
        match byte {
            0..100 => byte,
            100..180 => (byte - 100) * 1_000_000_000,
            180..250 => (byte - 180) * 50_000_000,
            250 => u64::MAX,
            251 => i64::MAX as u64,
            252 => u64::MAX - 1,
            253 => 1 << 32,
            254 => u64::from(u32::MAX),
            _ => u64::MAX / 1_000_000_000,
        }
    }

    fn maybe<T>(&mut self, value: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.flag().then(|| value(self))
    }

    fn status(&mut self) -> i32 {
        self.one(&[0, 0, -110, -2, -95, -121, -16, 2, i32::MIN, i32::MAX])
    }

    fn client(&mut self) -> Client {
        let addr = self.maybe(|from| IpAddr::from([192, 0, 2, from.byte() % 3]));
        let name = self.maybe(|from| from.one(&["Linux NFSv4.0 a", "Linux NFSv4.2 b", "", "\u{1b}[2J|`"]).to_owned());
        let minor = self.maybe(|from| u32::from(from.byte() % 3));
        Client { addr, name, minor }
    }

    fn state(&mut self) -> ServerState {
        ServerState {
            grace_s: self.maybe(Self::number),
            lease_s: self.maybe(Self::number),
            tracking: self.maybe(Self::flag),
            tracks_reclaim_completes: self.maybe(Self::flag),
            to_reclaim: self.maybe(|from| from.number() as u32),
            reclaimed: self.maybe(|from| from.number() as u32),
        }
    }

    fn stack(&mut self) -> Vec<String> {
        (0..self.byte() % 3).map(|_| self.one(&["nfs4_do_open+0x1", "", "kretprobe_trampoline"]).to_owned()).collect()
    }
}

fn line(from: &mut Bytes<'_>, now: &mut Stamp) -> Line {
    *now = match from.byte() {
        0..200 => now.plus(Duration::from_millis(u64::from(from.byte()) * 40)),
        200..220 => *now,
        220..240 => Stamp(now.0.saturating_sub(from.number())),
        _ => Stamp(from.number()),
    };
    let at = *now;
    match from.byte() {
        0 => Line::Header(Box::new(Header {
            hz: from.maybe(|from| from.one(&[0, 100, 250, 1000, u32::MAX])),
            role: from.one(&[Role::Both, Role::Server, Role::Client]),
            host: "here".to_owned(),
            started: Stamp(from.number()),
            ..Header::default()
        })),
        1 => Line::Loss(Loss { at, cause: "ring_full".to_owned(), count: from.number(), hides: String::new() }),
        _ => {
            let tid = u32::from(from.byte() % 4);
            let task = Task { pid: tid, tid, comm: from.one(&["make", "nfsd", "\u{202e}"]).to_owned() };
            let netns = from.maybe(|from| Netns(u32::from(from.byte() % 2)));
            Line::Event(Event { at, task, netns, kind: kind(from, at) })
        }
    }
}

fn kind(from: &mut Bytes<'_>, at: Stamp) -> Kind {
    const TRACKERS: [Tracker; 4] = [Tracker::Cld, Tracker::CldV0, Tracker::Umh, Tracker::Legacy];
    const MANAGERS: [Manager; 2] = [Manager::Nfsd, Manager::Lockd];
    const OPS: [ServerOp; 4] = [ServerOp::Open, ServerOp::Lock, ServerOp::Remove, ServerOp::Rename];
    const ENDS: [EndedBy; 6] = [
        EndedBy::Skipped,
        EndedBy::Timer,
        EndedBy::AllReclaimed,
        EndedBy::V4EndGrace,
        EndedBy::Shutdown,
        EndedBy::Unknown,
    ];
    // A stall is named by its beginning: few of them, so that events meet.
    let began = |from: &mut Bytes<'_>| Stamp(from.one(&[1, 2_000_000_000, u64::MAX, at.0]));
    match from.byte() % 25 {
        0 => Kind::ServerStart,
        1 => Kind::ServerStarted { status: from.status(), state: from.state() },
        2 => Kind::ServerStop,
        3 => Kind::TrackingStart { stack: from.stack() },
        4 => Kind::TrackingEnd { status: from.status() },
        5 => Kind::TrackerStart { tracker: from.one(&TRACKERS) },
        6 => Kind::TrackerEnd { tracker: from.one(&TRACKERS), status: from.status() },
        7 => Kind::Poll { running: from.flag(), inferred: from.flag() },
        8 => Kind::ReclaimRecord { name: from.client().name.unwrap_or_default() },
        9 => Kind::GraceStart { manager: from.one(&MANAGERS) },
        10 => Kind::GraceEnd { manager: from.one(&MANAGERS), by: from.one(&ENDS), state: from.state() },
        11 => Kind::GraceAnswer { for_open: from.flag(), in_grace: from.flag() },
        12 => Kind::Refused {
            op: from.one(&OPS),
            client: from.client(),
            xid: from.maybe(|from| from.byte().into()),
            claim: from.maybe(|from| from.one(&[Claim::Null, Claim::Previous, Claim::Fh])),
            name: from.maybe(|from| from.one(&["file", "", "|`\n"]).to_owned()),
            in_grace: from.maybe(Bytes::flag),
            took_ns: from.number(),
        },
        13 => Kind::Reclaim { op: from.one(&OPS), client: from.client(), xid: None, status: from.byte().into() },
        14 => Kind::ReclaimComplete { client: from.client(), status: u32::from(from.flag()) },
        15 => Kind::ClientConfirmed { client: from.client(), status: u32::from(from.flag()) },
        16 => Kind::EndGraceWrite { status: from.status() },
        17 => Kind::Surroundings(Surroundings {
            rpc_pipefs: from.maybe(|from| vec!["/var/lib/nfs/rpc_pipefs".to_owned(); usize::from(from.byte() % 3)]),
            nfsdcld_pid: from.maybe(|from| from.byte().into()),
            nfsdcld_pipe: from.maybe(|from| from.one(&["/var/lib/nfs/rpc_pipefs/nfsd/cld", "/x"]).to_owned()),
            nfsdcltrack: from.maybe(Bytes::flag),
            recovery_dir: from.maybe(Bytes::flag),
        }),
        18 => {
            let number = from.number();
            let text = match from.byte() % 6 {
                0 => format!("NFSD: starting {number}-second grace period (net 1)"),
                1 => format!("NFSD: Unable to initialize client recovery tracking! ({})", from.status()),
                2 => "NFSD: Using UMH upcall client tracking operations.".to_owned(),
                3 => "NFSD: all clients done reclaiming, ending NFSv4 grace period (net 1)".to_owned(),
                4 => format!("NFSD: Unable to end grace period: {}", from.status()),
                _ => "NFSD: no clients to reclaim, skipping NFSv4 grace period (net 0)".to_owned(),
            };
            Kind::KernelLog { text }
        }
        19 | 20 => Kind::Delay {
            began: began(from),
            began_seen: from.flag(),
            op: None,
            path: from.maybe(|from| from.one(&["/mnt/file", "", "\n"]).to_owned()),
            server: from.maybe(|from| from.one(&["127.0.0.1", "here", "[::1]", ""]).to_owned()),
            refusal: from.one(&[Refusal::Grace, Refusal::Delay]),
            timeout: from.maybe(|from| from.one(&[0, -1, 25, 6400, i64::MAX, i64::MIN])),
            observed: from.flag(),
            stack: from.stack(),
            rpc: None,
        },
        21 => Kind::SleepEnd { began: began(from), status: from.status() },
        22 => Kind::Attempt { began: began(from) },
        23 => Kind::StallEnd { began: began(from), status: from.maybe(Bytes::status) },
        _ => match from.flag() {
            true => Kind::Stack { began: from.maybe(began), stack: from.stack() },
            false => Kind::Counts(Counts { opens: from.number(), delays: from.number(), ..Counts::default() }),
        },
    }
}
