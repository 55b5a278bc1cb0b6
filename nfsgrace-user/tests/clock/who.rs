//! Who is whose client, found out from XIDs alone, and compared with the world in which it happened.

use std::collections::{BTreeMap, HashMap, HashSet};

use nfsgrace::{
    clock::{ClientRpc, Found, HostId, Mapped, Match, Matcher, ServerRpc},
    record::{ClockOutcome, Netns, Stamp, Unmatched},
};
use proptest::prelude::*;

use crate::world::{Rpc, World};

const MILLISECOND: u64 = 1_000_000;
const SECOND: u64 = 1_000_000_000;

/// A session of a world: the RPCs, what was found of them, and what is true.
struct Session {
    world: World,
    matcher: Matcher,
    matches: Vec<Match>,
    unmatched: Vec<(ClientRpc, Unmatched)>,
    /// Which RPC of a client each of a server's ends belongs to.
    truth: HashMap<(HostId, u32, Stamp), (HostId, Stamp)>,
    clients: usize,
    now: u64,
}

impl Session {
    fn new(world: World) -> Self {
        let mut matcher = Matcher::default();
        for nth in 0..world.clocks.len() {
            matcher.host(&format!("boot {nth}")).expect("few hosts");
        }
        Self {
            world,
            matcher,
            matches: Vec::new(),
            unmatched: Vec::new(),
            truth: HashMap::new(),
            clients: 0,
            now: SECOND,
        }
    }

    fn keep(&mut self, found: Found) {
        self.matches.extend(found.matches);
        self.unmatched.extend(found.unmatched);
    }

    fn client(&mut self, rpc: ClientRpc) {
        self.clients += 1;
        let found = self.matcher.client(rpc);
        self.keep(found);
    }

    fn server(&mut self, rpc: ServerRpc) {
        let found = self.matcher.server(rpc);
        self.keep(found);
    }

    fn rpc(&mut self, mount: usize) -> Rpc {
        self.now += 1 + self.world.random.below(20 * MILLISECOND);
        let rpc = self.world.rpc(mount, self.now);
        for server in &rpc.server {
            self.truth.insert((server.host, server.xid, server.entered), (rpc.client.host, rpc.client.sent));
        }
        rpc
    }

    /// RPCs over all mounts in turn; either end can be told first, and a few late.
    fn run(&mut self, count: usize) {
        let mut late = Vec::new();
        for _ in 0..count {
            let mount = self.world.random.below(self.world.mounts.len() as u64) as usize;
            let rpc = self.rpc(mount);
            match self.world.random.below(20) {
                0 => late.push(rpc),
                1..8 => self.tell(&rpc, false),
                _ => self.tell(&rpc, true),
            }
            if self.world.random.once_in(50) {
                for rpc in std::mem::take(&mut late) {
                    self.tell(&rpc, true);
                }
            }
        }
        for rpc in late {
            self.tell(&rpc, false);
        }
    }

    fn tell(&mut self, rpc: &Rpc, server_first: bool) {
        if !server_first {
            self.client(rpc.client);
        }
        rpc.server.iter().for_each(|it| self.server(*it));
        if server_first {
            self.client(rpc.client);
        }
    }

    fn finish(&mut self) {
        let found = self.matcher.finish();
        self.keep(found);
        self.everything_is_true();
    }

    /// What can be said of any world.
    fn everything_is_true(&self) {
        assert_eq!(self.matches.len() + self.unmatched.len(), self.clients, "each RPC is accounted for");
        let mut once = HashSet::new();
        for it in &self.matches {
            let key = (it.server.host, it.server.xid, it.server.entered);
            assert_eq!(self.truth.get(&key), Some(&(it.client.host, it.client.sent)), "{it:?} is no RPC");
            assert!(once.insert(key), "{it:?} twice");
            let pairing = self.matcher.between(it.client.host, it.server.host).expect("they talk");
            let sent = pairing.sent(it);
            assert!(sent.nanoseconds().is_some_and(|at| at <= it.server.entered.0.cast_signed()));
            let received = pairing.received(it).and_then(|it| it.nanoseconds());
            if it.exchange().received.is_some() {
                assert!(received.is_some_and(|at| it.server.left.is_some_and(|left| at >= left.0.cast_signed())));
            }
            for stamp in [Some(it.client.sent), it.client.received].into_iter().flatten() {
                let (down, up) = self.world.truth(stamp, it.client.host, it.server.host);
                let mapped = pairing.at(stamp.0.cast_signed());
                assert!(holds(mapped, down, up), "{mapped:?} without {down}");
            }
        }
    }

