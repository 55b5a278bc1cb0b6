//! The picture as SVG: static, self-contained, on its own light ground, so that it is readable in any document.

mod panel;
mod pen;
mod rows;
mod signs;

pub(in crate::view::picture) use pen::escape;
use pen::{Anchor, Pen, Type, ink};

use super::{Episode, Picture, Span, VerdictCard};
use crate::view::{plural, wrap};

/// Width of the picture.
const WIDTH: f64 = 1000.0;
/// Room at its edges.
const EDGE: f64 = 16.0;
/// Stalls that have a lane of their own; the rest is counted.
const LANES: usize = 60;
/// Stretches that are drawn where there are pauses between them, the most costly ones.
const PANELS: usize = 4;
/// The whole session is drawn as one stretch where it is no longer than so many times what happened in it.
const WHOLE: f64 = 3.0;
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
    let panels = panels(picture);
    let shown: Vec<_> = panels.iter().take(PANELS).collect();
    let mut in_order = shown.clone();
    in_order.sort_by(|a, b| a.span.from.total_cmp(&b.span.from));
    for (nth, panel) in in_order.iter().enumerate() {
        if nth > 0 {
            y += 14.0;
        }
        if panels.len() > 1 {
            y = heading(&mut pen, panel, y);
        }
        y = panel::draw(&mut pen, picture, panel.span, y);
    }
    if panels.len() > shown.len() {
        y += 16.0;
        let more = format!("… and {} more, not drawn", plural((panels.len() - shown.len()) as u64, "stretch"));
        pen.text(EDGE, y, Anchor::Start, Type::SMALL, &more.replace("stretchs", "stretches"));
    }
    y = signs::legend(&mut pen, picture, y + 10.0);
    assemble(picture, pen, y + EDGE)
}

fn assemble(picture: &Picture, pen: Pen, height: f64) -> String {
    let height = height.ceil();
    let (title, description) = (escape(&picture.title), escape(&description(picture)));
    let patterns: String = [("sleep", ink::SLEEP), ("tail", ink::TAIL), ("grace", ink::GRACE), ("lost", ink::TEXT)]
        .iter()
        .map(|(name, color)| {
            format!(
                "<pattern id=\"nfsgrace-{name}\" width=\"5\" height=\"5\" patternUnits=\"userSpaceOnUse\" \
                 patternTransform=\"rotate(45)\"><rect width=\"5\" height=\"5\" fill=\"{}\"/>\
                 <rect width=\"2\" height=\"5\" fill=\"{color}\" fill-opacity=\"0.75\"/></pattern>\n",
                ink::PAPER
            )
        })
        .collect();
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" viewBox=\"0 0 {WIDTH} {height}\" \
         role=\"img\" aria-labelledby=\"nfsgrace-title nfsgrace-desc\" font-family=\"{FONT}\">\n\
         <title id=\"nfsgrace-title\">{title}</title>\n<desc id=\"nfsgrace-desc\">{description}</desc>\n\
         <defs>\n{patterns}</defs>\n<rect width=\"{WIDTH}\" height=\"{height}\" fill=\"{}\"/>\n{}</svg>\n",
        ink::PAPER,
        pen.finish()
    )
}

/// What somebody who does not see the picture should know.
fn description(picture: &Picture) -> String {
    let mut said = Vec::new();
    for host in &picture.hosts {
        said.extend(host.verdicts.iter().map(|card| format!("{}: {}", card.title, card.headline)));
        said.extend(host.nothing.clone());
        for restart in host.servers.iter().flat_map(|lane| &lane.restarts) {
            let grace = restart.grace.as_ref().map_or("not seen", |grace| grace.label.as_str());
            said.push(format!(
                "Restart {}: trackers {}; grace period {grace}; {} refused.",
                restart.restart, restart.tracking, restart.refusals.total
            ));
        }
        said.push(format!("{}.", host.stalls_text.trim_end_matches('.')));
        said.extend(host.losses.iter().map(|lost| format!("{} records were lost ({}).", lost.count, lost.cause)));
    }
    said.extend(picture.notes.iter().cloned());
    said.join(" ")
}

fn title(pen: &mut Pen, picture: &Picture, mut y: f64) -> f64 {
    y += 16.0;
    pen.text(EDGE, y, Anchor::Start, Type { size: 16.0, bold: true, color: ink::TEXT }, &picture.title);
    for host in &picture.hosts {
        let facts = [
            Some(format!("kernel {}", host.kernel)).filter(|_| !host.kernel.is_empty()),
            host.wall_clock.as_ref().map(|clock| format!("from {clock}")),
            Some(host.stalls_text.trim_end_matches('.').to_owned()),
        ];
        y += 18.0;
        let name = if picture.hosts.len() > 1 { format!("{}: ", host.name) } else { String::new() };
        let text = format!("{name}{}", facts.into_iter().flatten().collect::<Vec<_>>().join(" · "));
        pen.text(EDGE, y, Anchor::Start, Type::SMALL, &Type::SMALL.fit(&text, WIDTH - 2.0 * EDGE));
        let problems: Vec<_> = host.verdicts.iter().take(VERDICTS).collect();
        for card in problems {
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
    }
    for note in &picture.notes {
        for line in wrap(note, 140) {
            y += 16.0;
            pen.text(EDGE, y, Anchor::Start, Type::SMALL, &line);
        }
    }
    y + 14.0
}

fn verdict(pen: &mut Pen, card: &VerdictCard, y: f64) -> f64 {
    let color = match card.severity {
        "problem" => ink::TAIL,
        "warning" => ink::GRACE_END,
        _ => ink::GOOD,
    };
    let mut below = y + 15.0;
    for (nth, line) in wrap(&card.title, 116).iter().enumerate() {
        below += if nth > 0 { 16.0 } else { 0.0 };
        pen.text(EDGE + 10.0, below, Anchor::Start, Type::STRONG.colored(color), line);
    }
    let said = wrap(&card.headline, 140).into_iter().chain(card.costs.iter().flat_map(|cost| wrap(cost, 140)));
    for line in said {
        below += 16.0;
        pen.text(EDGE + 10.0, below, Anchor::Start, Type::BODY, &line);
    }
    below += 5.0;
    pen.rect((EDGE, EDGE + 3.0), (y + 3.0, below), color);
    below
}

/// What stretches of the axis are drawn, the most costly first: all of it, or only those in which something happened.
fn panels(picture: &Picture) -> Vec<Episode> {
    let whole = Episode { span: picture.span, restarts: Vec::new(), lost_ns: 0 };
    let busy = picture.episodes.iter().map(|it| it.span.length()).sum::<f64>();
    if picture.episodes.is_empty() || picture.span.length() <= WHOLE * busy {
        let busy = picture.episodes.iter().map(|it| it.span).reduce(Span::join);
        return vec![Episode { span: busy.unwrap_or(whole.span).padded(), ..whole }];
    }
    let mut episodes = picture.episodes.clone();
    episodes.sort_by_key(|episode| std::cmp::Reverse(episode.lost_ns));
    for episode in &mut episodes {
        episode.span = episode.span.padded();
    }
    episodes
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
