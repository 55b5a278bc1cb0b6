//! One restart of a server, and all that wait for it.

use super::{SECOND, random::Random};

/// Length of the grace period: nfsd's own.
const GRACE: u64 = 90 * SECOND;
const MS: u64 = 1_000_000;
const NETNS: u64 = 4_026_531_833;

/// One restart. Two of three find no client tracker, and run their full length; the third is healthy.
pub(super) struct Incident {
    pub(super) nth: u64,
    pub(super) began: u64,
    pub(super) clients: u32,
    pub(super) tasks: u32,
}

/// Lines with their times.
type Lines = Vec<(u64, String)>;

impl Incident {
    /// All that happens, in order.
    pub(super) fn lines(&self, random: &mut Random) -> Lines {
        let mut lines = Lines::new();
        let up = self.start(&mut lines);
        let end =
            if self.is_healthy() { self.reclaim(up, random, &mut lines) } else { up + GRACE + random.below(SECOND) };
        for client in 0..self.clients {
            // An application or two on each client open a file while the grace period is on.
            for task in 0..1 + random.below(2) {
                self.remote(client, task, up, end, random, &mut lines);
            }
        }
        for task in 0..self.tasks {
            self.local(task, up, end, random, &mut lines);
        }
        let by = if self.is_healthy() { "all_reclaimed" } else { "timer" };
        let state = if self.is_healthy() { "true" } else { "false" };
        lines.push((
            end,
            server(
                end,
                "grace_end",
                37,
                "kworker/u8:2",
                &format!(",\"manager\":\"nfsd\",\"by\":\"{by}\",\"grace_s\":90,\"lease_s\":90,\"tracking\":{state}"),
            ),
        ));
        let stop = lines.iter().map(|(at, _)| *at).max().unwrap_or(end) + 200 * SECOND;
        lines.push((stop, server(stop, "server_stop", self.pid() + 1, "rpc.nfsd", "")));
        lines.sort_by_key(|(at, _)| *at);
        lines
    }

    fn is_healthy(&self) -> bool {
        self.nth % 3 == 2
    }

    fn pid(&self) -> u64 {
        1_000 + self.nth % 30_000
    }

    /// nfsd starts and looks for its tracker; when it is up.
    fn start(&self, lines: &mut Lines) -> u64 {
        let mut at = self.began;
        let mut say =
            |at: u64, event: &str, rest: &str| lines.push((at, server(at, event, self.pid(), "rpc.nfsd", rest)));
        say(at, "server_start", "");
        say(at + MS, "grace_start", ",\"manager\":\"nfsd\"");
        say(
            at + 2 * MS,
            "tracking_start",
            ",\"stack\":[\"nfsd4_client_tracking_init+0x1 [nfsd]\",\"nfs4_state_start_net+0x2ad [nfsd]\",\"nfsd_svc+0x1ac [nfsd]\",\"write_threads+0x9a [nfsd]\",\"ksys_write+0x6b\"]",
        );
        say(at + 3 * MS, "tracker_start", ",\"tracker\":\"cld\"");
        let status = if self.is_healthy() {
            say(at + 4 * MS, "poll", ",\"running\":true,\"inferred\":false");
            for client in 0..self.clients {
                let name = format!(",\"name\":\"Linux NFSv4.2 client{client:04}\"");
                say(at + 5 * MS + u64::from(client) * 10_000, "reclaim_record", &name);
            }
            at += 60 * MS;
            0
        } else {
            for poll in 0..10 {
                say(at + 4 * MS + poll * 104 * MS, "poll", ",\"running\":false,\"inferred\":true");
            }
            at += 1_050 * MS;
            -110
        };
        say(at, "tracker_end", &format!(",\"tracker\":\"cld\",\"status\":{status}"));
        say(at + MS, "tracking_end", &format!(",\"status\":{status}"));
        if status != 0 {
            say(
                at + MS + MS / 2,
                "surroundings",
                ",\"rpc_pipefs\":[\"/var/lib/nfs/rpc_pipefs\"],\"nfsdcltrack\":false,\"recovery_dir\":false",
            );
        }
        let tracks = status == 0;
        say(
            at + 2 * MS,
            "server_started",
            &format!(
                ",\"status\":0,\"grace_s\":90,\"lease_s\":90,\"tracking\":{tracks},\"tracks_reclaim_completes\":{tracks},\"to_reclaim\":{}",
                if tracks { self.clients } else { 0 }
            ),
        );
        at + 2 * MS
    }

