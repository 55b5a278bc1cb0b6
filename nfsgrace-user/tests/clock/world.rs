//! Worlds with known clocks, for the tests and the benchmark of the clock code: what is found out can be compared with
//! what is true.

use std::net::{IpAddr, Ipv4Addr};

use nfsgrace::{
    clock::{ClientRpc, HostId, Peer, ServerRpc},
    record::{Netns, Stamp},
};

/// A small generator with a seed: a world is the same each time.
#[derive(Debug, Clone)]
pub struct Random(pub u64);

impl Random {
    /// SplitMix64, Steele, Lea and Flood 2014.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Less than `limit`.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit.max(1)
    }

    /// True once in `times`.
    pub fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    /// A delay with a heavy tail: mostly below 200 µs, at times up to a second.
    pub fn delay(&mut self) -> u64 {
        let widest = match self.below(100) {
            0..90 => 200_000,
            90..99 => 10_000_000,
            _ => 1_000_000_000,
        };
        1_000 + self.below(widest)
    }
}

/// The true clock of a host.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    /// What it shows at the beginning of the world.
    pub began: u64,
    /// What it gains, parts per billion.
    pub ppb: i64,
}

impl Clock {
    /// Drifts by up to 200 ppm, and is hours or days from any other.
    pub fn any(random: &mut Random) -> Self {
        let ppb = random.below(400_001).cast_signed() - 200_000;
        Self { began: 1_000_000_000_000 + random.below(400_000_000_000_000), ppb }
    }

    /// What it shows so many nanoseconds after the beginning.
    pub fn at(&self, true_time: u64) -> Stamp {
        let gained = i128::from(true_time) * i128::from(self.ppb) / 1_000_000_000;
        let shown = i128::from(self.began) + i128::from(true_time) + gained;
        Stamp(u64::try_from(shown).expect("a boot in the past"))
    }
}

/// What one RPC left at both ends.
#[derive(Debug, Clone)]
pub struct Rpc {
    pub client: ClientRpc,
    pub server: Vec<ServerRpc>,
}

/// One way from a client to a server: a connection, with XIDs of its own.
#[derive(Debug, Clone, Copy)]
pub struct Mount {
    pub client: HostId,
    pub server: HostId,
    pub xid: u32,
    pub addr: u8,
    pub netns: u32,
}

/// Hosts, their clocks and their mounts.
#[derive(Debug, Clone)]
pub struct World {
    pub random: Random,
    pub clocks: Vec<Clock>,
    pub mounts: Vec<Mount>,
}

impl World {
    /// So many hosts, without mounts.
    pub fn new(seed: u64, hosts: u16) -> Self {
        let mut random = Random(seed);
        let clocks = (0..hosts).map(|_| Clock::any(&mut random)).collect();
        Self { random, clocks, mounts: Vec::new() }
    }

    /// The client mounts from the server; the server sees the client at this address.
    pub fn mount(&mut self, client: u16, server: u16, addr: u8) -> &mut Mount {
        let xid = self.random.next() as u32;
        self.mounts.push(Mount { client: HostId(client), server: HostId(server), xid, addr, netns: 4_026_531_833 });
        self.mounts.last_mut().expect("just pushed")
    }

    fn shows(&self, host: HostId, true_time: u64) -> Stamp {
        self.clocks[usize::from(host.0)].at(true_time)
    }

    /// One RPC at that time. Some are sent twice, and of these some are served twice; some replies are lost.
    pub fn rpc(&mut self, mount: usize, true_time: u64) -> Rpc {
        let Mount { client, server, addr, netns, .. } = self.mounts[mount];
        let xid = self.mounts[mount].xid;
        self.mounts[mount].xid = xid.wrapping_add(1);
        let twice = self.random.once_in(200);
        let mut served = Vec::new();
        let mut answered = Vec::new();
        for nth in 0..=u64::from(twice) {
            let lost = twice && nth == 0 && self.random.once_in(2);
            if lost {
                continue;
            }
            let entered = true_time + nth * 1_000_000_000 + self.random.delay();
            let left = entered + 20_000 + self.random.below(80_000);
            answered.push(left + self.random.delay());
            served.push(ServerRpc {
                host: server,
                xid,
                entered: self.shows(server, entered),
                left: Some(self.shows(server, left)),
                client_addr: Some(IpAddr::V4(Ipv4Addr::new(10, 0, 0, addr))),
                netns: Some(Netns(netns)),
            });
        }
        let unanswered = self.random.once_in(500);
        let received = answered.into_iter().min().filter(|_| !unanswered);
        let rpc = ClientRpc {
            host: client,
            xid: Some(xid),
            sent: self.shows(client, true_time),
            received: received.map(|it| self.shows(client, it)),
            peer: Some(Peer(u32::from(server.0))),
            transmissions: 1 + u32::from(twice),
        };
        Rpc { client: rpc, server: served }
    }

    /// The true time that a host's clock shows, on another host's clock: rounded down and up.
    pub fn truth(&self, at: Stamp, from: HostId, to: HostId) -> (i64, i64) {
        let (from, to) = (self.clocks[usize::from(from.0)], self.clocks[usize::from(to.0)]);
        let billion = 1_000_000_000_i128;
        let passed = (i128::from(at.0) - i128::from(from.began)) * (billion + i128::from(to.ppb));
        let (rate, began) = (billion + i128::from(from.ppb), i128::from(to.began));
        let down = began + passed.div_euclid(rate);
        let up = down + i128::from(passed.rem_euclid(rate) != 0);
        (i64::try_from(down).expect("in time"), i64::try_from(up).expect("in time"))
    }
}