    fn talking(&self) -> Vec<(u16, u16)> {
        self.matcher.pairs().map(|((client, server), _)| (client.0, server.0)).collect()
    }

    fn reasons(&self) -> BTreeMap<Unmatched, usize> {
        let mut reasons = BTreeMap::new();
        self.unmatched.iter().for_each(|(_, why)| *reasons.entry(*why).or_default() += 1);
        reasons
    }
}

/// Clocks show whole nanoseconds: that makes one at either end.
fn holds(mapped: Mapped, down: i64, up: i64) -> bool {
    mapped.earliest.is_none_or(|it| it <= up + 1) && mapped.latest.is_none_or(|it| it >= down - 1)
}

#[test]
fn two_servers_and_their_clients_are_told_apart_behind_one_nat_address() {
    let mut world = World::new(1, 6);
    for (client, server) in [(2, 0), (3, 0), (4, 0), (4, 1), (5, 1)] {
        world.mount(client, server, 9);
    }
    let mut session = Session::new(world);
    session.run(4_000);
    session.finish();
    assert_eq!(session.talking(), [(2, 0), (3, 0), (4, 0), (4, 1), (5, 1)]);
    assert!(session.matches.len() > 3_950, "{} of {}", session.matches.len(), session.clients);
}

#[test]
fn several_mounts_between_two_hosts_are_one_pair_with_all_their_names() {
    let mut world = World::new(2, 2);
    world.mount(1, 0, 1);
    world.mount(1, 0, 2);
    world.mount(1, 0, 3).netns = 42;
    let mut session = Session::new(world);
    session.run(600);
    session.finish();
    let pairing = session.matcher.between(HostId(1), HostId(0)).expect("they talk");
    assert_eq!(pairing.client_addrs().count(), 3);
    assert_eq!(pairing.netns().count(), 2);
    assert_eq!(pairing.outcome(), ClockOutcome::Accurate);
}

#[test]
fn a_host_that_mounts_from_itself_has_one_clock() {
    let mut world = World::new(3, 1);
    world.mount(0, 0, 1);
    let mut session = Session::new(world);
    session.run(50);
    session.finish();
    assert_eq!(session.talking(), [(0, 0)]);
    let pairing = session.matcher.between(HostId(0), HostId(0)).expect("it talks to itself");
    assert_eq!(pairing.outcome(), ClockOutcome::Exact);
    assert!(session.matches.len() >= 49);
    assert_eq!(session.matcher.host("boot 0"), Some(HostId(0)), "sessions of one boot are one host");
}

#[test]
fn the_same_xids_at_the_same_time_do_not_make_strangers_a_pair() {
    // Host 1 is a client of host 0. Host 3 is a client of a server that nobody recorded, and host 2 serves clients that
    // nobody recorded, with the very same XIDs.
    let mut world = World::new(4, 4);
    world.mount(1, 0, 1);
    world.mount(3, 2, 2).xid = 1_000;
    world.mount(3, 2, 3).xid = 1_000;
    let mut session = Session::new(world);
    for _ in 0..3_000 {
        let rpc = session.rpc(0);
        session.tell(&rpc, true);
        let rpc = session.rpc(1);
        session.client(rpc.client);
        session.now += session.world.random.below(10 * MILLISECOND);
        let stranger = session.rpc(2);
        for server in stranger.server {
            session.server(server);
        }
    }
    session.finish();
    assert_eq!(session.talking(), [(1, 0)]);
}

