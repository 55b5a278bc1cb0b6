//! Three real hosts in every format: each says the same of every stall, of every cause, of every host. What each says is
//! read back from its output, and compared with what the JSON says.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use nfsgrace::record::{Line, PairedSummary, Summary, VerdictRecord, decode};
use serde_json::Value;

use super::{
    common::fixture,
    trace::{Read, read},
};

/// About whom or what, which fact, and what it is.
type Fact = (String, &'static str, String);
type Facts = BTreeSet<Fact>;

/// Times and lengths as a format has them.
#[derive(Clone, Copy, PartialEq)]
enum Digits {
    /// All nanoseconds.
    Exact,
    /// Milliseconds.
    Milliseconds,
}

impl Digits {
    fn of(self, nanoseconds: u64) -> String {
        match self {
            Self::Exact => nanoseconds.to_string(),
            Self::Milliseconds => format!("{:.3}", nanoseconds as f64 / 1e9),
        }
    }
}

/// Milliseconds as people read them, without the error that they may have.
fn milliseconds(text: &str) -> String {
    text.split(" ±").next().unwrap_or_default().trim().trim_end_matches(" s").to_owned()
}

fn stall(facts: &mut Facts, task: &str, [length, grace, tail, refused, server]: [String; 5]) {
    let told = [("length", length), ("grace", grace), ("tail", tail), ("refused", refused), ("waited for", server)];
    facts.extend(told.into_iter().map(|(what, is)| (task.to_owned(), what, is)));
}

fn server(restart: impl ToString, host: &str, causes: &str) -> String {
    format!("restart {} of {host} ({})", restart.to_string(), causes.replace('|', " | "))
}

fn cost(facts: &mut Facts, cause: &str, told: [(&'static str, String); 3]) {
    facts.extend(told.into_iter().map(|(what, is)| (cause.to_owned(), what, is)));
}

fn verdict(facts: &mut Facts, host: &str, title: &str) {
    facts.insert((host.to_owned(), "verdict", title.to_owned()));
}

/// What one host's part of the JSON says.
#[derive(Default)]
struct Host {
    name: String,
    verdicts: Vec<VerdictRecord>,
    summary: Summary,
}

/// What the JSON says.
struct Truth {
    hosts: Vec<Host>,
    paired: PairedSummary,
}

impl Truth {
    fn of(json: &str) -> Self {
        let (mut hosts, mut paired): (Vec<Host>, _) = (Vec::new(), None);
        for line in json.lines() {
            match decode(line.as_bytes()).expect("readable").line {
                Line::Header(header) => hosts.push(Host { name: header.host, ..Host::default() }),
                Line::Verdict(verdict) => hosts.last_mut().expect("a header").verdicts.push(*verdict),
                Line::Summary(summary) => hosts.last_mut().expect("a header").summary = *summary,
                Line::Paired(it) => paired = Some(*it),
                _ => {}
            }
        }
        Self { hosts, paired: paired.expect("several hosts") }
    }

    /// What each host says of its own stalls.
    fn stalls(&self, digits: Digits) -> Facts {
        let mut facts = Facts::new();
        for row in self.hosts.iter().flat_map(|host| &host.summary.stalls) {
            let causes: Vec<_> = row.causes.iter().map(ToString::to_string).collect();
            let (there, host) = (row.server_restart.expect("known"), row.server_host.as_deref().expect("known"));
            let lengths = [Some(row.total_ns), row.grace_ns, row.tail_ns].map(|ns| digits.of(ns.expect("known")));
            let [length, grace, tail] = lengths;
            let told = [length, grace, tail, row.refused.to_string(), server(there, host, &causes.join("|"))];
            stall(&mut facts, &format!("{} {}", row.comm, row.pid), told);
        }
        facts
    }

    /// What all say together of the same stalls.
    fn stalls_together(&self) -> Facts {
        let mut facts = Facts::new();
        for row in &self.paired.stalls {
            let split = row.split.expect("known");
            let cause =
                self.paired.causes.iter().find(|it| Some(it.server) == row.server && Some(it.restart) == row.restart);
            let cause = cause.expect("its cause is listed");
            let causes: Vec<_> = cause.ids.iter().map(ToString::to_string).collect();
            let [length, grace, tail] = [row.total_ns, split.grace_ns, split.tail_ns].map(|ns| Digits::Exact.of(ns));
            let there = server(cause.restart, &self.paired.hosts[cause.server].host, &causes.join("|"));
            stall(
                &mut facts,
                &format!("{} {}", row.comm, row.pid),
                [length, grace, tail, row.refused.to_string(), there],
            );
        }
        facts
    }

    fn costs(&self, digits: Digits) -> Facts {
        let mut facts = Facts::new();
        for row in &self.paired.causes {
            let causes: Vec<_> = row.ids.iter().map(ToString::to_string).collect();
            let cause = server(row.restart, &self.paired.hosts[row.server].host, &causes.join("|"));
            let told = [
                ("tasks", row.cost.tasks.to_string()),
                ("grace", digits.of(row.cost.grace_ns)),
                ("tail", digits.of(row.cost.tail_ns)),
            ];
            cost(&mut facts, &cause, told);
        }
        facts
    }

    fn verdicts(&self) -> Facts {
        let mut facts = Facts::new();
        for host in &self.hosts {
            for it in &host.verdicts {
                let causes: Vec<_> = it.causes().map(ToString::to_string).collect();
                let title = format!("{} ({}, restart {})", causes.join(" | "), it.state, it.restart.expect("known"));
                verdict(&mut facts, &host.name, &title);
            }
        }
        facts
    }

    /// Operations refused by restart.
    fn refused(&self) -> Facts {
        let mut facts = Facts::new();
        for host in &self.hosts {
            let rows = host.summary.restarts.iter().filter(|row| row.refused > 0);
            facts.extend(
                rows.map(|row| {
                    (format!("restart {} of {}", row.restart, host.name), "refused", row.refused.to_string())
                }),
            );
        }
        facts
    }

    fn all(&self, digits: Digits) -> Facts {
        let parts = [self.stalls(digits), self.costs(digits), self.verdicts(), self.refused()];
        parts.into_iter().flatten().collect()
    }
}

/// `nfsgrace COMMAND … server client second`, at a width that all columns fit.
fn nfsgrace(arguments: &[&str]) -> String {
    let files = ["server", "client", "second"].map(|name| fixture(&format!("paired/{name}.ndjson")));
    let mut command = Command::new(env!("CARGO_BIN_EXE_nfsgrace"));
    let output = command.args(arguments).args(files).env("COLUMNS", "200").output().expect("it starts");
    assert!(matches!(output.status.code(), Some(0 | 1)), "{output:?}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

fn exported(format: &str, out: &Path) {
    nfsgrace(&["export", "--format", format, "-o", out.to_str().expect("UTF-8")]);
}

/// `CAUSE on HOST (restart N) cost T tasks … Of the time lost, G s lie in the grace period, E s after its end`
fn cost_in_words(facts: &mut Facts, text: &str) {
    for part in text.split(" cost ").collect::<Vec<_>>().windows(2) {
        let before: Vec<_> = part[0].split_whitespace().collect();
        let [.., cause, "on", host, "(restart", restart] = before[..] else { panic!("{part:?}") };
        let number = |before: &str, after: &str| {
            let from = part[1].find(before).unwrap_or_else(|| panic!("{before} in {}", part[1])) + before.len();
            part[1][from..].split(after).next().expect("words").trim().to_owned()
        };
        let told = [
            ("tasks", number("", " task")),
            ("grace", number("Of the time lost, ", " s lie in")),
            ("tail", number("lie in the grace period, ", " s after")),
        ];
        cost(facts, &server(restart.trim_end_matches(')'), host, cause), told);
    }
}

/// The cells of a table, by the names of its columns; where `|` divides them, or two spaces do.
fn table(lines: &[&str], title: &str, divide: fn(&str) -> Vec<String>) -> Vec<BTreeMap<String, String>> {
    let rule =
        |line: &str| line.starts_with('─') || line.starts_with('═') || line.starts_with("| ---") || line.is_empty();
    let mut rows = Vec::new();
    let mut left = lines.iter();
    while left.by_ref().any(|line| line.trim_matches('*').starts_with(title)) {
        let mut table = left
            .by_ref()
            .skip_while(|line| rule(line))
            .take_while(|line| line.starts_with('|') || line.starts_with(' ') || line.starts_with('═'));
        let columns = divide(table.next().expect("a head"));
        rows.extend(table.filter(|line| !rule(line)).map(|row| columns.iter().cloned().zip(divide(row)).collect()));
    }
    rows
}

fn by_spaces(row: &str) -> Vec<String> {
    row.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).map(str::to_owned).collect()
}

fn by_bars(row: &str) -> Vec<String> {
    row.trim_matches('|').split('|').map(|cell| cell.trim().trim_matches('`').to_owned()).collect()
}

/// The report as text or Markdown: all hosts together first, then each by itself.
fn report(text: &str, divide: fn(&str) -> Vec<String>, heading: fn(&str) -> Option<&str>, verdicts: &str) -> Facts {
    let mut facts = Facts::new();
    let lines: Vec<_> = text.lines().collect();
    let first = lines.iter().position(|line| heading(line).is_some()).expect("each host's own report");
    let (together, alone) = lines.split_at(first);
    let words = together.join(" ").replace('\\', "");
    cost_in_words(&mut facts, words.split("Clocks").next().expect("sentences"));
    let together = table(together, "Stalls", divide);
    let mut host = "";
    let mut reports: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for line in alone {
        if let Some(name) = heading(line) {
            host = name;
        }
        reports.entry(host).or_default().push(line);
    }
    for (host, lines) in &reports {
        let titles = lines.iter().filter_map(|line| line.strip_prefix(verdicts));
        titles.for_each(|title| verdict(&mut facts, host, title));
        let refused = table(lines, "Server restarts", divide).into_iter().filter(|row| row["refused"] != "0");
        facts.extend(refused.map(|row| (format!("restart {} of {host}", row["#"]), "refused", row["refused"].clone())));
        let there = lines
            .iter()
            .find_map(|line| line.split_once("this host waited for "))
            .map(|(_, it)| it.trim_end_matches('.').replace('\\', ""));
        for row in table(lines, "Stalls", divide) {
            let both = together.iter().find(|it| it["task"] == row["task"]).expect("it is told together as well");
            assert_eq!(
                (&both["host"][..], &both["lost (s)"], &both["tail"]),
                (*host, &milliseconds(&row["length"]), &milliseconds(&row["tail"]))
            );
            let told = [row["length"].clone(), both["grace"].clone(), row["tail"].clone(), row["refused"].clone()];
            let [length, grace, tail, refused] = told.map(|cell| milliseconds(&cell));
            stall(&mut facts, &row["task"], [length, grace, tail, refused, there.clone().expect("a sentence")]);
        }
    }
    facts
}

#[test]
fn the_json_says_the_same_of_a_host_alone_and_of_all_together() {
    let truth = Truth::of(&nfsgrace(&["report", "--format", "json"]));
    let stalls = truth.stalls(Digits::Exact);
    assert_eq!((truth.hosts.len(), stalls.len()), (3, 2 * 5));
    assert_eq!(stalls, truth.stalls_together());
    let exported = Truth::of(&nfsgrace(&["export", "--format", "json", "-o", "-"]));
    assert_eq!(exported.all(Digits::Exact), truth.all(Digits::Exact));
}

#[test]
fn text_and_markdown() {
    let expected = Truth::of(&nfsgrace(&["report", "--format", "json"])).all(Digits::Milliseconds);
    let text = nfsgrace(&["report"]);
    assert_eq!(
        report(&text, by_spaces, |line| Some(line.split_once(" (kernel ")?.0), "━━ VERDICT "),
        expected,
        "{text}"
    );
    let page = nfsgrace(&["report", "--format", "markdown"]);
    assert_eq!(
        report(&page, by_bars, |line| line.strip_prefix("## nfsgrace: `")?.split('`').next(), "### Verdict: "),
        expected,
        "{page}"
    );
}

fn csv_rows(path: &Path) -> Vec<BTreeMap<String, String>> {
    let text = fs::read_to_string(path).expect("written");
    let mut lines = text.lines().map(|line| line.split(',').map(str::to_owned).collect::<Vec<_>>());
    let columns = lines.next().expect("names of columns");
    lines.map(|row| columns.iter().cloned().zip(row).collect()).collect()
}

/// What stalls cost that waited for the same: tasks, grace, tail.
#[derive(Default)]
struct Costs(BTreeMap<String, [u64; 3]>);

impl Costs {
    fn add(&mut self, cause: &str, lengths: [&str; 2]) {
        let [tasks, grace, tail] = self.0.entry(cause.to_owned()).or_default();
        let [own_grace, own_tail] = lengths.map(|ns| ns.parse::<u64>().expect("nanoseconds"));
        (*tasks, *grace, *tail) = (*tasks + 1, *grace + own_grace, *tail + own_tail);
    }

    fn tell(self, facts: &mut Facts) {
        for (cause, [tasks, grace, tail]) in self.0 {
            cost(
                facts,
                &cause,
                [("tasks", tasks), ("grace", grace), ("tail", tail)].map(|(what, it)| (what, it.to_string())),
            );
        }
    }
}

#[test]
fn tables() {
    let truth = Truth::of(&nfsgrace(&["report", "--format", "json"]));
    let directory = tempfile::tempdir().expect("a directory");
    exported("csv", directory.path());
    let (mut facts, mut costs) = (Facts::new(), Costs::default());
    for row in csv_rows(&directory.path().join("attempts.csv")).iter().filter(|row| !row["stall_state"].is_empty()) {
        let there = server(&row["server_restart"], &row["server_host"], &row["causes"]);
        costs.add(&there, [&row["stall_grace_ns"], &row["stall_tail_ns"]]);
        let told = ["stall_total_ns", "stall_grace_ns", "stall_tail_ns", "attempt"].map(|column| row[column].clone());
        let [length, grace, tail, refused] = told;
        stall(&mut facts, &format!("{} {}", row["comm"], row["pid"]), [length, grace, tail, refused, there]);
    }
    costs.tell(&mut facts);
    let mut refused: BTreeMap<String, u64> = BTreeMap::new();
    for row in csv_rows(&directory.path().join("refusals.csv")) {
        *refused.entry(format!("restart {} of {}", row["restart"], row["host"])).or_default() += 1;
    }
    facts.extend(refused.into_iter().map(|(restart, count)| (restart, "refused", count.to_string())));
    // Tables have no verdicts.
    facts.extend(truth.verdicts());
    assert_eq!(facts, truth.all(Digits::Exact));
}

#[test]
fn trace() {
    let truth = Truth::of(&nfsgrace(&["report", "--format", "json"]));
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("trace");
    exported("perfetto", &path);
    let read = read(&fs::read(path).expect("written"));
    assert_eq!(told_by(&read), truth.all(Digits::Exact));
}

fn told_by(read: &Read) -> Facts {
    let (mut facts, mut costs) = (Facts::new(), Costs::default());
    let host = |track: &str| track.split([' ', '/']).next().expect("a name").to_owned();
    for slice in read.of("stall") {
        let args = &slice.said.args;
        let there = server(&args["server_restart"], &args["server_host"], &args["causes"]);
        costs.add(&there, [&args["grace_ns"], &args["tail_ns"]]);
        let [length, grace, tail, refused] =
            ["total_ns", "grace_ns", "tail_ns", "refused"].map(|name| args[name].clone());
        stall(&mut facts, &format!("{} {}", args["comm"], args["pid"]), [length, grace, tail, refused, there]);
    }
    costs.tell(&mut facts);
    for slice in read.of("grace").filter(|slice| slice.said.number("refused").is_some_and(|count| count > 0)) {
        let args = &slice.said.args;
        let restart = format!("restart {} of {}", args["restart"], host(&slice.said.track));
        facts.insert((restart, "refused", args["refused"].clone()));
    }
    for (_, said) in read.moments("verdict") {
        let causes = said.name.split(" (").next().expect("ids").replace(" or ", " | ");
        let title = format!("{causes} ({}, restart {})", said.args["state"], said.args["restart"]);
        verdict(&mut facts, &host(&said.track), &title);
    }
    facts
}

fn cells(row: &Value, columns: &[&str]) -> BTreeMap<String, String> {
    let cells = row.as_array().expect("cells").iter().map(|cell| cell.as_str().expect("text").to_owned());
    columns
        .iter()
        .map(|name| name.strip_prefix('#').filter(|name| !name.is_empty()).unwrap_or(name).to_owned())
        .zip(cells)
        .collect()
}

#[test]
fn page() {
    let expected = Truth::of(&nfsgrace(&["report", "--format", "json"])).all(Digits::Milliseconds);
    let page = written("html");
    let data = page.split("<script id=\"picture\" type=\"application/json\">").nth(1).expect("the data");
    let picture: Value = serde_json::from_str(data.split("</script>").next().expect("its end")).expect("JSON");
    let mut facts = Facts::new();
    for table in picture["tables"].as_array().expect("tables") {
        let columns: Vec<_> =
            table["columns"].as_array().expect("names").iter().map(|it| it.as_str().expect("text")).collect();
        let title = table["title"].as_str().expect("text");
        for row in table["rows"].as_array().expect("rows").iter().map(|row| cells(row, &columns)) {
            match title.split_once(" of ").expect("the host's name") {
                ("Stalls", _) => {
                    let told = ["lost", "in grace", "after grace"].map(|column| milliseconds(&row[column]));
                    let [length, grace, tail] = told;
                    let told = [length, grace, tail, row["refused"].clone(), row["because of"].clone()];
                    stall(&mut facts, &row["task"], told);
                }
                ("Server restarts", host) if row["refused"] != "0" => {
                    facts.insert((format!("restart {} of {host}", row["#"]), "refused", row["refused"].clone()));
                }
                _ => {}
            }
        }
    }
    let text = page
        .split("<section id=\"verdicts\"")
        .nth(1)
        .expect("the verdicts")
        .split("</section>")
        .next()
        .expect("its end");
    let mut host = String::new();
    for heading in text.split("<h2>").skip(1).map(|part| bare(part.split("</h2>").next().expect("its end"))) {
        if heading.contains('(') { verdict(&mut facts, &host, &heading) } else { host = heading }
    }
    let costs = text.split("<p class=\"note\">").filter(|note| note.contains(" cost "));
    costs.for_each(|note| cost_in_words(&mut facts, note));
    assert_eq!(facts, expected);
}

/// The text of HTML without its tags.
fn bare(html: &str) -> String {
    html.split('<').map(|part| part.split_once('>').map_or(part, |(_, text)| text)).collect()
}

#[test]
fn picture() {
    let truth = Truth::of(&nfsgrace(&["report", "--format", "json"]));
    let picture = written("svg");
    let document = roxmltree::Document::parse(&picture).expect("XML");
    let text =
        |name: &'static str| document.descendants().filter(move |it| it.has_tag_name(name)).filter_map(|it| it.text());
    let mut facts = Facts::new();
    for title in text("title").filter(|title| title.contains(" (pid ")) {
        let fact = |name: &str| {
            let told = title.split(", ").find_map(|part| part.strip_prefix(name));
            told.unwrap_or_else(|| panic!("{name} in {title}")).trim().to_owned()
        };
        let [length, grace, tail] =
            ["lost ", "in the grace period ", "after the grace period "].map(|it| milliseconds(&fact(it)));
        let told = [length, grace, tail, fact("refusals "), fact("because of ")];
        stall(&mut facts, title.split(" (pid ").next().expect("the task"), told);
    }
    let description = text("desc").next().expect("a description");
    cost_in_words(&mut facts, description);
    // Titles of hosts, verdicts below them.
    let mut host = String::new();
    for line in text("text") {
        if let Some((name, _)) = line.split_once(" · kernel ") {
            host = name.to_owned();
        } else if line.contains(", restart ") && line.ends_with(')') {
            verdict(&mut facts, &host, line);
        }
    }
    let refused = description
        .split(", ")
        .filter_map(|part| part.strip_prefix("restart ")?.split_once(" refusals")?.0.split_once(' '));
    facts.extend(
        refused
            .filter(|(_, count)| *count != "0")
            .map(|(restart, count)| (format!("restart {restart} of server"), "refused", count.to_owned())),
    );
    assert_eq!(facts, truth.all(Digits::Milliseconds));
}

fn written(format: &str) -> String {
    let directory = tempfile::tempdir().expect("a directory");
    let path: PathBuf = directory.path().join("picture");
    exported(format, &path);
    fs::read_to_string(path).expect("written")
}
