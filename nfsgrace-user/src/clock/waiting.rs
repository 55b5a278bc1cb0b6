//! RPCs of which one end was seen, waiting for the other.
//!
//! Bounded, and fair: where there is no room, the host that takes most of it loses its oldest.

use std::collections::{HashMap, VecDeque};

use super::rpc::{ClientRpc, HostId, ServerRpc};

/// RPCs with the same XID that can wait at a time; of more, the latest wait.
const MAX_SAME_XID: usize = 32;
/// No further one with the same XID.
const NONE: u32 = u32::MAX;

/// One end of an RPC.
#[derive(Debug, Clone, Copy)]
pub(super) enum End {
    Client(ClientRpc),
    Server(ServerRpc),
}

impl End {
    fn host(&self) -> HostId {
        match self {
            Self::Client(it) => it.host,
            Self::Server(it) => it.host,
        }
    }
}

/// Where one waits. It stays valid when that one is gone, and then names nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slot {
    at: u32,
    generation: u32,
}

#[derive(Debug)]
struct Entry {
    end: Option<End>,
    xid: u32,
    next: u32,
    generation: u32,
}

#[derive(Debug, Default)]
struct Queue {
    /// Oldest first; those that are gone are passed over.
    slots: VecDeque<Slot>,
    clients: usize,
    servers: usize,
}

impl Queue {
    fn live(&self) -> usize {
        self.clients + self.servers
    }

    fn count(&mut self, end: &End) -> &mut usize {
        match end {
            End::Client(_) => &mut self.clients,
            End::Server(_) => &mut self.servers,
        }
    }
}

/// What became of it.
#[derive(Debug)]
pub(super) struct Inserted {
    pub slot: Slot,
    /// No other one with this XID waits.
    pub alone: bool,
    /// Who had to go for it: for want of room, or of one XID too many.
    pub gone: [Option<End>; 2],
}

/// All that wait.
#[derive(Debug)]
pub(super) struct Waiting {
    entries: Vec<Entry>,
    free: Vec<u32>,
    by_xid: HashMap<u32, u32>,
    queues: Vec<Queue>,
    room: usize,
}

impl Waiting {
    /// Room for so many.
    pub fn new(room: usize) -> Self {
        let room = room.clamp(1, NONE as usize - 1);
        Self { entries: Vec::new(), free: Vec::new(), by_xid: HashMap::new(), queues: Vec::new(), room }
    }

    pub fn len(&self) -> usize {
        self.entries.len() - self.free.len()
    }

    /// How many clients' ends of a host wait, and how many servers' ends.
    pub fn of_host(&self, host: HostId) -> (usize, usize) {
        self.queues.get(usize::from(host.0)).map_or((0, 0), |queue| (queue.clients, queue.servers))
    }

    pub fn get(&self, slot: Slot) -> Option<&End> {
        self.entries.get(slot.at as usize).filter(|it| it.generation == slot.generation)?.end.as_ref()
    }

    /// All with this XID, the latest first.
    pub fn same_xid(&self, xid: u32) -> impl Iterator<Item = (Slot, &End)> {
        let mut next = self.by_xid.get(&xid).copied();
        std::iter::from_fn(move || {
            let at = next?;
            let entry = self.entries.get(at as usize)?;
            next = Some(entry.next).filter(|&it| it != NONE);
            Some((Slot { at, generation: entry.generation }, entry.end.as_ref()?))
        })
    }

    /// All clients' ends of a host, oldest first.
    pub fn clients_of(&self, host: HostId) -> impl Iterator<Item = (Slot, ClientRpc)> {
        let slots = self.queues.get(usize::from(host.0)).into_iter().flat_map(|queue| &queue.slots);
        slots.filter_map(|&slot| match self.get(slot)? {
            End::Client(rpc) => Some((slot, *rpc)),
            End::Server(_) => None,
        })
    }