#[test]
fn chance_among_many_hosts_with_many_rpcs_makes_no_pair() {
    // Two hundred thousand random XIDs of a server's clients that were not recorded, and as many of a client whose server
    // was not: some ten are the same by chance.
    let mut matcher = Matcher::default();
    let (client, server) = (matcher.host("c").expect("first"), matcher.host("s").expect("second"));
    let mut world = World::new(5, 2);
    for nth in 0..200_000_u64 {
        let (at, xid) = (1_000 * SECOND + nth * MILLISECOND, world.random.next() as u32);
        let sent = Stamp(at);
        let received = Some(Stamp(at + 300_000));
        matcher.client(ClientRpc { host: client, xid: Some(xid), sent, received, peer: None, transmissions: 1 });
        let (entered, xid) = (at + 50 * SECOND + world.random.below(MILLISECOND), world.random.next() as u32);
        let left = Some(Stamp(entered + 50_000));
        matcher.server(ServerRpc { host: server, xid, entered: Stamp(entered), left, client_addr: None, netns: None });
    }
    assert_eq!(matcher.pairs().count(), 0);
    let found = matcher.finish();
    assert!(
        found.unmatched.iter().all(|(_, why)| *why == Unmatched::ServerNotRecorded),
        "{:?}",
        matcher.unmatched().collect::<Vec<_>>()
    );
    assert_eq!(matcher.unmatched().map(|(_, count)| count).sum::<u64>(), 200_000);
}

#[test]
fn a_few_retries_of_one_blocked_open_are_enough() {
    // Refused at 0.1, 0.3, 0.7, 1.5 s: all that a client may send in the first seconds.
    let mut world = World::new(6, 2);
    world.mount(1, 0, 1);
    let mut session = Session::new(world);
    for pause in [100, 200, 400, 800] {
        session.now += pause * MILLISECOND;
        let rpc = session.world.rpc(0, session.now);
        for server in &rpc.server {
            session.truth.insert((server.host, server.xid, server.entered), (rpc.client.host, rpc.client.sent));
        }
        session.tell(&rpc, true);
    }
    session.finish();
    assert_eq!(session.matches.len(), 4, "{:?}", session.reasons());
}

#[test]
fn one_burst_is_not_enough_and_three_moments_are() {
    let mut world = World::new(13, 2);
    world.mount(1, 0, 1);
    let mut session = Session::new(world);
    for moment in 0..3 {
        assert_eq!(session.talking(), [], "after {moment} moments");
        session.now += SECOND;
        for _ in 0..10 {
            let began = session.now;
            let rpc = session.rpc(0);
            session.now = began + MILLISECOND;
            session.tell(&rpc, true);
        }
    }
    assert_eq!(session.talking(), [(1, 0)]);
    session.finish();
}

#[test]
fn an_rpc_that_was_sent_twice_counts_from_its_first_sending_and_proves_nothing_that_was_not_seen() {
    let mut world = World::new(14, 2);
    world.mount(1, 0, 1);
    let mut session = Session::new(world);
    session.run(300);
    let clocks = session.world.clocks.clone();
    let xid = session.world.mounts[0].xid.wrapping_add(1_000);
    let began = session.now + SECOND;
    let [client, server] = [clocks[1], clocks[0]];
    let observation = |xid: u32, entered: u64| ServerRpc {
        host: HostId(0),
        xid,
        entered: server.at(entered),
        left: Some(server.at(entered + 5_000)),
        client_addr: None,
        netns: None,
    };
    let rpc = |xid: u32, transmissions: u32| ClientRpc {
        host: HostId(1),
        xid: Some(xid),
        sent: client.at(began),
        received: Some(client.at(began + SECOND + 200_000)),
        peer: None,
        transmissions,
    };
    // Served twice, and both were seen.
    let (first, second) = (observation(xid, began + 50_000), observation(xid, began + SECOND + 50_000));
    let told = [session.matcher.server(second), session.matcher.server(first), session.matcher.client(rpc(xid, 2))];
    let [found] = told.iter().flat_map(|it| &it.matches).copied().collect::<Vec<_>>()[..] else { panic!("{told:?}") };
    assert_eq!((found.server.entered, found.observations), (first.entered, 2));
    // Served twice, and the one that was answered was not seen: the other came in after the answer had arrived.
    let late = observation(xid + 1, began + SECOND + 210_000);
    let told = [session.matcher.server(late), session.matcher.client(rpc(xid + 1, 2))];
    assert_eq!(told.iter().map(|it| it.matches.len()).sum::<usize>(), 1);
    session.finish();
    assert_eq!(session.matcher.between(HostId(1), HostId(0)).map(|it| it.outcome()), Some(ClockOutcome::Accurate));
}

