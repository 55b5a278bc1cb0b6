//! The clocks of several hosts on one timeline, each time with the error it can have.
//!
//! Only causality is certain: a message is sent before it is received. [`Matcher`] takes RPCs as clients and servers saw
//! them, finds the two ends of each, and so finds out who is whose client. Each pair of ends makes two bounds on the line
//! that leads from one clock to the other, and [`Windows`] keeps all lines that are possible, as an [`Alignment`] between
//! two convex hulls for each stretch of time without a step. Nothing is ever estimated that could be bounded.
//!
//! Pure, incremental and exact: no I/O, no clock of its own, whole numbers only; memory is bounded whatever comes in.
//! `docs/clocks.md` has the model, a picture and a worked example.
//!
//! ```
//! use nfsgrace::{clock::{ClientRpc, Matcher, ServerRpc}, record::{ClockOutcome, Stamp}};
//!
//! let mut matcher = Matcher::default();
//! let client = matcher.host("boot id of the client").expect("few hosts");
//! let server = matcher.host("boot id of the server").expect("few hosts");
//! for nth in 0..10 {
//!     // The server's clock is an hour ahead; a message takes 100 µs.
//!     let (sent, xid) = (1_000_000_000 + nth * 100_000_000, 77 + nth as u32);
//!     let (entered, received) = (sent + 3_600_000_000_000 + 100_000, sent + 250_000);
//!     matcher.server(ServerRpc {
//!         host: server, xid, entered: Stamp(entered), left: Some(Stamp(entered + 50_000)), client_addr: None, netns: None,
//!     });
//!     matcher.client(ClientRpc {
//!         host: client, xid: Some(xid), sent: Stamp(sent), received: Some(Stamp(received)), peer: None, transmissions: 1,
//!     });
//! }
//! assert_eq!(matcher.matched(), 10);
//! let ways = matcher.ways(server);
//! let there = matcher.at(&ways, client, Stamp(1_500_000_000));
//! assert_eq!(matcher.outcome(&ways, client), ClockOutcome::Accurate);
//! assert!(there.contains(3_601_500_000_000));
//! assert!(there.error().expect("both directions").as_micros() <= 125);
//! ```

mod account;
mod alignment;
mod axis;
mod bound;
mod evidence;
mod history;
mod hosts;
mod hull;
mod mapped;
mod matching;
mod pairing;
mod realtime;
mod rpc;
mod slope;
mod waiting;
mod windows;

pub use alignment::{Alignment, Contradiction};
pub use axis::{Axis, Placed};
pub use bound::{Bound, Exchange, Message};
pub use hosts::Ways;
pub use mapped::Mapped;
pub use matching::{Found, MAX_HOSTS, Matcher, ROOM};
pub use pairing::Pairing;
pub use realtime::{MAX_SAMPLES, WallClock, WallStep};
pub use rpc::{ClientRpc, HostId, MAX_PEERS, Match, Peer, Peers, ServerRpc};
pub use windows::{MAX_WINDOWS, Step, Windows};
