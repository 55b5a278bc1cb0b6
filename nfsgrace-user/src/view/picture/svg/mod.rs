//! The picture as SVG: static, self-contained, on its own light ground, so that it is readable in any document.

mod panel;
mod pen;

pub(in crate::view::picture) use pen::escape;
use pen::{Anchor, Pen, Scale, Type};

use super::{About, Class, Episode, Fill, Look, Mark, Picture, Shape, Span, VerdictCard, ink};
use crate::{
    record::Severity,
    view::{plural, wrap},
};

/// Width of the picture.
const WIDTH: f64 = 1000.0;
/// Room at its edges.
const EDGE: f64 = 16.0;
/// Stretches that are drawn where there are pauses between them, the most costly ones.
const PANELS: usize = 4;
/// Verdicts that are told above the picture.
const VERDICTS: usize = 4;

const FONT: &str = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif";

/// Whether the verdicts stand above the picture, or elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Head {
    /// The picture stands alone.
    Verdicts,
    /// Somebody else tells them.
    None,
}

/// Draws it.
#[must_use]
pub fn draw(picture: &Picture, head: Head) -> String {
    let mut pen = Pen::default();
    let mut y = EDGE;
    if head == Head::Verdicts {
        y = title(&mut pen, picture, y);
    }
    let whole = [Episode { span: picture.span, restarts: Vec::new(), lost_ns: 0 }];
    let episodes = if picture.looks_at.is_empty() { &whole[..] } else { &picture.looks_at };
    let (drawn, rest) = episodes.split_at(episodes.len().min(PANELS));
    let mut drawn: Vec<_> = drawn.iter().collect();
    drawn.sort_by(|a, b| a.span.from.total_cmp(&b.span.from));
    for (nth, episode) in drawn.iter().enumerate() {
        if nth > 0 {
            y += 14.0;
        }
        if episodes.len() > 1 {
            y = heading(&mut pen, episode, y);
        }
        y = panel::draw(&mut pen, picture, episode.span.padded(), y);
    }
    if !rest.is_empty() {
        y += 16.0;
        let stretches = if rest.len() == 1 { "stretch" } else { "stretches" };
        let more = format!("… and {} more {stretches}, not drawn", rest.len());
        pen.text(EDGE, y, Anchor::Start, Type::SMALL, &more);
    }
    y = pen.group("<g id=\"nfsgrace-legend\">", |pen| legend(pen, picture, y + 10.0));
    assemble(picture, pen, y + EDGE)
}

fn assemble(picture: &Picture, pen: Pen, height: f64) -> String {
    let (height, paper) = (height.ceil(), ink::PAPER.light);
    let (title, description) = (escape(&picture.title), escape(&description(picture)));
    let mut hatched: Vec<_> =
        picture.looks.values().filter(|look| look.fill == Fill::Hatched).map(|it| it.ink).collect();
    hatched.sort_by_key(|ink| ink.name);
    hatched.dedup();
    let patterns = hatched.iter().map(|ink| {
        format!(
            "<pattern id=\"nfsgrace-{}\" width=\"5\" height=\"5\" patternUnits=\"userSpaceOnUse\" \
             patternTransform=\"rotate(45)\"><rect width=\"5\" height=\"5\" fill=\"{paper}\"/>\
             <rect width=\"2\" height=\"5\" fill=\"{}\" fill-opacity=\"0.75\"/></pattern>\n",
            ink.name, ink.light
        )
    });
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" viewBox=\"0 0 {WIDTH} {height}\" \
         role=\"img\" aria-labelledby=\"nfsgrace-title nfsgrace-desc\" font-family=\"{FONT}\">\n\
         <title id=\"nfsgrace-title\">{title}</title>\n<desc id=\"nfsgrace-desc\">{description}</desc>\n\
         <defs>\n{}</defs>\n<rect width=\"{WIDTH}\" height=\"{height}\" fill=\"{paper}\"/>\n{}</svg>\n",
        patterns.collect::<String>(),
        pen.finish()
    )
}

/// What somebody who does not see the picture should know.
fn description(picture: &Picture) -> String {
    let mut said = Vec::new();
    for host in &picture.hosts {
        said.extend(host.verdicts.iter().map(|card| format!("{}: {}", card.title, card.headline)));
        said.extend(host.nothing.iter().chain(&host.elsewhere).cloned());
        let lanes = picture.lanes_of(host).filter(|lane| matches!(lane.about, About::Server | About::Lost));
        said.extend(lanes.filter_map(|lane| Some(format!("{}.", lane.tip.as_ref()?.line(&lane.name)))));
        said.push(format!("{}.", host.stalls.trim_end_matches('.')));
    }
    said.extend(picture.notes.iter().cloned());
    said.join(" ")
}