    /// Lets one wait.
    pub fn insert(&mut self, xid: u32, end: End) -> Inserted {
        let gone = if self.len() >= self.room { self.evict() } else { None };
        let at = self.free.pop().unwrap_or_else(|| {
            self.entries.push(Entry { end: None, xid: 0, next: NONE, generation: 0 });
            u32::try_from(self.entries.len() - 1).unwrap_or(NONE)
        });
        let next = self.by_xid.insert(xid, at).unwrap_or(NONE);
        let generation = self.entries.get(at as usize).map_or(0, |entry| entry.generation);
        let slot = Slot { at, generation };
        if let Some(entry) = self.entries.get_mut(at as usize) {
            (entry.end, entry.xid, entry.next) = (Some(end), xid, next);
        }
        let host = usize::from(end.host().0);
        if self.queues.len() <= host {
            self.queues.resize_with(host + 1, Queue::default);
        }
        if let Some(queue) = self.queues.get_mut(host) {
            queue.slots.push_back(slot);
            *queue.count(&end) += 1;
        }
        if next == NONE {
            return Inserted { slot, alone: true, gone: [gone, None] };
        }
        let crowded = self.same_xid(xid).nth(MAX_SAME_XID).map(|(slot, _)| slot);
        let pushed_out = crowded.and_then(|slot| self.remove(slot));
        Inserted { slot, alone: false, gone: [gone, pushed_out] }
    }

    /// Takes one out.
    pub fn remove(&mut self, slot: Slot) -> Option<End> {
        self.get(slot)?;
        let entry = self.entries.get_mut(slot.at as usize)?;
        let (end, xid, next) = (entry.end.take()?, entry.xid, entry.next);
        entry.generation = entry.generation.wrapping_add(1);
        self.unlink(xid, slot.at, next);
        self.free.push(slot.at);
        let entries = &self.entries;
        if let Some(queue) = self.queues.get_mut(usize::from(end.host().0)) {
            *queue.count(&end) -= 1;
            // Most leave soon and from the front; the rest is swept when half of the queue is gone.
            let is_gone = |it: &Slot| entries.get(it.at as usize).is_none_or(|entry| entry.generation != it.generation);
            while queue.slots.front().is_some_and(is_gone) {
                queue.slots.pop_front();
            }
            if queue.slots.len() > 2 * queue.live() + 64 {
                queue.slots.retain(|it| !is_gone(it));
            }
        }
        Some(end)
    }

    fn unlink(&mut self, xid: u32, at: u32, next: u32) {
        let Some(&head) = self.by_xid.get(&xid) else { return };
        if head == at {
            if next == NONE {
                self.by_xid.remove(&xid);
            } else {
                self.by_xid.insert(xid, next);
            }
            return;
        }
        let mut before = head;
        while let Some(entry) = self.entries.get_mut(before as usize) {
            if entry.next == at {
                entry.next = next;
                return;
            }
            before = entry.next;
        }
    }

    fn evict(&mut self) -> Option<End> {
        let crowded = self.queues.iter().max_by_key(|queue| queue.live())?;
        let oldest = crowded.slots.iter().copied().find(|&slot| self.get(slot).is_some())?;
        self.remove(oldest)
    }

    /// Nobody waits any more.
    pub fn clear(&mut self) {
        *self = Self::new(self.room);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Stamp;

    fn server(host: u16, xid: u32, at: u64) -> End {
        let host = HostId(host);
        End::Server(ServerRpc { host, xid, entered: Stamp(at), left: None, client_addr: None, netns: None })
    }

    #[test]
    fn a_host_that_floods_drives_out_only_itself() {
        let mut waiting = Waiting::new(100);
        let quiet = waiting.insert(1, server(0, 1, 0)).slot;
        for nth in 0..1_000 {
            waiting.insert(2 + nth, server(1, 2 + nth, 0));
        }
        assert_eq!(waiting.len(), 100);
        assert!(waiting.get(quiet).is_some());
        assert_eq!(waiting.of_host(HostId(1)), (0, 99));
    }

    #[test]
    fn one_xid_for_all_takes_bounded_time() {
        let mut waiting = Waiting::new(100_000);
        let slots: Vec<_> = (0..10_000).map(|nth| waiting.insert(7, server(0, 7, nth)).slot).collect();
        assert_eq!(waiting.same_xid(7).count(), MAX_SAME_XID);
        assert!(slots.iter().rev().take(MAX_SAME_XID).all(|slot| waiting.remove(*slot).is_some()));
        assert_eq!((waiting.len(), waiting.by_xid.len()), (0, 0));
    }

    #[test]
    fn a_slot_names_nobody_once_its_rpc_is_gone() {
        let mut waiting = Waiting::new(10);
        let slot = waiting.insert(1, server(0, 1, 0)).slot;
        assert!(waiting.remove(slot).is_some());
        let again = waiting.insert(1, server(0, 1, 5)).slot;
        assert!(waiting.get(slot).is_none() && waiting.remove(slot).is_none());
        assert!(waiting.get(again).is_some());
        assert!(waiting.queues[0].slots.len() <= 2);
    }
}