#[test]
fn an_xid_that_is_used_again_is_another_rpc() {
    let mut world = World::new(15, 2);
    world.mount(1, 0, 1);
    let mut session = Session::new(world);
    session.run(300);
    session.now += SECOND;
    let lost = session.rpc(0);
    session.client(ClientRpc { received: None, ..lost.client });
    session.now += 3_600 * SECOND;
    session.world.mounts[0].xid = lost.client.xid.expect("known");
    let again = session.rpc(0);
    again.server.iter().for_each(|it| session.server(*it));
    assert!(session.matches.iter().all(|it| it.server.entered != again.server[0].entered), "an hour later");
    session.client(again.client);
    session.finish();
    assert!(session.matches.iter().any(|it| it.client == again.client));
    assert!(session.unmatched.iter().any(|(rpc, _)| rpc.sent == lost.client.sent));
}

#[test]
fn sessions_read_one_after_the_other_give_the_same_pairs() {
    let mut world = World::new(7, 4);
    for client in 1..4 {
        world.mount(client, 0, client as u8);
    }
    let mut session = Session::new(world);
    let rpcs: Vec<_> = (0..3_000).map(|nth| session.rpc(nth % 3)).collect();
    rpcs.iter().flat_map(|it| &it.server).for_each(|it| session.server(*it));
    for host in (1..4).map(HostId) {
        rpcs.iter().filter(|it| it.client.host == host).for_each(|it| session.client(it.client));
    }
    session.finish();
    assert_eq!(session.talking(), [(1, 0), (2, 0), (3, 0)]);
    assert!(session.matches.len() > 2_970, "{:?}", session.reasons());
}

#[test]
fn each_rpc_without_another_end_says_why() {
    let mut world = World::new(8, 3);
    world.mount(1, 0, 1);
    world.mount(1, 2, 1);
    let mut session = Session::new(world);
    // Before the server is recorded.
    let early = session.rpc(0);
    session.client(early.client);
    session.now += 400 * SECOND;
    for _ in 0..100 {
        let rpc = session.rpc(0);
        session.matcher.recorded(HostId(0), rpc.server[0].entered);
        session.tell(&rpc, true);
    }
    // Lost on its way.
    session.now += SECOND;
    let mut rpc = session.rpc(0);
    rpc.server.clear();
    session.tell(&rpc, true);
    // To a server that is not recorded.
    let rpc = session.rpc(1);
    session.client(rpc.client);
    // The server lost its record.
    session.now += 10 * SECOND;
    let rpc = session.rpc(0);
    session.client(rpc.client);
    let entered = rpc.server[0].entered;
    session.matcher.lost(HostId(0), Stamp(entered.0 - SECOND), Stamp(entered.0 + SECOND));
    session.matcher.recorded(HostId(0), Stamp(entered.0 + 20 * SECOND));
    // Its XID was not read, or its times are nonsense.
    session.client(ClientRpc { xid: None, ..rpc.client });
    session.client(ClientRpc { received: Some(Stamp(3)), ..rpc.client });
    session.client(ClientRpc { sent: Stamp(u64::MAX), received: None, ..rpc.client });
    // The server had this XID ten minutes ago.
    session.now += 15 * SECOND;
    let old = session.rpc(0);
    let stale = ServerRpc { entered: Stamp(entered.0 - 300 * SECOND), left: None, ..old.server[0] };
    session.server(stale);
    session.client(old.client);
    // After the end.
    session.now += 3_600 * SECOND;
    let rpc = session.rpc(0);
    session.client(rpc.client);
    let before: BTreeMap<_, _> = session.reasons();
    session.finish();
    let mut reasons = session.reasons();
    // RPCs of the hundred whose request or reply was really lost.
    let not_seen = reasons.remove(&Unmatched::NotSeen);
    assert!(not_seen.is_some_and(|it| it <= 2), "{not_seen:?}");
    let expected = [
        (Unmatched::NoXid, 1),
        (Unmatched::ImpossibleTime, 2),
        (Unmatched::ServerNotRecorded, 1),
        (Unmatched::BeforeRecording, 1),
        (Unmatched::AfterRecording, 1),
        (Unmatched::ServerLostRecords, 1),
        (Unmatched::Contradicts, 1),
    ];
    assert_eq!(reasons, BTreeMap::from(expected), "before the end {before:?}");
}

