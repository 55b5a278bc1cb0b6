//! What one message proves about two clocks: it was sent before it was received.

use super::slope::{Round, Slope};
use crate::record::Stamp;

/// Times from here on (146 years) are no times: a clock or a record is broken. Below it no product can overflow.
pub(super) const END_OF_TIME: u64 = 1 << 62;

/// A time that can be computed with, or `None`.
pub(super) fn usable(stamp: Stamp) -> Option<i64> {
    i64::try_from(stamp.0).ok().filter(|_| stamp.0 < END_OF_TIME)
}

/// Which way a message went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Message {
    /// From the client to the server: the server's clock can be no further ahead than when it came in.
    Request,
    /// From the server to the client: the server's clock is at least so far ahead as when it went out.
    Reply,
}

/// One message, with the time at either end on the clock of that end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bound {
    pub(super) message: Message,
    pub(super) point: Point,
}

/// A time on the client's clock, and how far the server's clock was ahead as far as one message tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Point {
    /// The client's clock, 0 to 2^62.
    pub x: i64,
    /// The server's clock minus the client's; its size is below 2^62.
    pub ahead: i64,
}

impl Bound {
    /// From the client's and the server's end of a message; `None` for times that are no times.
    #[must_use]
    pub fn new(message: Message, client: Stamp, server: Stamp) -> Option<Self> {
        let (x, y) = (usable(client)?, usable(server)?);
        Some(Self { message, point: Point { x, ahead: y - x } })
    }
}

impl Point {
    /// The slope from here to a point further right.
    pub fn slope_to(self, right: Self) -> Slope {
        Slope { rise: right.ahead - self.ahead, run: right.x - self.x }
    }

    /// The server's time at `t`, on the line through this point.
    pub fn line(self, slope: Slope, t: i64, round: Round) -> i128 {
        let gained = i128::from(slope.rise) * (i128::from(t) - i128::from(self.x));
        i128::from(t) + i128::from(self.ahead) + round.divide(gained, slope.run)
    }
}

/// One RPC as both ends saw it: two messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exchange {
    /// The client sent it, for the first time.
    pub sent: Stamp,
    /// The server had received it.
    pub entered: Stamp,
    /// The server had not yet replied; `None` when that is not known.
    pub left: Option<Stamp>,
    /// The client received the reply; `None` when it did not, or when it may be the reply to another transmission.
    pub received: Option<Stamp>,
}

impl Exchange {
    /// What it proves.
    pub fn bounds(&self) -> impl Iterator<Item = Bound> + use<> {
        let request = Bound::new(Message::Request, self.sent, self.entered);
        let reply =
            self.received.zip(self.left).and_then(|(client, server)| Bound::new(Message::Reply, client, server));
        request.into_iter().chain(reply)
    }

    /// The same, with the two hosts in each other's place: what was a reply is a request then.
    #[must_use]
    pub fn seen_from_server(&self) -> [Option<Bound>; 2] {
        [
            Bound::new(Message::Reply, self.entered, self.sent),
            self.received.zip(self.left).and_then(|(client, server)| Bound::new(Message::Request, server, client)),
        ]
    }
}
