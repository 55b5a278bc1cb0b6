//! The block that a terminal redraws in place: what lasts, and how many seconds are left.

use super::{
    super::{Paint, Style, rough, rough_range},
    Page,
    stall::{free, who},
};
use crate::{
    record::Stamp,
    timeline::{Expectation, GraceForecast, StallForecast, State, Timeline, Unknown},
};

/// The status at a moment: at most `height` lines of at most `width` columns. Empty when nothing lasts.
#[must_use]
pub fn status(timeline: &Timeline, now: Stamp, width: usize, height: usize, style: Style) -> Vec<String> {
    let page = Page { width: width.max(40), style, ahead_ns: 0 };
    let expectation = timeline.expect(now);
    let mut lines: Vec<_> = expectation.graces.iter().rev().take(4).map(|it| grace(page, it, timeline, now)).collect();
    let room = height.saturating_sub(lines.len()).max(1);
    let all = expectation.stalls.len();
    let shown = if all <= room { all } else { room - 1 };
    lines.extend(expectation.stalls.iter().take(shown).filter_map(|it| stall(page, it, timeline, now)));
    if shown < all {
        lines.push(more(page, &expectation, all - shown, now));
    }
    lines.truncate(height.max(1));
    lines
}

fn cut(page: Page, paint: Paint, text: &str) -> String {
    page.style.paint(paint, &super::super::cut(text, page.width))
}

fn grace(page: Page, forecast: &GraceForecast, timeline: &Timeline, now: Stamp) -> String {
    let refused = timeline.restart(forecast.restart).map_or(0, |restart| restart.clients().refused);
    let left = match forecast.end {
        Ok(end) => format!("{} left", rough_range(end.left(now))),
        Err(Unknown::Overdue) => "overdue".to_owned(),
        Err(_) => "end not known".to_owned(),
    };
    let early = if forecast.can_end_early == Some(true) { " at most" } else { "" };
    cut(page, Paint::Bold, &format!("grace period of restart {}: {left}{early}, {refused} refused", forecast.restart.0))
}

fn stall(page: Page, forecast: &StallForecast, timeline: &Timeline, now: Stamp) -> Option<String> {
    let stall = timeline.stalls().get(forecast.stall)?;
    let doing = match stall.state {
        State::Asleep { since } => {
            let next = match forecast.next_try {
                Some(Ok(next)) => format!(", next try in {}", rough(next.earliest.since(now))),
                _ => String::new(),
            };
            format!("asleep {}{next}", rough(now.since(since)))
        }
        State::Trying { .. } => "trying now".to_owned(),
        State::Ended { .. } => "ended".to_owned(),
    };
    let file = page.width.saturating_sub(64).max(12);
    // What matters most comes first: a narrow screen cuts the end.
    let text = format!("{} #{}: {}, {doing}", who(stall, file), stall.refused, free(forecast.free, now));
    Some(cut(page, Paint::Plain, &text))
}

fn more(page: Page, expectation: &Expectation, count: usize, now: Stamp) -> String {
    let last = match expectation.last_free {
        Some(last) => format!(", last one free in about {}", rough(last.left(now).1)),
        None => String::new(),
    };
    let unknown = match expectation.unknown {
        0 => String::new(),
        unknown => format!(", {unknown} until an unknown time"),
    };
    cut(page, Paint::Plain, &format!("… and {count} more{last}{unknown}"))
}
