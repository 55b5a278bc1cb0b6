//! One stretch of the axis with the lanes of all hosts below it.

use super::{
    super::{GraceBar, GraceState, HostLanes, Picture, Span, StallLane, axis::ticks},
    EDGE, LANES, WIDTH,
    pen::{Anchor, Pen, Type, ink},
    rows::{self, Look},
};
use crate::view::{plural, span};

/// Where the lanes begin, left of them stand their names.
const LEFT: f64 = 216.0;
/// Where they end, right of them stand the seconds lost.
const RIGHT: f64 = WIDTH - 156.0;

/// So many stalls, and no more, have their sleeps written beside them.
const EXPLAINED: usize = 6;

/// From the axis to the paper.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale {
    span: Span,
}

impl Scale {
    /// Where a moment lies; at the edge when it lies outside.
    pub(super) fn x(self, at: f64) -> f64 {
        let part = (at - self.span.from) / self.span.length().max(f64::MIN_POSITIVE);
        LEFT + part.clamp(0.0, 1.0) * (RIGHT - LEFT)
    }

    pub(super) fn xs(self, span: Span) -> (f64, f64) {
        (self.x(span.from), self.x(span.to))
    }

    pub(super) fn shows(self, span: Span) -> bool {
        span.from <= self.span.to && self.span.from <= span.to
    }

    pub(super) fn right(self) -> f64 {
        RIGHT
    }
}

/// Draws it below `y`; where it ends.
pub(super) fn draw(pen: &mut Pen, picture: &Picture, span: Span, y: f64) -> f64 {
    let scale = Scale { span };
    let top = y + 30.0;
    // The ground is drawn first, and must know where the last lane ends.
    let mut measured = Pen::default();
    let bottom = hosts(&mut measured, picture, scale, top);
    axis(pen, picture, scale, top, bottom);
    let mut from = top;
    for host in &picture.hosts {
        let to = lanes(&mut Pen::default(), picture, host, scale, from);
        for (other, grace) in graces(picture, scale) {
            ground(pen, scale, host, other, grace, (from, to));
        }
        from = to;
    }
    hosts(pen, picture, scale, top)
}

fn hosts(pen: &mut Pen, picture: &Picture, scale: Scale, top: f64) -> f64 {
    picture.hosts.iter().fold(top, |y, host| lanes(pen, picture, host, scale, y))
}

/// All grace periods of nfsd that can be seen here, each with its host.
fn graces(picture: &Picture, scale: Scale) -> impl Iterator<Item = (&HostLanes, &GraceBar)> {
    picture
        .hosts
        .iter()
        .flat_map(|host| {
            let restarts = host.servers.iter().flat_map(|lane| &lane.restarts);
            restarts.filter_map(move |restart| Some((host, restart.grace.as_ref()?)))
        })
        .filter(move |(_, grace)| scale.shows(grace.span))
}

/// A grace period shines through all lanes, and its end is a line through them; between two hosts it is as unsure as their
/// clocks are.
fn ground(pen: &mut Pen, scale: Scale, host: &HostLanes, of: &HostLanes, grace: &GraceBar, (from, to): (f64, f64)) {
    let (x1, x2) = scale.xs(grace.span);
    pen.rect((x1, x2), (from, to), ink::GRACE_GROUND);
    let same = std::ptr::eq(host, of);
    let error = if same { 0.0 } else { host.error_s + of.error_s };
    if error > 0.0 {
        let whisker = scale.xs(Span::new(grace.span.to - error, grace.span.to + error));
        pen.shape(whisker, (from, to), "fill=\"url(#nfsgrace-grace)\" fill-opacity=\"0.5\"");
    }
    if grace.state != GraceState::On {
        pen.line((x2, from), (x2, to), ink::GRACE_END, "stroke-width=\"1.2\"");
    }
}

