//! Who the clients of one server start are: who was refused, who reclaimed, who is missing.

use std::{
    collections::{HashMap, VecDeque},
    net::IpAddr,
};

use crate::record::{Claim, Client, ServerOp, Stamp};

/// Clients kept by name; refusals of others are only counted.
pub const MAX_CLIENTS: usize = 4_096;
/// First refusals kept in detail.
pub const FIRST_KEPT: usize = 16;
/// Last refusals kept in detail.
pub const LAST_KEPT: usize = 48;

/// One client.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ClientSeen {
    /// Address of its latest request.
    pub addr: Option<IpAddr>,
    /// The name it gave itself.
    pub name: Option<String>,
    /// NFSv4 minor version of its latest request.
    pub minor: Option<u32>,
    /// Whether it is in the reclaim table: the server expects it back.
    pub recorded: Option<Stamp>,
    /// When it confirmed its identity.
    pub confirmed: Option<Stamp>,
    /// When it said RECLAIM_COMPLETE.
    pub completed: Option<Stamp>,
    /// Operations refused to it.
    pub refused: u64,
    /// Of these, refused although no grace period was on.
    pub refused_outside: u64,
    /// First refusal.
    pub first_refused: Option<Stamp>,
    /// Operations with which it reclaimed.
    pub reclaims: u64,
    /// When it reclaimed last.
    pub last_reclaim: Option<Stamp>,
}

impl ClientSeen {
    /// Whether it speaks NFSv4.0, which has no RECLAIM_COMPLETE: seen, or told by the name that Linux gives itself.
    #[must_use]
    pub fn is_minor_0(&self) -> bool {
        self.minor.map_or(self.is_minor_0_by_name(), |minor| minor == 0)
    }

    /// Whether only its name tells that it speaks NFSv4.0.
    #[must_use]
    pub fn is_minor_0_by_name(&self) -> bool {
        self.minor.is_none() && self.name.as_ref().is_some_and(|name| name.starts_with("Linux NFSv4.0 "))
    }

    /// Whether the server waits for it.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        self.recorded.is_some() && self.completed.is_none()
    }
}

/// One refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedOp {
    /// When.
    pub at: Stamp,
    /// What was refused.
    pub op: ServerOp,
    /// To whom, an index into [`Clients::list`]; `None` when there were too many.
    pub client: Option<usize>,
    /// XID of the RPC.
    pub xid: Option<u32>,
    /// How the OPEN names its file.
    pub claim: Option<Claim>,
    /// File name.
    pub name: Option<String>,
    /// Whether a grace period was on.
    pub in_grace: Option<bool>,
}

/// The clients of one server start.
#[derive(Debug, Clone, Default)]
pub struct Clients {
    list: Vec<ClientSeen>,
    by_name: HashMap<String, usize>,
    by_addr: HashMap<IpAddr, usize>,
    nameless: Option<usize>,
    /// Refusals, of all clients.
    pub refused: u64,
    /// Refusals of clients beyond [`MAX_CLIENTS`].
    pub refused_to_others: u64,
    /// Clients put into the reclaim table.
    pub recorded: u32,
    /// Clients in the reclaim table that said RECLAIM_COMPLETE.
    pub completed: u32,
    /// When one of them last reclaimed.
    pub last_reclaim: Option<Stamp>,
    first: Vec<RefusedOp>,
    last: VecDeque<RefusedOp>,
}

impl Clients {
    /// All clients seen, in the order of their first appearance.
    #[must_use]
    pub fn list(&self) -> &[ClientSeen] {
        &self.list
    }

    /// The refusals kept in detail, oldest first.
    pub fn refusals(&self) -> impl Iterator<Item = &RefusedOp> {
        self.first.iter().chain(&self.last)
    }

    /// The latest refusal.
    #[must_use]
    pub fn latest_refusal(&self) -> Option<&RefusedOp> {
        self.last.back().or(self.first.last())
    }

    /// Those the server waits for.
    pub fn missing(&self) -> impl Iterator<Item = &ClientSeen> {
        self.list.iter().filter(|client| client.is_missing())
    }

