// Verdicts above the timeline, tables below.

function facts() {
  return picture.hosts.map((host) => {
    const parts = [
      picture.hosts.length > 1 ? host.name : undefined,
      host.kernel ? `kernel ${host.kernel}` : undefined,
      host.hz ? `HZ ${host.hz}` : undefined,
      host.wall_clock ? `from ${host.wall_clock}` : undefined,
      plural(host.events, "event"),
      host.stalls_text.replace(/\.$/, ""),
    ];
    return el("span", {}, parts.filter(Boolean).join(" · "));
  });
}

function verdictCard(card, open) {
  const [id, rest] = card.title.split(/ (?=\()/);
  const node = el("article", { class: `verdict ${card.severity}` }, el("h2", {}, ...id.split(/(?<=\|) /).flatMap((it) => [el("span", {}, it), " "]), el("small", {}, rest ?? "")), el("p", {}, card.headline));
  node.append(...card.costs.map((cost) => el("p", { class: "cost" }, cost)));
  const list = (title, name, lines) => {
    if (lines.length > 0) node.append(el("h3", {}, title), el("ul", { class: name }, ...lines.map((line) => advice("li", line))));
  };
  list("What to do", "remedy", card.remedy);
  list("What not to do", "avoid", card.avoid);
  list("What was not seen, and may change this", "unseen-part", card.not_seen);
  if (card.proofs.length > 0) {
    const rows = card.proofs.flatMap((it) => [el("dt", {}, it.at === null ? "" : `${moment(it.at)} s`), el("dd", {}, it.text)]);
    node.append(el("details", { open }, el("summary", {}, "What proves it"), el("dl", { class: "proof" }, ...rows)));
  }
  return node;
}

function verdicts() {
  const nodes = [];
  for (const host of picture.hosts) {
    const name = picture.hosts.length > 1 && host.verdicts.length > 0 ? [el("h2", {}, host.name)] : [];
    nodes.push(...name, ...host.verdicts.map((card) => verdictCard(card, host.verdicts.length === 1)));
    if (host.nothing) nodes.push(el("article", { class: "verdict fine" }, el("p", {}, host.nothing)));
    // Each verdict says itself what may have been missed.
    for (const lost of host.verdicts.length > 0 ? [] : host.losses) {
      nodes.push(el("p", { class: "note" }, el("b", {}, `${lost.count} records were lost`), ` (${lost.cause})${lost.hides ? `; they may hide ${lost.hides}` : ""}.`));
    }
  }
  nodes.push(...picture.notes.map((note) => el("p", { class: "note" }, note)));
  return nodes;
}

/** Rows that a printed table has; the rest is counted. */
const PRINTED = 40;

/** A table; a column whose name begins with `#` holds numbers. */
function table(id, columns, rows) {
  const cell = (tag, nth, content, name) => el(tag, { class: [columns[nth].startsWith("#") ? "n" : "", name ?? ""].join(" ").trim() || undefined, scope: tag === "th" ? "col" : undefined }, ...[content].flat());
  const head = el("tr", {}, ...columns.map((name, nth) => cell("th", nth, name.replace(/^#/, ""))));
  const body = rows.map((row) => (row instanceof Node ? row : el("tr", {}, ...row.map((it, nth) => cell("td", nth, it?.text ?? it, it?.name)))));
  return el("div", { class: "scroll" }, el("table", { id }, el("thead", {}, head), el("tbody", {}, ...body)));
}

const section = (title, note, ...content) => el("section", {}, el("h2", {}, title), note ? el("p", {}, note) : undefined, ...content);

function attemptsTable(stall) {
  const rows = stall.attempts.map((it) => [
    String(it.attempt), REFUSALS[it.refusal], EXCESS[it.excess] ?? "–", moment(it.at), asked(it), orDash(it.slept_ns, cost), orDash(it.gap_ns, cost),
  ]);
  const inner = table(null, ["#", "refused with", "longer because of", "#at (s)", "#asked", "#slept", "#gap"], rows);
  inner.firstChild.className = "attempts";
  const more = stall.attempts_not_listed > 0 ? `${plural(stall.attempts_not_listed, "try").replace("trys", "tries")} in the middle are only counted. ` : "";
  const star = stall.attempts.some((it) => it.computed) ? "* computed" : "";
  return [inner, more || star ? el("p", {}, more + star) : ""];
}

/** A row that opens to show the tries of a stall. */
function stallRows(stall, nth) {
  const open = el("button", { type: "button", "aria-expanded": "false", "aria-label": `Tries of ${who(stall)}` }, "▸");
  const inner = el("tr", { class: "inner", hidden: true, "data-print": nth < 3 });
  const fill = () => {
    if (!inner.firstChild) inner.append(el("td", { colspan: 9 }, ...attemptsTable(stall)));
  };
  const toggle = () => {
    fill();
    inner.hidden = !inner.hidden;
    open.textContent = inner.hidden ? "▸" : "▾";
    open.setAttribute("aria-expanded", String(!inner.hidden));
  };
  open.addEventListener("click", toggle);
  if (nth < 3) fill();
  const cells = [
    open, `${stall.comm} ${stall.pid}`, { text: stall.path ?? "–", name: "path" }, stall.end.state, orDash(stall.restart, String), moment(stall.began),
    String(stall.refused), { text: (stall.began_seen ? "" : "≥ ") + cost(stall.total_ns), name: "strong" }, { text: orDash(stall.tail_ns, cost), name: stall.tail_ns ? "wasted" : undefined },
  ];
  const numbers = [4, 5, 6, 7, 8];
  const row = el("tr", { class: nth >= PRINTED ? "rest" : undefined }, ...cells.map((it, at) => el("td", { class: [numbers.includes(at) ? "n" : "", it.name ?? ""].join(" ").trim() || undefined }, it.text ?? it)));
  return [row, inner];
}

function tables() {
  return picture.hosts.flatMap((host) => {
    const of = picture.hosts.length > 1 ? ` of ${host.name}` : "";
    const nodes = [];
    const restarts = host.servers.flatMap((lane) => lane.restarts.map((it) => ({ netns: lane.netns, ...it }))).sort((a, b) => a.restart - b.restart);
    if (restarts.length > 0) {
      const rows = restarts.map((it) => [String(it.restart), it.tracking, it.grace?.label ?? "not seen", moment(it.began), String(it.refusals.total), String(it.stalls), cost(it.lost_ns), { text: cost(it.tail_ns), name: it.tail_ns ? "wasted" : undefined }]);
      const older = host.restarts_not_listed > 0 ? `${host.restarts_not_listed} older ones are forgotten.` : "";
      nodes.push(section(`Server restarts${of}`, older, table("restarts", ["#", "tracking", "grace period", "#began (s)", "#refused", "#stalls", "#lost", "#after grace"], rows)));
    }
    if (host.stalls.length > 0) {
      const rows = host.stalls.flatMap(stallRows);
      const printed = host.stalls.length > PRINTED ? el("p", { class: "only-print", hidden: true }, `… and ${host.stalls.length - PRINTED} more`) : undefined;
      nodes.push(section(`Stalls${of}`, host.stalls_text, table("stalls", ["tries", "task", "file", "state", "#restart", "#began (s)", "#refused", "#lost", "#after grace"], rows), printed));
    }
    if (host.clients.length > 0) {
      const rows = host.clients.map((it) => [String(it.restart), it.who, it.minor === null ? "–" : `4.${it.minor}`, it.recorded ? "yes" : "–", orDash(it.completed, moment), String(it.reclaims), String(it.refused)]);
      nodes.push(section(`Clients${of}`, "", table("clients", ["#restart", "client", "NFS", "on record", "#RECLAIM_COMPLETE (s)", "#reclaims", "#refused"], rows)));
    }
    const losses = host.losses.map((it) => [it.cause, it.hides, `${moment(it.span.from)} … ${moment(it.span.to)}`, String(it.count)]);
    if (losses.length > 0) nodes.push(section(`LOST records${of}`, "", table("losses", ["cause", "may hide", "between (s)", "#count"], losses)));
    else nodes.push(section(`Lost records${of}`, "No record was lost."));
    if (host.counts) {
      const rows = Object.entries(host.counts).map(([name, count]) => [name.replaceAll("_", " "), String(count)]);
      nodes.push(section(`Counted in the kernel${of}`, "Exact, where single events were lost too.", table("counts", ["what", "#count"], rows)));
    }
    return nodes;
  });
}
