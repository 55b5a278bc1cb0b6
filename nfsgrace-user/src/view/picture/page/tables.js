// Verdicts above the timeline, tables below.

function verdictCard(card, open) {
  const [id, rest] = card.title.split(/ (?=\()/);
  const ids = id.split(/(?<=\|) /).flatMap((it) => [el("span", {}, it), " "]);
  const node = el("article", { class: `verdict ${card.severity}` }, el("h2", {}, ...ids, el("small", {}, rest ?? "")), el("p", {}, card.headline));
  node.append(...card.costs.map((cost) => el("p", { class: "cost" }, cost)));
  const list = (title, name, lines) => {
    if (lines.length > 0) node.append(el("h3", {}, title), el("ul", { class: name }, ...lines.map((line) => advice("li", line))));
  };
  list("What to do", "remedy", card.remedy);
  list("What not to do", "avoid", card.avoid);
  list("What was not seen, and may change this", "unseen-part", card.not_seen);
  if (card.proofs.length > 0) {
    const rows = card.proofs.flatMap((it) => [el("dt", {}, it.at), el("dd", {}, it.text)]);
    node.append(el("details", { open }, el("summary", {}, "What proves it"), el("dl", { class: "proof" }, ...rows)));
  }
  return node;
}

function verdicts() {
  const nodes = [];
  for (const [nth, host] of picture.hosts.entries()) {
    if (picture.hosts.length > 1 && host.verdicts.length > 0) nodes.push(el("h2", {}, host.name));
    nodes.push(...host.verdicts.map((card) => verdictCard(card, host.verdicts.length === 1)));
    if (host.nothing) nodes.push(el("article", { class: "verdict fine" }, el("p", {}, host.nothing)));
    // Each verdict says itself what may have been missed.
    const lost = host.verdicts.length > 0 ? [] : picture.lanes.filter((lane) => lane.about === "lost" && lane.host === nth);
    nodes.push(...lost.map((lane) => el("p", { class: "note" }, inWords(lane.tip))));
  }
  nodes.push(...picture.notes.map((note) => el("p", { class: "note" }, note)));
  return nodes;
}

/** Rows that a printed table has; the rest is counted. */
const PRINTED = 40;
/** Stalls whose tries a printed page has. */
const OPENED = 3;

function cell(column, text) {
  const counts = text === "–" ? undefined : { "#lost": "strong", "#after grace": "wasted", file: "path" }[column];
  const names = [column.startsWith("#") && "n", counts];
  return el("td", { class: names.filter(Boolean).join(" ") || undefined }, text);
}

function table(attributes, columns, rows) {
  const head = columns.map((name) => el("th", { scope: "col", class: name.startsWith("#") ? "n" : undefined }, columnName(name)));
  return el("table", attributes, el("thead", {}, el("tr", {}, ...head)), el("tbody", {}, ...rows));
}

const tableRow = (columns, texts) => el("tr", {}, ...texts.map((text, nth) => cell(columns[nth], text)));

/** A row that opens to show the tries of a stall. */
function opening(row, lane, nth) {
  const open = el("button", { type: "button", "aria-expanded": "false", "aria-label": `Tries of ${lane.name}` }, "▸");
  row.prepend(el("td", {}, open));
  if (nth >= PRINTED) row.className = "rest";
  const inner = el("tr", { class: "inner", hidden: true, "data-print": nth < OPENED });
  const fill = () => {
    if (inner.firstChild) return;
    const tries = lane.tips.filter(Array.isArray).map((texts) => tableRow(picture.tries, texts));
    inner.append(el("td", { colspan: 9 }, table({ class: "attempts" }, picture.tries, tries), lane.rest ? el("p", {}, lane.rest) : ""));
  };
  open.addEventListener("click", () => {
    fill();
    inner.hidden = !inner.hidden;
    open.textContent = inner.hidden ? "▸" : "▾";
    open.setAttribute("aria-expanded", String(!inner.hidden));
  });
  if (nth < OPENED) fill();
  return [row, inner];
}

function section({ id, title, note, columns, rows, opens }) {
  const node = el("section", {}, el("h2", {}, title), note ? el("p", {}, note) : undefined);
  if (rows.length === 0) return node;
  const plain = rows.map((texts) => tableRow(columns, texts));
  const opened = opens === undefined ? plain : plain.flatMap((row, nth) => opening(row, picture.lanes[opens + nth], nth));
  const made = table({ id }, columns, opened);
  if (opens !== undefined) made.tHead.rows[0].prepend(el("th", { scope: "col" }, "tries"));
  node.append(el("div", { class: "scroll" }, made));
  if (opens !== undefined && rows.length > PRINTED) node.append(el("p", { class: "only-print", hidden: true }, `… and ${rows.length - PRINTED} more`));
  return node;
}