    /// Finds a client by its name, else by its address; a new one is added while there is room.
    fn find(&mut self, client: &Client) -> Option<usize> {
        let name = client.name.as_deref().map(|name| name.trim_end_matches('\0'));
        let at = match self.known(name, client.addr) {
            Some(at) => at,
            None if self.list.len() >= MAX_CLIENTS => return None,
            None => {
                self.list.push(ClientSeen::default());
                self.list.len() - 1
            }
        };
        self.learn(at, name, client);
        Some(at)
    }

    /// The client with this name, or with this address and no name.
    fn known(&self, name: Option<&str>, addr: Option<IpAddr>) -> Option<usize> {
        let by_addr = || addr.and_then(|addr| self.by_addr.get(&addr).copied());
        let without_name = |at: &usize| self.list.get(*at).is_some_and(|it| it.name.is_none());
        match (name, addr) {
            (Some(name), _) => self.by_name.get(name).copied().or_else(|| by_addr().filter(without_name)),
            (None, Some(_)) => by_addr(),
            (None, None) => self.nameless,
        }
    }

    /// Takes over what a request tells of its client.
    fn learn(&mut self, at: usize, name: Option<&str>, client: &Client) {
        let Some(seen) = self.list.get_mut(at) else { return };
        if let Some(name) = name
            && seen.name.is_none()
        {
            seen.name = Some(name.to_owned());
            self.by_name.insert(name.to_owned(), at);
        }
        if let Some(addr) = client.addr
            && seen.addr != Some(addr)
        {
            seen.addr = Some(addr);
            // A client may have several, but not as many as one likes.
            if self.by_addr.len() < 2 * MAX_CLIENTS {
                self.by_addr.insert(addr, at);
            }
        }
        if name.is_none() && client.addr.is_none() {
            self.nameless = Some(at);
        }
        seen.minor = client.minor.or(seen.minor);
    }

    fn seen(&mut self, client: &Client) -> Option<(usize, &mut ClientSeen)> {
        let at = self.find(client)?;
        Some((at, self.list.get_mut(at)?))
    }

    pub(super) fn record(&mut self, at: Stamp, name: &str) -> Option<usize> {
        self.recorded += 1;
        let client = Client { name: Some(name.to_owned()), ..Client::default() };
        let (index, seen) = self.seen(&client)?;
        seen.recorded = Some(at);
        Some(index)
    }

    pub(super) fn confirm(&mut self, at: Stamp, client: &Client) -> Option<usize> {
        let (index, seen) = self.seen(client)?;
        seen.confirmed = Some(at);
        Some(index)
    }

    pub(super) fn complete(&mut self, at: Stamp, client: &Client) -> Option<usize> {
        let (index, seen) = self.seen(client)?;
        let first = seen.completed.is_none();
        let expected = seen.recorded.is_some();
        seen.completed = Some(at);
        self.completed += u32::from(first && expected);
        Some(index)
    }

    pub(super) fn reclaim(&mut self, at: Stamp, client: &Client, status: u32) -> Option<usize> {
        if status == 0 {
            self.last_reclaim = Some(at);
        }
        let (index, seen) = self.seen(client)?;
        seen.reclaims += 1;
        seen.last_reclaim = Some(at);
        Some(index)
    }

    pub(super) fn refuse(&mut self, client: &Client, mut refusal: RefusedOp) -> Option<usize> {
        self.refused += 1;
        match self.seen(client) {
            Some((index, seen)) => {
                seen.refused += 1;
                seen.refused_outside += u64::from(refusal.in_grace == Some(false));
                seen.first_refused.get_or_insert(refusal.at);
                refusal.client = Some(index);
            }
            None => self.refused_to_others += 1,
        }
        let client = refusal.client;
        if self.first.len() < FIRST_KEPT {
            self.first.push(refusal);
        } else {
            if self.last.len() == LAST_KEPT {
                self.last.pop_front();
            }
            self.last.push_back(refusal);
        }
        client
    }
}