fn axis(pen: &mut Pen, picture: &Picture, scale: Scale, top: f64, bottom: f64) {
    let ticks = ticks(scale.span, 9);
    let step = ticks.windows(2).map(|pair| pair[1] - pair[0]).next().unwrap_or(1.0);
    let decimals = if step >= 1.0 { 0 } else { usize::try_from((-step.log10()).ceil() as i64).unwrap_or(0).min(9) };
    pen.text(EDGE, top - 10.0, Anchor::Start, Type::SMALL, &picture.axis);
    for at in ticks {
        let x = scale.x(at);
        pen.line((x, top - 4.0), (x, bottom), ink::GRID, "");
        pen.text(x, top - 10.0, Anchor::Middle, Type::SMALL, &format!("{at:.decimals$}"));
    }
    pen.line((LEFT, top - 4.0), (RIGHT, top - 4.0), ink::MUTED, "");
}

fn lanes(pen: &mut Pen, picture: &Picture, host: &HostLanes, scale: Scale, mut y: f64) -> f64 {
    let several = picture.hosts.len() > 1;
    if several {
        let error = if host.error_s > 0.0 { format!(", clock ±{:.1} ms", host.error_s * 1e3) } else { String::new() };
        y += 20.0;
        pen.text(EDGE, y - 5.0, Anchor::Start, Type::STRONG, &format!("{}{error}", host.name));
    }
    for lane in host.servers.iter().filter(|lane| lane.restarts.iter().any(|it| scale.shows(it.extent()))) {
        if let Some(netns) = lane.netns.filter(|_| host.servers.len() > 1 || !lane.initial) {
            y += 20.0;
            pen.text(EDGE, y - 4.0, Anchor::Start, Type::SMALL, &format!("nfsd in net:[{netns}]"));
        }
        y = rows::server(pen, lane, scale, y);
    }
    for lost in host.losses.iter().filter(|lost| scale.shows(lost.span)) {
        y = rows::lost(pen, lost, scale, y);
    }
    let mut stalls: Vec<&StallLane> = host.stalls.iter().filter(|stall| scale.shows(stall.span())).collect();
    stalls.sort_by_key(|stall| std::cmp::Reverse(stall.total_ns));
    if !stalls.is_empty() {
        y += 22.0;
        let head = format!("stalled tasks: {}", host.stall_totals.ended + host.stall_totals.live);
        pen.text(EDGE, y - 6.0, Anchor::Start, Type::STRONG, &head);
        pen.text(RIGHT + 72.0, y - 6.0, Anchor::End, Type::SMALL, "lost");
        if stalls.iter().any(|stall| stall.tail.is_some()) {
            let tail = Type::SMALL.colored(ink::TAIL);
            pen.text(WIDTH - EDGE, y - 6.0, Anchor::End, tail, "after grace");
        }
    }
    let shown = if stalls.len() > LANES { LANES - 1 } else { LANES };
    let look = if stalls.len() <= EXPLAINED { Look::Explained } else { Look::Plain };
    for stall in stalls.iter().take(shown) {
        pen.line((EDGE, y), (WIDTH - EDGE, y), ink::STRIPE, "");
        y = rows::stall(pen, stall, scale, look, y);
    }
    if stalls.len() > shown {
        let rest = stalls.get(shown..).unwrap_or_default();
        let lost: u64 = rest.iter().map(|stall| stall.total_ns).fold(0, u64::saturating_add);
        let text =
            format!("… and {} more listed, {} together", rest.len(), span(std::time::Duration::from_nanos(lost)));
        y += 18.0;
        pen.text(EDGE, y - 4.0, Anchor::Start, Type::SMALL, &text);
    }
    let listed = host.stalls.len() as u64;
    let all = host.stall_totals.ended + host.stall_totals.live;
    if all > listed && !stalls.is_empty() {
        y += 18.0;
        let text = format!("… and {} shorter than these", plural(all - listed, "stall"));
        pen.text(EDGE, y - 4.0, Anchor::Start, Type::SMALL, &text);
    }
    y + 6.0
}
