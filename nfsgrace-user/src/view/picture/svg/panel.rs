//! One stretch of the axis with the lanes of all hosts below it.

use std::time::Duration;

use super::{
    super::{About, Host, Lane, Mark, Picture, Span, axis::ticks, ink},
    EDGE, WIDTH,
    pen::{Anchor, Pen, Scale, Type},
};
use crate::view;

/// Where the lanes begin, left of them stand their names.
const LEFT: f64 = 216.0;
/// Where they end, right of them stand the seconds lost.
const RIGHT: f64 = WIDTH - 156.0;
/// Room for names.
const NAMES: f64 = 192.0;
/// Stalls that have a lane of their own; the rest is counted.
const LANES: usize = 60;

/// The lanes of a host that have something to show here, and stalls for which there is no room.
struct Shown<'a> {
    lanes: Vec<&'a Lane>,
    rest: Vec<&'a Lane>,
}

impl<'a> Shown<'a> {
    fn of(picture: &'a Picture, host: &Host, scale: Scale) -> Self {
        let (mut lanes, mut head) = (Vec::new(), None);
        for lane in picture.lanes_of(host) {
            match lane.about {
                About::Host => lanes.push(lane),
                About::Head => head = Some(lane),
                _ if lane.marks.iter().any(|mark| scale.shows(mark.span())) => {
                    lanes.extend(head.take());
                    lanes.push(lane);
                }
                _ => {}
            }
        }
        // Stalls come last.
        let stalls = lanes.iter().filter(|lane| lane.about == About::Stall).count();
        let rest = if stalls > LANES { lanes.split_off(lanes.len() - stalls + LANES - 1) } else { Vec::new() };
        Self { lanes, rest }
    }

    fn height(&self) -> f64 {
        let rest = if self.rest.is_empty() { 6.0 } else { 24.0 };
        self.lanes.iter().map(|lane| lane.height).sum::<f64>() + rest
    }

    fn draw(&self, pen: &mut Pen, ground: &[Mark], scale: Scale, mut y: f64) {
        for mark in ground {
            pen.mark(mark, &mark.class.look(), scale, (y, y + self.height()));
        }
        for lane in &self.lanes {
            draw_lane(pen, lane, scale, y);
            y += lane.height;
        }
        if !self.rest.is_empty() {
            let lost = self.rest.iter().map(|lane| lane.lost_ns).fold(0, u64::saturating_add);
            let lost = view::span(Duration::from_nanos(lost));
            let text = format!("… and {} more listed, {lost} together", self.rest.len());
            pen.text(EDGE, y + 14.0, Anchor::Start, Type::SMALL, &text);
        }
    }
}

/// Draws it below `y`; where it ends.
pub(super) fn draw(pen: &mut Pen, picture: &Picture, span: Span, y: f64) -> f64 {
    let scale = Scale { span, left: LEFT, right: RIGHT, edge: WIDTH - EDGE };
    let mut y = y + 30.0;
    let shown: Vec<_> = picture.hosts.iter().map(|host| Shown::of(picture, host, scale)).collect();
    axis(pen, picture, scale, (y, y + shown.iter().map(Shown::height).sum::<f64>()));
    for (lanes, ground) in shown.iter().zip(&picture.grounds) {
        lanes.draw(pen, ground, scale, y);
        y += lanes.height();
    }
    y
}

fn axis(pen: &mut Pen, picture: &Picture, scale: Scale, (top, bottom): (f64, f64)) {
    let ticks = ticks(scale.span, 9);
    let step = ticks.windows(2).map(|pair| pair[1] - pair[0]).next().unwrap_or(1.0);
    let decimals = if step >= 1.0 { 0 } else { usize::try_from((-step.log10()).ceil() as i64).unwrap_or(0).min(9) };
    pen.text(EDGE, top - 10.0, Anchor::Start, Type::SMALL, &picture.axis);
    for at in ticks {
        let x = scale.x(at);
        pen.rule((x, top - 4.0), (x, bottom), ink::GRID);
        pen.text(x, top - 10.0, Anchor::Middle, Type::SMALL, &format!("{at:.decimals$}"));
    }
    pen.rule((LEFT, top - 4.0), (RIGHT, top - 4.0), ink::MUTED);
}

/// Its name, its marks, the numbers at its end.
fn draw_lane(pen: &mut Pen, lane: &Lane, scale: Scale, y: f64) {
    let tip = lane.tip.as_ref().map(|tip| tip.line(&lane.name)).unwrap_or_default();
    pen.telling(&tip, |pen| {
        let middle = y + lane.height / 2.0;
        if lane.about == About::Stall {
            pen.rule((EDGE, y), (WIDTH - EDGE, y), ink::GRID);
        }
        name(pen, lane, middle + 4.0);
        for marks in lane.marks.chunk_by(|a, b| a.tip.is_some() && a.tip == b.tip) {
            let tip = marks.first().and_then(|mark| lane.tips.get(mark.tip?)).map(|tip| tip.line(&lane.name));
            let draw = |mark: &Mark, pen: &mut Pen| pen.mark(mark, &mark.class.look(), scale, (y, y + lane.height));
            pen.telling(&tip.unwrap_or_default(), |pen| marks.iter().for_each(|mark| draw(mark, pen)));
        }
        numbers(pen, lane, middle + 4.0);
    });
}

/// The task, and as much of the file as there is room for.
fn name(pen: &mut Pen, lane: &Lane, y: f64) {
    let look = match lane.about {
        About::Stall => Type::BODY,
        About::Lost => Type::STRONG.colored(ink::TAIL),
        _ => Type::STRONG,
    };
    let room = if lane.is_head() { RIGHT } else { NAMES };
    pen.text(EDGE, y, Anchor::Start, look, &look.fit(&lane.name, room));
    let taken = look.width(&lane.name) + 6.0;
    let file = Type::SMALL.fit_tail(&lane.file, NAMES - taken);
    if !file.is_empty() {
        pen.text(EDGE + taken, y, Anchor::Start, Type::SMALL, &file);
    }
}

fn numbers(pen: &mut Pen, lane: &Lane, y: f64) {
    let look = if lane.is_head() { Type::SMALL } else { Type::STRONG };
    let [lost, tail, small] = &lane.numbers;
    let at_end = RIGHT + 72.0;
    let texts = [
        (at_end, y, look, lost),
        (WIDTH - EDGE, y, look.colored(ink::TAIL), tail),
        (at_end, y + 15.0, Type::SMALL, small),
    ];
    for (x, y, look, text) in texts.into_iter().filter(|(.., text)| !text.is_empty()) {
        pen.text(x, y, Anchor::End, look, text);
    }
}
