// The tables below the timeline.

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
    inner.append(el("td", { colspan: 10 }, table({ class: "attempts" }, picture.tries, tries), lane.rest ? el("p", {}, lane.rest) : ""));
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