fn title(pen: &mut Pen, picture: &Picture, mut y: f64) -> f64 {
    y += 16.0;
    pen.text(EDGE, y, Anchor::Start, Type { size: 16.0, bold: true, ink: ink::TEXT }, &picture.title);
    for host in &picture.hosts {
        y += 2.0;
        for line in wrap(&host.facts, 150) {
            y += 16.0;
            pen.text(EDGE, y, Anchor::Start, Type::SMALL, &line);
        }
        for card in host.verdicts.iter().take(VERDICTS) {
            y = verdict(pen, card, y + 6.0);
        }
        if host.verdicts.len() > VERDICTS {
            y += 16.0;
            let more = plural((host.verdicts.len() - VERDICTS) as u64, "more verdict");
            pen.text(EDGE + 10.0, y, Anchor::Start, Type::SMALL, &format!("… and {more}"));
        }
        if let Some(nothing) = &host.nothing {
            y += 20.0;
            pen.text(EDGE, y, Anchor::Start, Type::STRONG.colored(ink::GOOD), nothing);
        }
        for sentence in &host.elsewhere {
            y += 16.0;
            pen.text(EDGE, y, Anchor::Start, Type::SMALL, &Type::SMALL.fit(sentence, WIDTH - 2.0 * EDGE));
        }
    }
    for line in picture.notes.iter().flat_map(|note| wrap(note, 140)) {
        y += 16.0;
        pen.text(EDGE, y, Anchor::Start, Type::SMALL, &line);
    }
    y + 14.0
}

fn verdict(pen: &mut Pen, card: &VerdictCard, y: f64) -> f64 {
    let ink = match card.severity {
        Severity::Problem => ink::TAIL,
        Severity::Warning => ink::GRACE_END,
        Severity::Fine => ink::GOOD,
    };
    let mut below = y + 15.0;
    for (nth, line) in wrap(&card.title, 116).iter().enumerate() {
        below += if nth > 0 { 16.0 } else { 0.0 };
        pen.text(EDGE + 10.0, below, Anchor::Start, Type::STRONG.colored(ink), line);
    }
    let said = wrap(&card.headline, 140).into_iter().chain(card.costs.iter().flat_map(|cost| wrap(cost, 140)));
    for line in said {
        below += 16.0;
        pen.text(EDGE + 10.0, below, Anchor::Start, Type::BODY, &line);
    }
    below += 5.0;
    pen.rect((EDGE, EDGE + 3.0), (y + 3.0, below), &format!("fill=\"{}\"", ink.light));
    below
}

fn heading(pen: &mut Pen, episode: &Episode, y: f64) -> f64 {
    let names: Vec<_> = episode.restarts.iter().map(u32::to_string).collect();
    let text = match names.len() {
        0 => "Stalls".to_owned(),
        1 => format!("Restart {}", names.concat()),
        _ => format!("Restarts {}", names.join(", ")),
    };
    let y = y + 14.0;
    pen.text(EDGE, y, Anchor::Start, Type { size: 13.0, ..Type::STRONG }, &text);
    y + 4.0
}

/// Tells what the signs mean that are used.
fn legend(pen: &mut Pen, picture: &Picture, y: f64) -> f64 {
    let (mut x, mut y) = (EDGE, y + 12.0);
    for (class, look) in picture.looks.iter().filter(|(_, look)| !look.means.is_empty()) {
        let takes = 34.0 + Type::SMALL.width(look.means) + 14.0;
        if x + takes > WIDTH - EDGE {
            (x, y) = (EDGE, y + 18.0);
        }
        sample(pen, *class, look, (x, y - 4.0));
        pen.text(x + 32.0, y, Anchor::Start, Type::SMALL, look.means);
        x += takes;
    }
    y
}

/// A mark of a class, small.
fn sample(pen: &mut Pen, class: Class, look: &Look, (x, y): (f64, f64)) {
    let scale = Scale { span: Span::new(0.0, 1.0), left: x, right: x + 26.0, edge: x + 26.0 };
    let moment = matches!(look.shape, Shape::Tick | Shape::Sign) || class == Class::GraceEnd;
    let mark = if moment { Mark::at(class, 0.5) } else { Mark::over(class, scale.span) };
    let look = Look { size: look.size.min(6.0), ..*look };
    pen.mark(&mark, &look, scale, (y - 6.0, y + 6.0));
}
