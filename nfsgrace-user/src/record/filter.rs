//! Which events of a session to follow.

use std::net::IpAddr;

use super::{Client, Event, Netns};

/// A choice of events: an empty list of a kind chooses all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Process or thread ids of stalled tasks.
    pub pids: Vec<u32>,
    /// Names of stalled tasks.
    pub comms: Vec<String>,
    /// Addresses of a server's clients.
    pub clients: Vec<IpAddr>,
    /// Namespaces of servers.
    pub netns: Vec<Netns>,
}

impl Filter {
    /// Whether an event is to be followed. A server's own start is, whichever client or task was asked for: it is the
    /// reason for what happens to them. What cannot be told of an event does not exclude it.
    #[must_use]
    pub fn admits(&self, event: &Event) -> bool {
        let Self { pids, comms, clients: _, netns } = self;
        if !netns.is_empty() && event.netns.is_some_and(|of| !netns.contains(&of)) {
            return false;
        }
        if event.kind.stall().is_some() {
            let task = &event.task;
            return (pids.is_empty() || pids.contains(&task.pid) || pids.contains(&task.tid))
                && (comms.is_empty() || comms.contains(&task.comm));
        }
        event.kind.client().is_none_or(|client| self.admits_client(client))
    }

    fn admits_client(&self, client: &Client) -> bool {
        self.clients.is_empty() || client.addr.is_none_or(|addr| self.clients.contains(&addr))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Kind, Stamp, Task};

    fn event(netns: Option<u32>, tid: u32, kind: Kind) -> Event {
        let task = Task { pid: 7, tid, comm: "make".to_owned() };
        Event { at: Stamp(1), task, netns: netns.map(Netns), kind }
    }

    #[test]
    fn a_task_is_chosen_by_process_thread_or_name() {
        let asleep = event(None, 8, Kind::Attempt { began: Stamp(0) });
        let only = |filter: Filter| filter.admits(&asleep);
        assert!(only(Filter { pids: vec![7], ..Filter::default() }));
        assert!(only(Filter { pids: vec![8], ..Filter::default() }));
        assert!(!only(Filter { pids: vec![9], ..Filter::default() }));
        assert!(only(Filter { comms: vec!["make".into()], ..Filter::default() }));
        assert!(!only(Filter { comms: vec!["cc".into()], ..Filter::default() }));
    }

    #[test]
    fn a_servers_start_is_followed_whichever_task_or_client_is_asked_for() {
        let start = event(Some(1), 8, Kind::ServerStart);
        let filter =
            Filter { pids: vec![1], comms: vec!["cc".into()], clients: vec![[192, 0, 2, 1].into()], netns: vec![] };
        assert!(filter.admits(&start));
        assert!(!Filter { netns: vec![Netns(2)], ..filter }.admits(&start));
    }
}
