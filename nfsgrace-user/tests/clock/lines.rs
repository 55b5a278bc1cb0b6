//! Two clocks and the messages between them: what is published must hold the truth.

use nfsgrace::{
    clock::{Bound, Exchange, MAX_WINDOWS, Mapped, Message, Windows},
    record::{ClockOutcome, Stamp},
};
use proptest::{collection::vec, prelude::*};

const BILLION: i128 = 1_000_000_000;

/// How the server's clock really follows from the client's, in whole numbers.
#[derive(Debug, Clone, Copy)]
struct Truth {
    /// A time of the client, and how far the server's clock is ahead of it then.
    origin: i64,
    ahead: i64,
    /// What the server's clock gains.
    ppb: i64,
    /// At this time of the client the server's clock gets ahead by so much: the client's stood still. Or, below zero,
    /// the server's stands still until so much has passed.
    step: Option<(i64, i64)>,
}

impl Truth {
    /// The server's time, times a billion.
    fn line(&self, c: i64, jump: i64) -> i128 {
        (i128::from(c) + i128::from(self.ahead) + i128::from(jump)) * BILLION
            + (i128::from(c) - i128::from(self.origin)) * i128::from(self.ppb)
    }

    fn exact(&self, c: i64) -> i128 {
        match self.step {
            Some((at, jump)) if c >= at => self.line(c, jump).max(self.line(at, 0)),
            _ => self.line(c, 0),
        }
    }

    fn down(&self, c: i64) -> i64 {
        i64::try_from(self.exact(c).div_euclid(BILLION)).expect("in time")
    }

    fn up(&self, c: i64) -> i64 {
        i64::try_from(-(-self.exact(c)).div_euclid(BILLION)).expect("in time")
    }

    /// The first whole time of the client that is not before the server's time `s`.
    fn first_not_before(&self, s: i64) -> i64 {
        let inverse = |jump: i64| {
            let rate = BILLION + i128::from(self.ppb);
            let above = (i128::from(s) - i128::from(self.ahead) - i128::from(jump)) * BILLION
                + i128::from(self.origin) * i128::from(self.ppb);
            i64::try_from(-(-above).div_euclid(rate)).expect("in time")
        };
        match self.step {
            Some((at, jump)) if i128::from(s) * BILLION > self.line(at, 0) => inverse(jump).max(at),
            _ => inverse(0),
        }
    }
}

/// One RPC, relative to the one before: how long after it, the delays, and what gets lost.
#[derive(Debug, Clone, Copy)]
struct Traffic {
    pause: u64,
    there: u64,
    inside: u64,
    back: u64,
    reply_lost: bool,
    request_not_seen: bool,
}

fn delay() -> impl Strategy<Value = u64> {
    prop_oneof![2 => Just(0_u64), 8 => 0..200_000_u64, 3 => 0..20_000_000_u64, 1 => 0..5_000_000_000_u64]
}

fn traffic() -> impl Strategy<Value = Traffic> {
    (
        prop_oneof![0..1_000_000_u64, 0..1_000_000_000_u64, 0..60_000_000_000_u64],
        delay(),
        0..100_000_u64,
        delay(),
        0..10_u8,
    )
        .prop_map(|(pause, there, inside, back, lost)| Traffic {
            pause,
            there,
            inside,
            back,
            reply_lost: lost == 0,
            request_not_seen: lost == 1,
        })
}

fn steady() -> impl Strategy<Value = Truth> {
    (1_000_000_000_000_i64..500_000_000_000_000, -900_000_000_000_i64..100_000_000_000_000, -200_000_i64..=200_000)
        .prop_map(|(origin, ahead, ppb)| Truth { origin, ahead, ppb, step: None })
}