    /// All clients come back and reclaim; when the last has.
    fn reclaim(&self, up: u64, random: &mut Random, lines: &mut Lines) -> u64 {
        let mut last = up;
        for client in 0..self.clients {
            let mut at = up + 50 * MS + random.below(8 * SECOND);
            let who = who(client);
            lines.push((at, server(at, "client_confirmed", nfsd(client), "nfsd", &format!("{who},\"status\":0"))));
            for _ in 0..1 + random.below(3) {
                at += MS + random.below(5 * MS);
                let rest = format!(",\"op\":\"open\"{who},\"xid\":{},\"status\":0", random.number());
                lines.push((at, server(at, "reclaim", nfsd(client), "nfsd", &rest)));
            }
            at += MS + random.below(5 * MS);
            lines.push((at, server(at, "reclaim_complete", nfsd(client), "nfsd", &format!("{who},\"status\":0"))));
            last = last.max(at);
        }
        last + MS
    }

    /// A task of a client on another host: only its refusals are seen.
    fn remote(&self, client: u32, task: u64, up: u64, end: u64, random: &mut Random, lines: &mut Lines) {
        let mut at = up + random.below(20 * SECOND);
        for nth in 0.. {
            if at >= end {
                break;
            }
            lines.push((at, self.refused(at, client, &format!("output-{client}-{task}.dat"), random)));
            at += sleep(nth, random) + 2 * MS + random.below(4 * MS);
        }
    }

    /// A task of this host: both sides are seen.
    fn local(&self, task: u32, up: u64, end: u64, random: &mut Random, lines: &mut Lines) {
        let began = up + random.below(20 * SECOND);
        let tid = 20_000 + (self.nth * 64 + u64::from(task)) % 40_000;
        let file = format!("build/object-{task}.o");
        let mut say = |at: u64, event: &str, rest: &str| {
            let line = format!(
                "{{\"type\":\"event\",\"t\":{at},\"event\":\"{event}\",\"pid\":{tid},\"tid\":{tid},\"comm\":\"make\",\
                 \"began\":{began}{rest}}}"
            );
            lines.push((at, line));
        };
        let mut at = began + MS;
        let mut refused = Lines::new();
        for nth in 0.. {
            if at >= end {
                break;
            }
            refused.push((at, self.refused(at, self.clients, &file, random)));
            let timeout = if nth == 0 { 0 } else { 25_u64 << nth.min(8) };
            let first = if nth == 0 {
                ",\"stack\":[\"nfs4_handle_exception+0x1 [nfsv4]\",\"nfs4_do_open+0x2f0 [nfsv4]\",\"nfs4_file_open+0xe1 [nfsv4]\",\"do_sys_openat2+0x9c\"]"
            } else {
                ""
            };
            say(
                at + MS,
                "delay",
                &format!(
                    ",\"began_seen\":true,\"op\":\"nfs4_do_open\",\"path\":\"/mnt/{file}\",\"server\":\"127.0.0.1\",\"refusal\":\"grace\",\
                 \"timeout\":{timeout},\"observed\":false{first}"
                ),
            );
            at += sleep(nth, random) + MS;
            say(at, "sleep_end", ",\"status\":0");
            say(at + MS / 20, "attempt", "");
            at += MS + random.below(2 * MS);
        }
        if !refused.is_empty() {
            say(at + MS, "stall_end", ",\"status\":0");
        }
        lines.append(&mut refused);
    }

    fn refused(&self, at: u64, client: u32, name: &str, random: &mut Random) -> String {
        let rest = format!(
            ",\"op\":\"open\"{},\"xid\":{},\"claim\":\"null\",\"name\":\"{name}\",\"in_grace\":true,\"took_ns\":{}",
            who(client),
            random.number(),
            20_000 + random.below(900_000)
        );
        server(at, "refused", nfsd(client), "nfsd", &rest)
    }
}

/// How long a client sleeps after its nth refusal: the kernel's backoff, and what the timer wheel adds.
fn sleep(nth: u64, random: &mut Random) -> u64 {
    let asked = ((100 * MS) << nth.min(8)).min(15 * SECOND);
    asked + random.below(asked / 50 + 1)
}

fn nfsd(client: u32) -> u64 {
    400 + u64::from(client) % 8
}

fn who(client: u32) -> String {
    format!(
        ",\"client_addr\":\"192.0.{}.{}\",\"client_name\":\"Linux NFSv4.2 client{client:04}\",\"minor\":2",
        2 + client / 250,
        1 + client % 250
    )
}

fn server(at: u64, event: &str, tid: u64, comm: &str, rest: &str) -> String {
    format!(
        "{{\"type\":\"event\",\"t\":{at},\"event\":\"{event}\",\"netns\":{NETNS},\"pid\":{tid},\"tid\":{tid},\"comm\":\"{comm}\"{rest}}}"
    )
}