#[test]
fn a_server_that_was_paused_is_a_step_and_its_clients_stay_matched() {
    let mut world = World::new(9, 2);
    world.mount(1, 0, 1);
    let mut session = Session::new(world);
    for nth in 0..400 {
        if nth == 200 {
            // From here on its clock is a minute behind.
            session.world.clocks[0].began -= 60 * SECOND;
            session.now += 70 * SECOND;
        }
        let rpc = session.rpc(0);
        session.tell(&rpc, true);
    }
    let found = session.matcher.finish();
    session.keep(found);
    let pairing = session.matcher.between(HostId(1), HostId(0)).expect("they talk");
    assert_eq!(pairing.outcome(), ClockOutcome::Approximate);
    let steps: Vec<_> = pairing.windows().expect("not the same clock").steps().collect();
    let [step] = steps.as_slice() else { panic!("one step: {steps:?}") };
    assert!(step.jump.contains(-60 * SECOND.cast_signed()), "{step:?}");
    assert!(session.matches.len() >= 396, "{:?}", session.reasons());
}

#[test]
fn one_wrong_xid_is_chance_and_no_step() {
    let mut world = World::new(10, 2);
    world.mount(1, 0, 1);
    let mut session = Session::new(world);
    for nth in 0..300 {
        let mut rpc = session.rpc(0);
        if nth % 100 == 50 {
            // The server's record of it is lost, and another RPC had this XID some time ago.
            rpc.server.iter_mut().for_each(|it| {
                it.entered = Stamp(it.entered.0 - 7 * SECOND - nth * MILLISECOND);
                it.left = None;
            });
        }
        session.tell(&rpc, true);
    }
    let found = session.matcher.finish();
    session.keep(found);
    let pairing = session.matcher.between(HostId(1), HostId(0)).expect("they talk");
    assert_eq!(pairing.outcome(), ClockOutcome::Accurate);
    assert_eq!(session.reasons().get(&Unmatched::Contradicts), Some(&3));
}

#[test]
fn two_clients_with_one_xid_at_one_moment_are_told_apart_by_their_address_or_not_at_all() {
    for (behind_nat, expected) in [(false, 0), (true, 2)] {
        let mut world = World::new(11, 3);
        world.mount(1, 0, 1);
        world.mount(2, 0, if behind_nat { 1 } else { 2 });
        let mut session = Session::new(world);
        session.run(200);
        session.world.mounts[0].xid = 77;
        session.world.mounts[1].xid = 77;
        session.now += SECOND;
        let both = [session.world.rpc(0, session.now), session.world.rpc(1, session.now)];
        for rpc in &both {
            for server in &rpc.server {
                session.truth.insert((server.host, server.xid, server.entered), (rpc.client.host, rpc.client.sent));
            }
        }
        both.iter().for_each(|rpc| session.client(rpc.client));
        both.iter().flat_map(|rpc| &rpc.server).for_each(|server| session.server(*server));
        session.finish();
        assert_eq!(
            session.reasons().get(&Unmatched::Ambiguous).copied().unwrap_or(0),
            expected,
            "{:?}",
            session.reasons()
        );
    }
}

