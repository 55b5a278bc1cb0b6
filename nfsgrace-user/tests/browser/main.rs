//! The exported page in a real browser: what it shows is what the report counts, in light and dark, with keys and pointer,
//! without a message on the console and without a request. `cargo xtask browser` runs it, and keeps pictures on demand.

#[path = "../common/mod.rs"]
mod common;
mod driver;
mod sessions;

use std::{fs, path::PathBuf, time::Duration};

use driver::Browser;
use nfsgrace::{
    outcome::{self, SessionOutcome},
    record::{KnownFrom, Line, StallRow, Summary, span_text},
    session::Session,
    view::{
        Axis, Placed,
        picture::{Picture, Place, html},
    },
};
use serde_json::{Value, json};

/// A page in a file, and what it must show.
struct Page {
    name: &'static str,
    file: PathBuf,
    session: Session,
    summary: Summary,
}

impl Page {
    fn of(name: &'static str, lines: Vec<Line>, directory: &std::path::Path) -> Self {
        let (session, _) = common::replay(lines);
        let now = session.timeline().now();
        let picture = Picture::of(&[Place::alone(&session, now)], Vec::new());
        Self::with(name, session, &picture, directory)
    }

    fn with(name: &'static str, session: Session, picture: &Picture, directory: &std::path::Path) -> Self {
        let file = directory.join(format!("{name}.html"));
        fs::write(&file, html::page(picture)).expect("written");
        let summary = outcome::summary(&session, session.timeline().now());
        Self { name, file, session, summary }
    }

    /// Opens it, and waits until it is drawn.
    fn open(&self, browser: &Browser) {
        browser.log("browser");
        browser.log("performance");
        browser.open(&self.file);
        browser.until("document.getElementById('shown')?.textContent");
        browser.frame();
    }

