//! What the signs mean.

use super::{
    super::{AttemptBar, GraceBar, HostLanes, Picture, RestartSpan},
    EDGE, WIDTH,
    pen::{Anchor, Pen, Type, ink},
    rows::{COMPUTED, OBSERVED, bracket},
};

/// How a sign is drawn around a height, what it means, and whether a host's lanes have it.
type Sign = (fn(&mut Pen, (f64, f64), f64), &'static str, fn(&HostLanes) -> bool);

const SIGNS: [Sign; 10] = [
    (
        |pen, x, y| pen.rect(x, (y - 5.0, y + 5.0), ink::GRACE),
        "grace period",
        |host| graces(host).any(|it| !it.guessed),
    ),
    (
        |pen, x, y| pen.shape(x, (y - 5.0, y + 5.0), "fill=\"url(#nfsgrace-grace)\""),
        "grace period, not watched",
        |host| graces(host).any(|it| it.guessed),
    ),
    (
        |pen, x, y| pen.rect(x, (y - 4.0, y + 4.0), ink::SLEEP),
        "asleep",
        |host| attempts(host).any(|it| it.woke.is_some()),
    ),
    (
        |pen, x, y| pen.rect(x, (y - 4.0, y + 4.0), ink::TAIL),
        "asleep after the grace period: wasted",
        |host| host.stalls.iter().any(|it| it.tail.is_some()),
    ),
    (
        |pen, x, y| pen.shape(x, (y - 4.0, y + 4.0), "fill=\"url(#nfsgrace-sleep)\""),
        "asleep, end of the sleep not seen",
        |host| attempts(host).any(|it| it.woke.is_none()),
    ),
    (
        |pen, x, y| bracket(pen, x, y, COMPUTED),
        "computed: sleep asked for, planned end",
        |host| attempts(host).any(|it| it.computed) || !host.servers.is_empty(),
    ),
    (
        |pen, x, y| bracket(pen, x, y, OBSERVED),
        "sleep asked for",
        |host| attempts(host).any(|it| !it.computed && it.asked_ns.is_some()),
    ),
    (
        |pen, (x, _), y| pen.line((x + 13.0, y - 6.0), (x + 13.0, y + 6.0), ink::TEXT, "stroke-width=\"1.4\""),
        "refused",
        |host| host.stall_totals.refused > 0 || restarts(host).any(|it| it.refusals.total > 0),
    ),
    (
        |pen, (x, _), y| pen.circle(x + 13.0, y, 4.0, &format!("fill=\"{}\"", ink::GOOD)),
        "free, or done reclaiming",
        |host| host.stall_totals.ended > 0 || restarts(host).any(|it| !it.completed.is_empty()),
    ),
    (
        |pen, x, y| pen.shape(x, (y - 4.0, y + 4.0), "fill=\"url(#nfsgrace-lost)\""),
        "records lost",
        |host| !host.losses.is_empty(),
    ),
];

fn attempts(host: &HostLanes) -> impl Iterator<Item = &AttemptBar> {
    host.stalls.iter().flat_map(|stall| &stall.attempts)
}

fn restarts(host: &HostLanes) -> impl Iterator<Item = &RestartSpan> {
    host.servers.iter().flat_map(|lane| &lane.restarts)
}

fn graces(host: &HostLanes) -> impl Iterator<Item = &GraceBar> {
    restarts(host).flat_map(|restart| [&restart.grace, &restart.lockd]).flatten()
}

/// Tells what the signs mean that are used.
pub(super) fn legend(pen: &mut Pen, picture: &Picture, y: f64) -> f64 {
    let (mut x, mut y) = (EDGE, y + 12.0);
    for (draw, text, _) in SIGNS.iter().filter(|(_, _, used)| picture.hosts.iter().any(used)) {
        let takes = 34.0 + Type::SMALL.width(text) + 14.0;
        if x + takes > WIDTH - EDGE {
            (x, y) = (EDGE, y + 18.0);
        }
        draw(pen, (x, x + 26.0), y - 4.0);
        pen.text(x + 32.0, y, Anchor::Start, Type::SMALL, text);
        x += takes;
    }
    y
}