/// The messages of some RPCs, in order of the RPCs.
fn bounds(truth: &Truth, traffic: &[Traffic], request_base: u64, reply_base: u64) -> Vec<Vec<Bound>> {
    let mut now = truth.origin;
    let stamp = |t: i64| Stamp(u64::try_from(t).expect("after boot"));
    traffic
        .iter()
        .map(|it| {
            now += it.pause.cast_signed();
            let entered = truth.up(now) + (it.there + request_base).cast_signed();
            let left = entered + it.inside.cast_signed();
            let received = truth.first_not_before(left + (it.back + reply_base).cast_signed());
            let request = Bound::new(Message::Request, stamp(now), stamp(entered)).filter(|_| !it.request_not_seen);
            let reply = Bound::new(Message::Reply, stamp(received), stamp(left)).filter(|_| !it.reply_lost);
            request.into_iter().chain(reply).collect()
        })
        .collect()
}

fn exchanges(truth: &Truth, traffic: &[Traffic]) -> Vec<Exchange> {
    let mut now = truth.origin;
    let stamp = |t: i64| Stamp(u64::try_from(t).expect("after boot"));
    traffic
        .iter()
        .map(|it| {
            now += it.pause.cast_signed();
            let entered = truth.up(now) + it.there.cast_signed();
            let left = entered + it.inside.cast_signed();
            let received = truth.first_not_before(left + it.back.cast_signed());
            Exchange {
                sent: stamp(now),
                entered: stamp(entered),
                left: Some(stamp(left)),
                received: Some(stamp(received)).filter(|_| !it.reply_lost),
            }
        })
        .collect()
}

/// Times to look at: all over the messages, hours before and hours after.
fn instants(truth: &Truth, traffic: &[Traffic], more: &[i64]) -> Vec<i64> {
    let mut now = truth.origin;
    let mut instants = vec![now - 3_600_000_000_000, now - 1, now];
    for it in traffic {
        now += it.pause.cast_signed();
        instants.extend([now, now + 1, now + it.there.cast_signed() / 2, now + it.pause.cast_signed() / 3]);
    }
    instants.extend([now + 1_000_000_000, now + 86_400_000_000_000]);
    instants.extend(more.iter().map(|it| truth.origin + it));
    if let Some((at, jump)) = truth.step {
        instants.extend([at - 1, at, at + 1, at + jump.abs() / 2, at + jump.abs() + 1]);
    }
    instants
}

fn holds(mapped: Mapped, truth: &Truth, c: i64) -> bool {
    mapped.earliest.is_none_or(|it| it <= truth.down(c)) && mapped.latest.is_none_or(|it| it >= truth.up(c))
}

fn nested(inner: Mapped, outer: Mapped) -> bool {
    let later = outer.earliest.is_none_or(|outer| inner.earliest.is_some_and(|inner| inner >= outer));
    later && outer.latest.is_none_or(|outer| inner.latest.is_some_and(|inner| inner <= outer))
}

fn width(mapped: Mapped) -> Option<i64> {
    Some(mapped.latest? - mapped.earliest?)
}