#[test]
fn clocks_of_hosts_that_never_talk_are_compared_over_those_in_between() {
    let mut world = World::new(12, 4);
    world.mount(1, 0, 1);
    world.mount(1, 2, 1);
    world.mount(3, 2, 1);
    let mut session = Session::new(world);
    session.run(2_000);
    session.finish();
    let ways = session.matcher.ways(HostId(0));
    let now = session.now / 2;
    for host in (0..4).map(HostId) {
        let at = session.world.clocks[usize::from(host.0)].at(now);
        let mapped = session.matcher.at(&ways, host, at);
        let (down, up) = session.world.truth(at, host, HostId(0));
        assert!(holds(mapped, down, up), "host {host:?}: {mapped:?} without {down}");
        assert!(mapped.error().is_some_and(|it| it.as_millis() < 10), "{:?}", mapped.error());
    }
    assert_eq!(session.matcher.outcome(&ways, HostId(3)), ClockOutcome::Accurate);
    assert_eq!(session.matcher.outcome(&ways, HostId(0)), ClockOutcome::Exact);
    let stranger = session.matcher.host("").expect("few hosts");
    assert_eq!(session.matcher.outcome(&ways, stranger), ClockOutcome::Absent);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn in_any_world_what_is_matched_is_true_and_the_rest_says_why(seed: u64, clients in 1_u16..6, servers in 1_u16..4) {
        let mut world = World::new(seed, clients + servers);
        for client in servers..servers + clients {
            for _ in 0..1 + world.random.below(2) {
                let server = world.random.below(u64::from(servers)) as u16;
                let nat = world.random.below(3) as u8;
                world.mount(client, server, nat);
            }
        }
        let expected: HashSet<_> = world.mounts.iter().map(|it| (it.client.0, it.server.0)).collect();
        let mut session = Session::new(world);
        session.run(1_500);
        session.finish();
        let talking = session.talking();
        prop_assert!(talking.iter().all(|it| expected.contains(it)), "{:?}", talking);
        prop_assert_eq!(talking.len(), expected.len());
        prop_assert!(session.matches.len() * 100 >= session.clients * 97, "{:?}", session.reasons());
    }

    #[test]
    fn nothing_is_too_wild(ends in prop::collection::vec((any::<bool>(), 0_u16..5, 0_u32..4, any::<u64>(), any::<u64>(), 0_u32..3), 0..300)) {
        let mut matcher = Matcher::with_room(40);
        (0..4).for_each(|nth| { matcher.host(&nth.to_string()); });
        let mut told = 0;
        let mut sent = 0;
        for (client, host, xid, a, b, transmissions) in ends {
            let host = HostId(host);
            // Half of the times are near each other, so that some of them match.
            let (a, b) = if a % 2 == 0 { (a % 1_000, a % 1_000 + b % 1_000) } else { (a, b) };
            let found = if client {
                sent += u64::from(host.0 < 4);
                let received = (b % 3 > 0).then_some(Stamp(b));
                matcher.client(ClientRpc { host, xid: Some(xid), sent: Stamp(a), received, peer: None, transmissions })
            } else {
                let left = (b % 3 > 0).then_some(Stamp(b));
                matcher.server(ServerRpc { host, xid, entered: Stamp(a), left, client_addr: None, netns: Some(Netns(1)) })
            };
            told += (found.matches.len() + found.unmatched.len()) as u64;
            prop_assert!(matcher.waiting() <= 40);
            matcher.recorded(host, Stamp(a));
            matcher.lost(host, Stamp(a), Stamp(b));
        }
        told += matcher.finish().unmatched.len() as u64;
        prop_assert_eq!(told, sent);
    }
}
