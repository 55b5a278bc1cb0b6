//! What matching and alignment cost, in time and in memory.
//!
//! `cargo bench -p nfsgrace-user --bench clock`, on one processor: `taskset -c 0 cargo bench …`.
//!
//! RPCs are made in portions, so that what is measured is the code and not the making: the time is that which a processor
//! spent on the calls alone, the memory that of the whole process.

#[path = "../tests/clock/world.rs"]
#[expect(dead_code, reason = "the tests look at more of it")]
mod world;

use std::time::Duration;

use nfsgrace::{
    clock::{ClientRpc, HostId, Matcher, ServerRpc},
    record::{Stamp, Unmatched},
};
use world::World;

const HOSTS: u16 = 50;
const SERVERS: u16 = 2;
const RPCS: u64 = 1_000_000;
const PORTION: u64 = 10_000;

#[derive(Clone, Copy)]
enum End {
    Client(ClientRpc),
    Server(ServerRpc),
}

fn main() {
    println!("clock: {RPCS} RPCs of {HOSTS} hosts, {SERVERS} of them servers");
    side_by_side();
    one_after_the_other();
    live();
}

fn world() -> World {
    let mut world = World::new(50, HOSTS);
    for client in SERVERS..HOSTS {
        world.mount(client, client % SERVERS, client as u8);
        if client % 5 == 0 {
            world.mount(client, (client + 1) % SERVERS, client as u8);
        }
    }
    world
}

fn matcher() -> Matcher {
    let mut matcher = Matcher::default();
    for nth in 0..HOSTS {
        matcher.host(&nth.to_string());
    }
    matcher
}

/// The next RPCs of all mounts, in about the order in which they would be told: shuffled over some tens of RPCs.
fn portion(world: &mut World, from: u64, count: u64, gap: u64) -> Vec<End> {
    let mut ends = Vec::new();
    for nth in from..from + count {
        let mount = world.random.below(world.mounts.len() as u64) as usize;
        let rpc = world.rpc(mount, 1_000_000_000 + nth * gap);
        ends.extend(rpc.server.into_iter().map(End::Server));
        ends.push(End::Client(rpc.client));
    }
    for nth in 0..ends.len() {
        let other = (nth + world.random.below(50) as usize).min(ends.len() - 1);
        ends.swap(nth, other);
    }
    ends
}

fn tell(matcher: &mut Matcher, ends: &[End]) -> (Duration, usize) {
    let began = busy();
    let mut matches = 0;
    for end in ends {
        let found = match *end {
            End::Client(rpc) => matcher.client(rpc),
            End::Server(rpc) => matcher.server(rpc),
        };
        matches += found.matches.len();
    }
    (busy().saturating_sub(began), matches)
}

fn report(what: &str, took: Duration, matcher: &Matcher) {
    let points: usize = matcher.pairs().filter_map(|(_, it)| it.windows()?.alignment(0)).map(|it| it.points()).sum();
    let unmatched: u64 = matcher.unmatched().map(|(_, count)| count).sum();
    println!(
        "  {what}: {:.2} s, {} matched, {unmatched} not, {} pairs of hosts, {points} points kept, {} wait; peak RSS {} MB",
        took.as_secs_f64(),
        matcher.matched(),
        matcher.pairs().count(),
        matcher.waiting(),
        peak_rss_mb().map_or("?".to_owned(), |it| it.to_string()),
    );
}

/// Sessions merged by time, as they come live.
fn side_by_side() {
    let (mut world, mut matcher, mut took) = (world(), matcher(), Duration::ZERO);
    for from in (0..RPCS).step_by(PORTION as usize) {
        let ends = portion(&mut world, from, PORTION, 100_000);
        took += tell(&mut matcher, &ends).0;
    }
    let ways = matcher.ways(HostId(0));
    let began = busy();
    let mut mapped = 0;
    for nth in 0..RPCS {
        let host = HostId((nth % u64::from(HOSTS)) as u16);
        let at = Stamp(world.clocks[usize::from(host.0)].began + nth * 100_000);
        mapped += usize::from(matcher.at(&ways, host, at).error().is_some());
    }
    let mapping = busy().saturating_sub(began);
    let began = busy();
    matcher.finish();
    took += busy().saturating_sub(began);
    report("side by side", took, &matcher);
    let wrong: u64 = matcher.unmatched().filter(|(why, _)| *why == Unmatched::Ambiguous).map(|(_, count)| count).sum();
    println!("  {mapped} times mapped in {:.2} s; {wrong} RPCs ambiguous", mapping.as_secs_f64());
}

/// Whole sessions, the servers' first: everything waits.
fn one_after_the_other() {
    let (mut world, mut matcher, mut took) = (world(), matcher(), Duration::ZERO);
    let untouched = world.clone();
    for from in (0..RPCS).step_by(PORTION as usize) {
        let mut ends = portion(&mut world, from, PORTION, 100_000);
        ends.retain(|it| matches!(it, End::Server(_)));
        took += tell(&mut matcher, &ends).0;
    }
    let mut world = untouched;
    for from in (0..RPCS).step_by(PORTION as usize) {
        let mut ends = portion(&mut world, from, PORTION, 100_000);
        ends.retain(|it| matches!(it, End::Client(_)));
        took += tell(&mut matcher, &ends).0;
    }
    let began = busy();
    matcher.finish();
    took += busy().saturating_sub(began);
    report("one after the other", took, &matcher);
}

/// Twenty sources with a thousand records a second each, for a minute.
fn live() {
    const SECONDS: u64 = 60;
    const PER_SECOND: u64 = 10_000;
    let (mut world, mut matcher, mut took) = (world(), matcher(), Duration::ZERO);
    let (mut worst, mut records) = (Duration::ZERO, 0);
    for second in 0..SECONDS {
        let ends = portion(&mut world, second * PER_SECOND, PER_SECOND, 100_000);
        records += ends.len();
        let began = busy();
        tell(&mut matcher, &ends);
        let ways = matcher.ways(HostId(0));
        for end in &ends {
            let (host, at) = match end {
                End::Client(rpc) => (rpc.host, rpc.sent),
                End::Server(rpc) => (rpc.host, rpc.entered),
            };
            std::hint::black_box(matcher.at(&ways, host, at));
        }
        let part = busy().saturating_sub(began);
        took += part;
        worst = worst.max(part);
    }
    println!(
        "  live, {} records a second, matched and mapped: {:.1} % of a processor, {:.1} % in the worst second",
        records as u64 / SECONDS,
        100.0 * took.as_secs_f64() / SECONDS as f64,
        100.0 * worst.as_secs_f64(),
    );
}

/// Processor time that this process has used.
fn busy() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.try_into().unwrap_or(0), time.tv_nsec.try_into().unwrap_or(0))
}

fn peak_rss_mb() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? / 1024)
}