    /// Keeps a picture of it where that is asked for.
    fn keep(&self, browser: &Browser, look: &str) {
        use base64::{Engine as _, prelude::BASE64_STANDARD};
        let Some(directory) = std::env::var_os("NFSGRACE_KEEP_PICTURES") else { return };
        let size = browser.devtools("Page.getLayoutMetrics", json!({}))["cssContentSize"].clone();
        let clip = json!({"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1});
        let shot = json!({"format": "png", "captureBeyondViewport": true, "clip": clip});
        let shot = browser.devtools("Page.captureScreenshot", shot);
        let png = BASE64_STANDARD.decode(shot["data"].as_str().expect("data")).expect("base64");
        fs::write(PathBuf::from(directory).join(format!("{}-{look}.png", self.name)), png).expect("written");
    }
}

/// The cells of a table, row by row; rows that only open are left out.
fn cells(browser: &Browser, table: &str) -> Vec<Vec<String>> {
    let script = "return [...document.querySelectorAll(`#${arguments[0]} > tbody > tr:not(.inner)`)]
        .map((row) => [...row.cells].map((cell) => cell.textContent))";
    serde_json::from_value(browser.ask(script, json!([table]))).expect("texts")
}

fn ns(ns: u64) -> String {
    if ns == 0 { "–".to_owned() } else { span_text(std::time::Duration::from_nanos(ns)) }
}

fn maybe(value: Option<u64>) -> String {
    value.map_or("–".to_owned(), ns)
}

fn moment(at: nfsgrace::record::Stamp) -> String {
    format!("{}.{:03}", at.0 / 1_000_000_000, at.0 % 1_000_000_000 / 1_000_000)
}

/// The tables show the numbers of the summary, digit by digit.
fn tables_are_the_reports(browser: &Browser, page: &Page) {
    let Summary { restarts, clients, stalls, losses, .. } = &page.summary;
    let shown: Vec<_> = cells(browser, "restarts").into_iter().map(|row| row[3..].to_vec()).collect();
    let expected: Vec<_> = restarts
        .iter()
        .map(|it| {
            let counts = [it.refused.to_string(), it.stalls.to_string()];
            [moment(it.began)].into_iter().chain(counts).chain([ns(it.lost_ns), ns(it.tail_ns)]).collect::<Vec<_>>()
        })
        .collect();
    assert_eq!(shown, expected, "{}: restarts", page.name);

    let shown: Vec<_> = cells(browser, "stalls").into_iter().map(|row| row[3..].to_vec()).collect();
    let stall = |it: &StallRow| {
        let causes: Vec<_> = it.causes.iter().map(ToString::to_string).collect();
        let causes = if causes.is_empty() { String::new() } else { format!(" ({})", causes.join(" | ")) };
        let because = it.restart.map_or("–".to_owned(), |number| format!("restart {number}{causes}"));
        let length = format!("{}{}", if it.began_seen { "" } else { "≥ " }, ns(it.total_ns));
        let lengths = [length, maybe(it.grace_ns), maybe(it.tail_ns)];
        let shown = [it.state.to_string(), because, moment(it.began), it.refused.to_string()];
        shown.into_iter().chain(lengths).collect::<Vec<_>>()
    };
    assert_eq!(shown, stalls.iter().map(stall).collect::<Vec<_>>(), "{}: stalls", page.name);

    let shown: Vec<_> = cells(browser, "clients").into_iter().map(|row| (row[5].clone(), row[6].clone())).collect();
    let expected: Vec<_> = clients.iter().map(|it| (it.reclaims.to_string(), it.refused.to_string())).collect();
    assert_eq!(shown, expected, "{}: clients", page.name);
    let shown: Vec<_> = cells(browser, "losses").into_iter().map(|row| row[3].clone()).collect();
    assert_eq!(shown, losses.iter().map(|it| it.count.to_string()).collect::<Vec<_>>(), "{}: losses", page.name);
}

/// The tries of the first stall, opened as a reader does.
fn attempts_are_the_reports(browser: &Browser, page: &Page) {
    let Some(stall) = page.summary.stalls.first() else { return };
    let script = "document.querySelector('#stalls button').click();
        return [...document.querySelectorAll('#stalls tr.inner:not([hidden]) .attempts > tbody > tr')]
            .map((row) => [...row.cells].map((cell) => cell.textContent))";
    let shown: Vec<Vec<String>> = serde_json::from_value(browser.ask(script, json!([]))).expect("texts");
    let expected: Vec<_> = stall
        .attempts
        .iter()
        .map(|it| {
            let computed = if it.asked_computed { " (computed)" } else { "" };
            let asked = it.asked_ns.map_or("–".to_owned(), |asked| format!("{}{computed}", ns(asked)));
            let slept = match (it.slept_ns, it.gap_ns) {
                (Some(slept), _) => ns(slept),
                (None, Some(gap)) => format!("≤ {} (its end was not seen)", ns(gap)),
                (None, None) => "asleep at the end of the session".to_owned(),
            };
            vec![it.attempt.to_string(), moment(it.refused), asked, slept, maybe(it.gap_ns)]
        })
        .collect();
    let shown: Vec<_> = shown.into_iter().map(|row| [&row[..1], &row[3..]].concat()).collect();
    assert_eq!(shown, expected, "{}: tries", page.name);
}

/// The verdicts above, and the seconds beside the lanes.
fn verdicts_and_lanes_are_the_reports(browser: &Browser, page: &Page) {
    let titles =
        browser.ask("return [...document.querySelectorAll('.verdict h2')].map((it) => it.textContent)", json!([]));
    let titles: Vec<String> = serde_json::from_value(titles).expect("texts");
    for line in SessionOutcome::of(&page.session, page.session.timeline().now()).into_lines() {
        let Line::Verdict(verdict) = line else { continue };
        let ids = verdict.id.iter().chain(&verdict.one_of).map(|id| id.to_string()).collect::<Vec<_>>().join(" | ");
        let said = titles.iter().any(|title| title.starts_with(&ids));
        assert!(said, "{}: {ids} is not among {titles:?}", page.name);
        let text = browser.ask("return document.getElementById('verdicts').textContent", json!([]));
        for step in verdict.avoid {
            let step = step.replace('`', "");
            assert!(text.as_str().is_some_and(|text| text.contains(&step)), "{}: {step}", page.name);
        }
    }
    let script = "return [...document.querySelectorAll('.row.stall .numbers')]
        .map((it) => [...it.querySelectorAll('span')].map((part) => part.textContent))";
    let lanes: Vec<Vec<String>> = serde_json::from_value(browser.ask(script, json!([]))).expect("texts");
    let tail = |it: &StallRow| it.tail_ns.filter(|tail| *tail > 0).map_or(String::new(), ns);
    let expected: Vec<_> = page.summary.stalls.iter().map(|it| vec![ns(it.total_ns), tail(it)]).collect();
    assert_eq!(lanes, expected, "{}: lanes", page.name);
}

/// How many pixels of the timeline have the colour of this name.
fn pixels(browser: &Browser, ink: &str) -> u64 {
    let script = "const probe = document.createElement('span'); probe.style.color = `var(--${arguments[0]})`;
        document.body.append(probe); const want = getComputedStyle(probe).color.match(/[0-9]+/g).map(Number); probe.remove();
        const plot = document.getElementById('plot');
        const copy = new OffscreenCanvas(plot.width, plot.height).getContext('2d', { willReadFrequently: true });
        copy.drawImage(plot, 0, 0);
        const { data } = copy.getImageData(0, 0, plot.width, plot.height);
        let count = 0;
        for (let at = 0; at < data.length; at += 4) if ([0, 1, 2].every((part) => data[at + part] === want[part])) count++;
        return count";
    browser.ask(script, json!([ink])).as_u64().expect("a count")
}

/// What must be drawn is, and what must not is not.
fn the_timeline_is_drawn(browser: &Browser, page: &Page) {
    let asleep = page.summary.stalls.iter().any(|it| it.attempts.iter().any(|it| it.slept_ns.is_some()));
    let wasted = page.summary.stalls.iter().any(|it| it.tail_ns.is_some_and(|tail| tail > 0));
    let watched =
        page.summary.restarts.iter().any(|it| it.grace_began.is_some() && it.known_from == KnownFrom::Observed);
    for (ink, drawn) in [("sleep", asleep), ("tail", wasted), ("grace", watched)] {
        let count = pixels(browser, ink);
        // The thin line under a stall has the colour of sleep as well.
        assert!(if drawn { count > 200 } else { ink == "sleep" || count == 0 }, "{}: {count} of {ink}", page.name);
    }
}

/// The page draws every mark of its list, and nothing else.
fn every_mark_is_drawn(browser: &Browser, page: &Page) {
    let differs = browser.await_answer(include_str!("marks.js"), json!([]));
    let empty = |name: &str| differs[name].as_array().is_some_and(Vec::is_empty);
    assert!(["missing", "more", "said"].into_iter().all(empty), "{}: {differs}", page.name);
    let tries: usize = page.summary.stalls.iter().map(|stall| stall.attempts.len()).sum();
    assert!(differs["marks"].as_u64().is_some_and(|marks| marks > 2 * tries as u64), "{}: {differs}", page.name);
}

#[test]
#[ignore = "needs Chromium: run `cargo xtask browser`"]
fn several_hosts_are_drawn_on_one_axis() {
    let directory = tempfile::tempdir().expect("a directory");
    let sessions =
        ["server", "client", "second"].map(|name| common::live(common::recording(&format!("paired/{name}"))).0);
    // The clocks of clients are as far off as they may be.
    let off = |at| Placed { error: Some(Duration::from_millis(300)), ..Axis::own().place(at) };
    let place = |(nth, session)| {
        let axis = if nth == 0 { Axis::own() } else { Axis::new(off) };
        Place { axis, ..Place::alone(session, session.timeline().now()) }
    };
    let picture = Picture::of(&sessions.iter().enumerate().map(place).collect::<Vec<_>>(), Vec::new());
    let [_, client, _] = sessions;
    let page = Page::with("hosts", client, &picture, directory.path());
    let browser = Browser::start();
    browser.devtools("Page.addScriptToEvaluateOnNewDocument", json!({"source": include_str!("hear.js")}));
    browser.look(1280, 1000, "light");
    page.open(&browser);
    every_mark_is_drawn(&browser, &page);
    page.keep(&browser, "light");
    nothing_else_happened(&browser, &page);
}

/// Nothing on the console, and no request but the one for the page.
fn nothing_else_happened(browser: &Browser, page: &Page) {
    let said = browser.log("browser");
    assert!(said.is_empty(), "{}: {said:#?}", page.name);
    let requests: Vec<_> = browser
        .log("performance")
        .iter()
        .filter_map(|entry| serde_json::from_str::<Value>(entry["message"].as_str()?).ok())
        .filter(|event| event["message"]["method"] == "Network.requestWillBeSent")
        .map(|event| event["message"]["params"]["request"]["url"].clone())
        .filter(|url| *url != format!("file://{}", page.file.display()))
        .collect();
    assert!(requests.is_empty(), "{}: {requests:?}", page.name);
}

/// From lane to lane, along the axis, closer, and from try to try.
fn keys_work(browser: &Browser, page: &Page) {
    let shown = || {
        browser.frame();
        let text = browser.ask("return document.getElementById('shown').textContent", json!([]));
        let text = text.as_str().expect("text").to_owned();
        let mut numbers = text.split(['–', ' ']).filter_map(|part| part.parse::<f64>().ok());
        (numbers.next().expect("from"), numbers.next().expect("to"))
    };
    for _ in 0..40 {
        browser.press("Tab");
        if browser.ask("return document.activeElement.classList.contains('row')", json!([])) == true {
            break;
        }
    }
    let label = || browser.ask("return document.activeElement.getAttribute('aria-label')", json!([]));
    for _ in 0..40 {
        if label().as_str().is_some_and(|label| label.starts_with("Stalled task ")) {
            break;
        }
        browser.press("ArrowDown");
    }
    let stall = &page.summary.stalls[0];
    let lost = format!("lost {}", ns(stall.total_ns));
    assert!(label().as_str().expect("a label").contains(&lost), "{}: {} lacks {lost}", page.name, label());
    let outline = "return getComputedStyle(document.activeElement).outlineStyle";
    assert_eq!(browser.ask(outline, json!([])), "solid", "where the focus is can be seen");
    assert_eq!(browser.ask("return document.getElementById('tip').hidden", json!([])), false, "focus shows detail");

    let before = shown();
    browser.press("+");
    browser.press("+");
    let closer = shown();
    assert!(closer.1 - closer.0 < 0.6 * (before.1 - before.0), "{before:?} {closer:?}");
    browser.press("ArrowRight");
    let later = shown();
    assert!(later.0 > closer.0 && (later.1 - later.0 - closer.1 + closer.0).abs() < 0.2, "{closer:?} {later:?}");
    browser.press("ArrowLeft");
    browser.press("-");
    browser.press("-");
    browser.press(".");
    let tip = browser.ask("return document.getElementById('tip').textContent", json!([]));
    let asked = ns(stall.attempts[0].asked_ns.expect("known"));
    let tip = tip.as_str().expect("text");
    assert!(tip.starts_with("Try 1 of ") && tip.contains("NFS4ERR_GRACE (10013)") && tip.contains(&asked), "{tip}");
    assert_eq!(tip.contains("(computed)"), stall.attempts[0].asked_computed, "{tip}");
}

/// A pointer on a try tells what the try was. The lane in focus is zoomed to first, so that its middle is in a try.
fn pointing_tells(browser: &Browser) {
    browser.press("Enter");
    browser.frame();
    let script = "document.querySelector('.row.stall').scrollIntoView({ block: 'center' });
        const box = document.querySelector('.row.stall').getBoundingClientRect();
        const names = parseFloat(getComputedStyle(document.documentElement).getPropertyValue('--names'));
        return [(names + box.width - 168) / 2 + box.left, box.top + box.height / 2]";
    let place = browser.ask(script, json!([]));
    browser.frame();
    let pointer = json!({"type": "mouseMoved", "x": place[0], "y": place[1]});
    browser.devtools("Input.dispatchMouseEvent", pointer);
    browser.until("!document.getElementById('tip').hidden");
    let tip = browser.ask("return document.getElementById('tip').textContent", json!([]));
    assert!(tip.as_str().is_some_and(|tip| tip.starts_with("Try ")), "{tip}");
}

/// The switch turns light into dark, whatever the system likes.
fn the_switch_turns_dark(browser: &Browser) {
    let ground = || browser.ask("return getComputedStyle(document.body).backgroundColor", json!([]));
    let before = ground();
    browser.ask("document.getElementById('theme').click()", json!([]));
    browser.frame();
    assert_ne!(ground(), before);
    assert!(pixels(browser, "tail") > 200, "the timeline is drawn in the new colours");
}

#[test]
#[ignore = "needs Chromium: run `cargo xtask browser`"]
fn the_page_shows_what_the_report_counts() {
    let directory = tempfile::tempdir().expect("a directory");
    let page = |name, lines| Page::of(name, lines, directory.path());
    let pages = [
        page("incident", sessions::incident()),
        page("no-nfsdcld", common::recording("6.18-no-nfsdcld")),
        page("healthy", common::recording("6.18-nfsdcld")),
        page("losses", sessions::with_losses()),
    ];
    let browser = Browser::start();
    let hear = json!({"source": include_str!("hear.js")});
    browser.devtools("Page.addScriptToEvaluateOnNewDocument", hear);
    for page in &pages {
        for scheme in ["light", "dark"] {
            browser.look(1280, 1000, scheme);
            page.open(&browser);
            the_timeline_is_drawn(&browser, page);
            every_mark_is_drawn(&browser, page);
            tables_are_the_reports(&browser, page);
            verdicts_and_lanes_are_the_reports(&browser, page);
            page.keep(&browser, scheme);
            attempts_are_the_reports(&browser, page);
            nothing_else_happened(&browser, page);
        }
        browser.look(400, 800, "light");
        page.open(&browser);
        assert_eq!(browser.ask("return document.documentElement.scrollWidth", json!([])), 400, "{}", page.name);
        page.keep(&browser, "narrow");
        let print = json!({"media": "print"});
        browser.devtools("Emulation.setEmulatedMedia", print);
        let shown = "return ['still', 'timeline'].map((id) => document.getElementById(id).offsetHeight > 0)";
        assert_eq!(browser.ask(shown, json!([])), json!([true, false]), "paper shows the still picture");
        page.keep(&browser, "print");
    }
    let restarts = &pages[1];
    browser.look(1280, 1000, "light");
    restarts.open(&browser);
    keys_work(&browser, restarts);
    pointing_tells(&browser);
    the_switch_turns_dark(&browser);
    nothing_else_happened(&browser, restarts);
}

#[test]
#[ignore = "needs Chromium: run `cargo xtask browser`"]
fn a_thousand_stalls_stay_fluid() {
    let directory = tempfile::tempdir().expect("a directory");
    let page = Page::of("thousand", sessions::thousand(), directory.path());
    assert_eq!(page.summary.stalls.len(), 1_000);
    let browser = Browser::start();
    browser.look(1400, 900, "light");
    // How long each frame keeps the page busy, whatever else the machine does.
    let timed = "const plain = requestAnimationFrame; window.busy = [];
        window.requestAnimationFrame = (draw) => plain((now) => {
          const began = performance.now(); draw(now); window.busy.push(performance.now() - began); });";
    browser.devtools("Page.addScriptToEvaluateOnNewDocument", json!({"source": timed}));
    page.open(&browser);
    tables_are_the_reports(&browser, &page);
    page.keep(&browser, "light");
    for move_ in ["pan", "zoom", "scroll"] {
        let frames = browser.await_answer(include_str!("frames.js"), json!([move_]));
        let number = |name: &str| frames[name].as_f64().expect("a number");
        println!(
            "1,000 stalls, {move_}: frames every {:.1} ms (median), {:.1} ms (95 %); drawing takes {:.2} ms (median), {:.2} ms (95 %)",
            number("median"),
            number("p95"),
            number("busy_median"),
            number("busy_p95")
        );
        assert!(number("busy_median") < 16.0, "{move_}: {frames}");
    }
    nothing_else_happened(&browser, &page);
}