proptest! {
    #[test]
    fn the_true_line_is_within_the_bounds_at_every_instant(
        truth in steady(), traffic in vec(traffic(), 0..60), bases in (0..2_000_000_u64, 0..2_000_000_u64),
        more in vec(-4_000_000_000_000_i64..40_000_000_000_000, 0..10), order in any::<prop::sample::Index>(),
    ) {
        let mut bounds = bounds(&truth, &traffic, bases.0, bases.1);
        // Late records: some come long after they should.
        if !bounds.is_empty() {
            let at = order.index(bounds.len());
            bounds.rotate_left(at);
        }
        let mut windows = Windows::new();
        for bound in bounds.into_iter().flatten() {
            windows.add_bound(bound);
        }
        prop_assert_eq!(windows.steps().count(), 0, "nothing stepped");
        for c in instants(&truth, &traffic, &more) {
            let mapped = windows.at(c);
            prop_assert!(holds(mapped, &truth, c), "at {} {:?} without {}", c, mapped, truth.down(c));
            let back = windows.back(truth.down(c));
            prop_assert!(back.earliest.is_none_or(|it| it <= c) , "{:?} is not back at {}", back, c);
            let back = windows.back(truth.up(c));
            prop_assert!(back.latest.is_none_or(|it| it >= c) , "{:?} is not back at {}", back, c);
        }
    }

    #[test]
    fn more_messages_never_widen_the_bounds(
        truth in steady(), traffic in vec(traffic(), 1..40), more in vec(-4_000_000_000_000_i64..40_000_000_000_000, 0..10),
    ) {
        let instants = instants(&truth, &traffic, &more);
        let mut windows = Windows::new();
        let mut before: Vec<_> = instants.iter().map(|_| Mapped::UNKNOWN).collect();
        for bound in bounds(&truth, &traffic, 0, 0).into_iter().flatten() {
            windows.add_bound(bound);
            let after: Vec<_> = instants.iter().map(|c| windows.at(*c)).collect();
            for (inner, outer) in after.iter().zip(&before) {
                prop_assert!(nested(*inner, *outer), "{:?} is not in {:?}", inner, outer);
            }
            before = after;
        }
    }

    #[test]
    fn exchanging_the_hosts_inverts_the_map(
        truth in steady(), traffic in vec(traffic(), 1..40), more in vec(-4_000_000_000_000_i64..40_000_000_000_000, 0..10),
    ) {
        let (mut there, mut back) = (Windows::new(), Windows::new());
        for exchange in exchanges(&truth, &traffic) {
            there.add(&exchange);
            exchange.seen_from_server().into_iter().flatten().for_each(|bound| back.add_bound(bound));
        }
        prop_assert_eq!(there.outcome(), back.outcome());
        for c in instants(&truth, &traffic, &more) {
            prop_assert_eq!(there.at(c), back.back(c), "at {}", c);
            let s = truth.down(c);
            prop_assert_eq!(there.back(s), back.at(s), "back from {}", s);
        }
    }

    #[test]
    fn every_message_is_in_causal_order_and_no_two_events_of_a_host_change_places(
        truth in steady(), traffic in vec(traffic(), 1..60), more in vec(-4_000_000_000_000_i64..40_000_000_000_000, 0..10),
    ) {
        let exchanges = exchanges(&truth, &traffic);
        let mut windows = Windows::new();
        exchanges.iter().for_each(|it| windows.add(it));
        let time = |stamp: Stamp| windows.at(stamp.0.cast_signed()).time().expect("some bound");
        for Exchange { sent, entered, left, received } in exchanges {
            prop_assert!(time(sent) <= entered, "a request arrives before it is sent");
            if let Some((received, left)) = received.zip(left) {
                prop_assert!(time(received) >= left, "a reply arrives before it is sent");
            }
        }
        let mut instants = instants(&truth, &traffic, &more);
        instants.sort_unstable();
        let times: Vec<_> = instants.iter().map(|c| windows.at(*c).nanoseconds()).collect();
        prop_assert!(times.is_sorted(), "{:?}", times);
    }

    #[test]
    fn the_error_grows_with_the_distance_from_the_messages(truth in steady(), traffic in vec(traffic(), 4..40)) {
        let mut windows = Windows::new();
        exchanges(&truth, &traffic).iter().for_each(|it| windows.add(it));
        let end = instants(&truth, &traffic, &[]).into_iter().max().unwrap_or(0);
        let widths: Vec<_> = (1..6).filter_map(|hours| width(windows.at(end + hours * 3_600_000_000_000))).collect();
        // Rounded outwards, up to a nanosecond on each side.
        prop_assert!(widths.windows(2).all(|pair| pair[0] <= pair[1] + 2), "{:?}", widths);
        let (least, most) = windows.alignment(end).expect("one window").drift_ppb();
        let grows = widths.first() < widths.last();
        prop_assert!(widths.is_empty() || least == most || grows, "{:?}", widths);
    }

    #[test]
    fn traffic_in_one_direction_gives_a_bound_on_one_side(truth in steady(), traffic in vec(traffic(), 1..30), replies: bool) {
        let traffic: Vec<_> =
            traffic.iter().map(|it| Traffic { reply_lost: !replies, request_not_seen: replies, ..*it }).collect();
        let mut windows = Windows::new();
        bounds(&truth, &traffic, 0, 0).into_iter().flatten().for_each(|bound| windows.add_bound(bound));
        prop_assert_eq!(windows.outcome(), ClockOutcome::Incomplete);
        for c in instants(&truth, &traffic, &[]) {
            let mapped = windows.at(c);
            prop_assert_eq!(mapped.error(), None);
            prop_assert_eq!(mapped.earliest.is_some(), replies);
            prop_assert_eq!(mapped.latest.is_some(), !replies);
            prop_assert!(holds(mapped, &truth, c));
        }
    }

    #[test]
    fn a_step_is_found_and_named_and_the_truth_stays_within_the_bounds(
        truth in steady(), traffic in vec(traffic(), 8..60), at in 0.0..1.0_f64,
        jump in prop_oneof![-3_600_000_000_000_i64..-30_000_000_000, 30_000_000_000_i64..3_600_000_000_000],
    ) {
        let traffic = with_traffic_on_both_sides(traffic, jump);
        let (first, last) = (traffic[0].pause, traffic[traffic.len() - 1].pause);
        let length: u64 = traffic.iter().map(|it| it.pause).sum();
        let at = first + 4_000_000 + ((length - first - last) as f64 * at) as u64;
        let at = truth.origin + at.cast_signed();
        let truth = Truth { step: Some((at, jump)), ..truth };
        let mut windows = Windows::new();
        let exchanges = exchanges(&truth, &traffic);
        exchanges.iter().for_each(|it| windows.add(it));
        for c in instants(&truth, &traffic, &[]) {
            let mapped = windows.at(c);
            prop_assert!(holds(mapped, &truth, c), "at {} {:?} without {}", c, mapped, truth.down(c));
            for s in [truth.down(c), truth.up(c)] {
                let back = windows.back(s);
                let first = truth.first_not_before(s);
                prop_assert!(back.contains(first) || back.contains(first - 1), "{:?} is not back at {}", back, first);
            }
        }
        prop_assert_eq!(windows.outcome(), ClockOutcome::Approximate);
        let named = windows.steps().any(|step| {
            step.after.0.cast_signed() <= at && at <= step.before.0.cast_signed() && step.jump.contains(jump)
        });
        prop_assert!(named, "{:?} is not {} at {}", windows.steps().collect::<Vec<_>>(), jump, at);
    }

    #[test]
    fn a_small_step_is_within_the_bounds_as_soon_as_it_shows(
        truth in steady(), traffic in vec(traffic(), 1..60), at in 0.0..1.0_f64, jump in -3_000_000_i64..3_000_000,
    ) {
        let length: u64 = traffic.iter().map(|it| it.pause).sum();
        let at = truth.origin + (length as f64 * at) as i64;
        let truth = Truth { step: Some((at, jump)), ..truth };
        let mut windows = Windows::new();
        exchanges(&truth, &traffic).iter().for_each(|it| windows.add(it));
        // A step that no message contradicts cannot be told from drift.
        if windows.steps().count() == 0 {
            return Ok(());
        }
        for c in instants(&truth, &traffic, &[]) {
            let mapped = windows.at(c);
            prop_assert!(holds(mapped, &truth, c), "at {} {:?} without {}", c, mapped, truth.down(c));
        }
    }

    #[test]
    fn nothing_is_too_wild(
        times in vec((any::<bool>(), prop_oneof![any::<u64>(), 0..100_u64], prop_oneof![any::<u64>(), 0..100_u64]), 0..200),
        looks in vec(any::<u64>(), 0..10),
    ) {
        let mut windows = Windows::new();
        for (request, client, server) in times {
            let message = if request { Message::Request } else { Message::Reply };
            let Some(bound) = Bound::new(message, Stamp(client), Stamp(server)) else { continue };
            windows.add_bound(bound);
            for t in &looks {
                let t = t.cast_signed();
                let (there, back) = (windows.at(t), windows.back(t));
                prop_assert!(there.earliest.zip(there.latest).is_none_or(|(earliest, latest)| earliest <= latest));
                let _: (Option<Stamp>, Option<std::time::Duration>) = (back.time(), back.error());
            }
            let alignment = windows.alignment(0).map(|it| it.drift_ppb());
            prop_assert!(alignment.is_none_or(|(least, most)| least <= most));
            prop_assert!(windows.steps().count() < MAX_WINDOWS);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn a_step_that_hid_for_long_leaves_nothing_behind_that_is_wrong(
        truth in steady(), at in 50_u64..900, count in 1_000_usize..1_400, forward: bool,
    ) {
        // Each message takes 2 ms, the clock jumps by 3 ms, and only the last RPC, which takes no time, shows it.
        let at = truth.origin + at.cast_signed() * 1_000_000 + 1;
        let truth = Truth { step: Some((at, if forward { 3_000_000 } else { -3_000_000 })), ..truth };
        let slow = 2_000_000;
        let one = Traffic { pause: 1_000_000, there: slow, inside: 0, back: slow, reply_lost: false, request_not_seen: false };
        let mut traffic = vec![one; count];
        traffic.extend([Traffic { pause: 10_000_000, there: 0, back: 0, ..one }; 2]);
        let mut windows = Windows::new();
        exchanges(&truth, &traffic).iter().for_each(|it| windows.add(it));
        prop_assert_eq!(windows.steps().count(), 1);
        for c in instants(&truth, &traffic, &[]) {
            let mapped = windows.at(c);
            prop_assert!(holds(mapped, &truth, c), "at {} {:?} without {}", c, mapped, truth.down(c));
        }
    }
}

/// Enough RPCs, not too far apart: the first is over before a step, the last begins when all is over.
fn with_traffic_on_both_sides(traffic: Vec<Traffic>, jump: i64) -> Vec<Traffic> {
    let last = traffic.len() - 1;
    let change = |(nth, it): (usize, Traffic)| {
        let quick = |delay: u64| if nth == 0 || nth == last { delay % 1_000_000 } else { delay };
        let pause = 5_000_000 + if nth == last { 10_000_000 + jump.unsigned_abs() } else { it.pause % 200_000_000_000 };
        let (there, back) = (quick(it.there), quick(it.back));
        Traffic { pause, there, back, reply_lost: false, request_not_seen: false, ..it }
    };
    traffic.into_iter().enumerate().map(change).collect()
}

#[test]
fn a_virtual_machine_that_was_paused_for_a_minute() {
    let truth = Truth {
        origin: 1_000_000_000_000,
        ahead: 7_200_000_000_000,
        ppb: 12_000,
        step: Some((1_050_500_000_000, 60_000_000_000)),
    };
    let traffic = vec![
        Traffic {
            pause: 1_000_000_000,
            there: 80_000,
            inside: 50_000,
            back: 90_000,
            reply_lost: false,
            request_not_seen: false
        };
        100
    ];
    let mut windows = Windows::new();
    exchanges(&truth, &traffic).iter().for_each(|it| windows.add(it));
    let steps: Vec<_> = windows.steps().collect();
    let [step] = steps.as_slice() else { panic!("one step: {steps:?}") };
    assert!(step.after < Stamp(1_050_500_000_000) && Stamp(1_050_500_000_000) < step.before);
    assert!(step.before.since(step.after).as_secs() <= 1, "{step:?}");
    assert!(step.jump.contains(60_000_000_000));
    assert!(step.jump.error().is_some_and(|it| it.as_millis() < 2), "{:?}", step.jump.error());
    let error = windows.at(1_075_000_000_000).error();
    assert!(error.is_some_and(|it| it.as_micros() < 120), "{error:?}");
}

#[test]
fn the_size_of_a_session_does_not_change_the_size_of_what_is_kept() {
    let truth = Truth { origin: 1_000_000_000_000, ahead: -500_000_000_000, ppb: -150_000, step: None };
    let one =
        Traffic { pause: 10_000_000, there: 0, inside: 30_000, back: 0, reply_lost: false, request_not_seen: false };
    let traffic: Vec<_> = (0..50_000_u64)
        .map(|nth| Traffic { there: 20_000 + nth * 7_919 % 300_000, back: 20_000 + nth * 104_729 % 900_000, ..one })
        .collect();
    let mut windows = Windows::new();
    exchanges(&truth, &traffic).iter().for_each(|it| windows.add(it));
    let alignment = windows.alignment(truth.origin).expect("one window");
    assert!(alignment.points() < 40, "{}", alignment.points());
    let (least, most) = alignment.drift_ppb();
    assert!(least <= -150_000 && -150_000 <= most && most - least < 1_000, "{least} to {most}");
}

/// The table of the documentation: a blocked OPEN is sent again and again, and each time the clocks are known better.
#[test]
fn the_worked_example_of_the_documentation() {
    let truth = Truth { origin: 1_000_000_000_000, ahead: 7_200_000_000_000, ppb: 20_000, step: None };
    // Seconds since the first, and µs there and back.
    let tries = [
        (0, 180, 300),
        (100, 120, 90),
        (300, 5_000, 150),
        (700, 90, 2_000),
        (1_500, 140, 110),
        (3_100, 700, 95),
        (6_300, 100, 130),
        (12_700, 210, 800),
        (25_500, 95, 105),
    ];
    let mut table =
        String::from("try  sent at (s)  ahead at most, at least (µs)  drift between (ppm)  error then  90 s later\n");
    let (mut windows, mut before) = (Windows::new(), 0);
    let mut traffic = Vec::new();
    for (nth, (at, there, back)) in (1..).zip(tries) {
        let pause = (at - before) * 1_000_000;
        let (there, back) = (there * 1_000, back * 1_000);
        traffic.push(Traffic { pause, there, inside: 40_000, back, reply_lost: false, request_not_seen: false });
        before = at;
        let exchange = exchanges(&truth, &traffic)[nth - 1];
        windows.add(&exchange);
        let sent = exchange.sent.0.cast_signed();
        let two_hours = 7_200_000_000_000;
        let ahead = |client: Option<Stamp>, server: Option<Stamp>| {
            let (client, server) = (client.expect("answered").0, server.expect("answered").0);
            (server.cast_signed() - client.cast_signed() - two_hours) / 1_000
        };
        let (least, most) = windows.alignment(sent).expect("one window").drift_ppb();
        let error = |at: i64| windows.at(at).error().expect("both directions").as_micros();
        let (now, later) = (error(sent), error(sent + 90_000_000_000));
        let (request, reply) =
            (ahead(Some(exchange.sent), Some(exchange.entered)), ahead(exchange.received, exchange.left));
        let drift = format!("{} to {}", least / 1_000, most / 1_000);
        let (request, reply) = (format!("2 h {request:+}"), format!("2 h {reply:+}"));
        let sent = format!("{}.{}", sent / 1_000_000_000, sent % 1_000_000_000 / 100_000_000);
        table += &format!("{nth:>3} {sent:>13} {request:>16}, {reply:<12} {drift:>18} {now:>7} µs {later:>9} µs\n");
    }
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/clocks.md");
    let page = std::fs::read_to_string(page).expect("the documentation");
    assert!(page.contains(&table), "the page does not have this table:\n{table}");
}
