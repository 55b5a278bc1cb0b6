// The timeline: what is in view, and how it is moved by pointer, wheel and keys.

const chart = byId("chart");
const lanes = byId("lanes");
const LEAST = 1e-3;

const busy = picture.episodes.length > 0 ? { from: picture.episodes[0].span.from, to: Math.max(...picture.episodes.map((it) => it.span.to)) } : picture.span;
const padded = ({ from, to }, part = 0.03) => ({ from: from - Math.max((to - from) * part, LEAST), to: to + Math.max((to - from) * part, LEAST) });
const whole = padded(picture.span);
let view = padded(firstLook());
let layout;
let nodes = [];
let focused = 0;
let pending = false;

/** All that happened; or only the most costly stretch, where there are long pauses between several. */
function firstLook() {
  const costly = [...picture.episodes].sort((a, b) => b.lost_ns - a.lost_ns)[0];
  const together = picture.episodes.reduce((sum, it) => sum + it.span.to - it.span.from, 0);
  return costly && busy.to - busy.from > 3 * together ? costly.span : busy;
}

/** From the axis to pixels. */
function scale() {
  const style = getComputedStyle(document.documentElement);
  const width = chart.clientWidth;
  const left = Math.max(10, parseFloat(style.getPropertyValue("--names")));
  const right = width - Math.max(14, parseFloat(style.getPropertyValue("--numbers")));
  const wide = (right - left) / (view.to - view.from);
  return {
    width, left, right,
    x: (at) => left + (at - view.from) * wide,
    at: (x) => view.from + (x - left) / wide,
    shows: (from, to) => from <= view.to && to >= view.from,
    ticks: ticks(view, Math.max(2, Math.floor((right - left) / 90))),
  };
}

function look(from, to) {
  const most = whole.to - whole.from;
  const length = Math.min(most, Math.max(LEAST, to - from));
  const middle = (from + to) / 2;
  const start = Math.min(Math.max(middle - length / 2, whole.from), whole.to - length);
  view = { from: start, to: start + length };
  hideTip();
  redraw();
}

const pan = (seconds) => look(view.from + seconds, view.to + seconds);
const zoom = (factor, at = (view.from + view.to) / 2) => look(at - (at - view.from) * factor, at + (view.to - at) * factor);

function redraw() {
  if (pending) return;
  pending = true;
  requestAnimationFrame(() => {
    pending = false;
    paint();
  });
}

function paint() {
  const at = scale();
  const height = Math.max(60, Math.min(chart.clientHeight - 34, layout.height));
  drawAxis(prepare(byId("axis"), at.width, 34), at, at.width);
  const plot = byId("plot");
  plot.style.height = `${height}px`;
  const top = Math.max(0, Math.min(chart.scrollTop, layout.height - height));
  drawPlot(prepare(plot, at.width, height), at, layout.rows, top, height);
  const shown = view.to - view.from;
  const digits = shown > 20 ? 1 : 3;
  byId("shown").textContent = `${view.from.toFixed(digits)} – ${view.to.toFixed(digits)} s (${shown.toFixed(digits)} s)`;
}

/** Makes the rows: names left, seconds lost right. */
function build() {
  layout = layOut();
  nodes.forEach((node) => node.remove());
  lanes.style.height = `${layout.height}px`;
  nodes = layout.rows.map((row, nth) => {
    const name = el("div", { class: "name" }, el("b", {}, row.name));
    if (row.file) name.append(el("span", { class: "file" }, el("bdi", {}, row.file)));
    if (row.aside) name.append(el("span", { class: "aside" }, row.aside));
    const node = el("div", { class: `row ${row.kind}`, role: "listitem", "data-nth": nth }, name);
    if (row.numbers || row.small) {
      const [total, tail] = row.numbers ?? [];
      const small = row.small ? el("small", {}, row.small) : undefined;
      const spans = row.numbers ? [el("span", {}, total ?? ""), el("span", { class: "tail" }, tail ?? "")] : [];
      node.append(el("div", { class: "numbers" }, ...spans, small));
    }
    if (row.focus) {
      node.tabIndex = -1;
      const { title, rows } = row.tip();
      node.setAttribute("aria-label", [`${row.kind === "stall" ? "Stalled task " : ""}${title}`, ...rows.map(([what, said]) => `${what} ${said}`)].join(", "));
    }
    Object.assign(node.style, { top: `${row.y}px`, height: `${row.h}px` });
    return node;
  });
  lanes.append(...nodes);
  focused = Math.max(0, layout.rows.findIndex((row) => row.focus));
  if (nodes[focused]) nodes[focused].tabIndex = 0;
}

function focusRow(nth) {
  if (!layout.rows[nth]?.focus) return;
  nodes[focused].tabIndex = -1;
  focused = nth;
  nodes[nth].tabIndex = 0;
  nodes[nth].focus({ preventScroll: true });
  nodes[nth].scrollIntoView({ block: "nearest" });
}

/** The next row from here on that can be focused. */
function nextRow(from, step) {
  for (let nth = from + step; nth >= 0 && nth < layout.rows.length; nth += Math.sign(step)) if (layout.rows[nth].focus) return nth;
  return focused;
}

const tip = byId("tip");

function showTip({ title, rows }, x, y) {
  const body = el("tbody", {}, ...rows.map(([what, said]) => el("tr", {}, el("td", {}, what), el("td", {}, said))));
  tip.replaceChildren(el("b", {}, title), el("table", {}, body));
  tip.hidden = false;
  const { width, height } = tip.getBoundingClientRect();
  const left = Math.max(8, Math.min(x + 14, innerWidth - width - 8));
  const top = y + 18 + height > innerHeight ? y - height - 14 : y + 18;
  Object.assign(tip.style, { left: `${left}px`, top: `${Math.max(8, top)}px` });
}

const hideTip = () => { tip.hidden = true; };

/** What lies under the pointer: of several marks the one drawn last. */
function markAt(event) {
  const box = lanes.getBoundingClientRect();
  const [x, y] = [event.clientX - box.left, event.clientY - box.top];
  const row = layout.rows.find((it) => y >= it.y && y < it.y + it.h);
  const at = scale();
  if (!row || x < at.left || x > at.right) return { row };
  const hit = (mark) => mark.tip && x >= at.x(mark.from) - 4 && x <= at.x(mark.to) + 4;
  return { row, mark: marksOf(row).findLast(hit) };
}

const pointers = new Map();
let moved = false;

lanes.addEventListener("pointerdown", (event) => {
  if (event.button !== 0) return;
  pointers.set(event.pointerId, event.clientX);
  moved = false;
});
addEventListener("pointermove", (event) => {
  if (!pointers.has(event.pointerId)) {
    if (lanes.contains(event.target)) {
      const { row, mark } = markAt(event);
      const say = mark?.tip ?? (row?.kind === "stall" ? row.tip : undefined);
      if (say) showTip(say(), event.clientX, event.clientY);
      else hideTip();
    } else if (!lanes.contains(document.activeElement)) hideTip();
    return;
  }
  const at = scale();
  const before = [...pointers.values()].map(at.at);
  if (Math.abs(event.clientX - pointers.get(event.pointerId)) < 3 && !moved) return;
  moved = true;
  hideTip();
  lanes.classList.add("drags");
  pointers.set(event.pointerId, event.clientX);
  const after = [...pointers.values()].map(at.at);
  if (before.length === 1) return pan(before[0] - after[0]);
  // Two fingers: what lies below each stays below it.
  const factor = Math.abs(before[0] - before[1]) / Math.max(1e-9, Math.abs(after[0] - after[1]));
  const [was, is] = [(before[0] + before[1]) / 2, (after[0] + after[1]) / 2];
  look(was - (is - view.from) * factor, was + (view.to - is) * factor);
});
for (const name of ["pointerup", "pointercancel"]) {
  addEventListener(name, (event) => {
    if (!pointers.delete(event.pointerId)) return;
    lanes.classList.remove("drags");
    if (!moved && name === "pointerup") {
      const { row } = markAt(event);
      if (row?.focus) focusRow(layout.rows.indexOf(row));
    }
  });
}
lanes.addEventListener("pointerleave", hideTip);

function wheel(event, always) {
  const at = scale();
  const x = event.clientX - chart.getBoundingClientRect().left;
  const lines = event.deltaMode === 1 ? 16 : 1;
  if (event.ctrlKey || event.metaKey || always) zoom(Math.exp(event.deltaY * lines * 0.002), at.at(x));
  else if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) pan(((event.deltaX || event.deltaY) * lines * (view.to - view.from)) / (at.right - at.left));
  else return;
  event.preventDefault();
}
lanes.addEventListener("wheel", (event) => wheel(event, false), { passive: false });
byId("axis").addEventListener("wheel", (event) => wheel(event, true), { passive: false });
chart.addEventListener("scroll", () => { hideTip(); redraw(); }, { passive: true });

/** Goes to the next mark in the lane, and tells it. */
function step(by) {
  const row = layout.rows[focused];
  const stops = marksOf(row).filter((mark) => mark.tip && mark.shape !== "box").sort((a, b) => a.from - b.from);
  const once = stops.filter((mark, nth) => nth === 0 || mark.from !== stops[nth - 1].from);
  if (once.length === 0) return;
  row.step = Math.max(0, Math.min(once.length - 1, (row.step ?? (by > 0 ? -1 : once.length)) + by));
  const mark = once[row.step];
  if (mark.from < view.from || mark.from > view.to) pan(mark.from - (view.from + view.to) / 2);
  const box = nodes[focused].getBoundingClientRect();
  const said = mark.tip();
  showTip(said, box.left + scale().x(mark.from), box.top + row.h / 2);
  byId("said").textContent = [said.title, ...said.rows.map(([what, text]) => `${what} ${text}`)].join(", ");
}

lanes.addEventListener("focusin", (event) => {
  const row = layout.rows[event.target.dataset?.nth];
  if (!row) return;
  const box = event.target.getBoundingClientRect();
  if (event.target.matches(":focus-visible")) showTip(row.tip(), box.left + Math.max(20, scale().left - 14), box.bottom - 16);
});
lanes.addEventListener("focusout", hideTip);
lanes.addEventListener("keydown", (event) => {
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  const part = (view.to - view.from) * (event.shiftKey ? 0.5 : 0.1);
  const row = layout.rows[focused];
  const zoomTo = () => {
    const spans = row.stall ? [row.stall.began, row.stall.end.at] : marksOf(row).flatMap((mark) => [mark.from, mark.to]);
    if (spans.length > 0) ({ from: view.from, to: view.to } = padded({ from: Math.min(...spans), to: Math.max(...spans) }));
    look(view.from, view.to);
  };
  const keys = {
    ArrowLeft: () => pan(-part), ArrowRight: () => pan(part),
    ArrowUp: () => focusRow(nextRow(focused, -1)), ArrowDown: () => focusRow(nextRow(focused, 1)),
    PageUp: () => focusRow(nextRow(Math.max(1, focused - 9), -1)), PageDown: () => focusRow(nextRow(Math.min(layout.rows.length - 2, focused + 9), 1)),
    Home: () => focusRow(nextRow(-1, 1)), End: () => focusRow(nextRow(layout.rows.length, -1)),
    "+": () => zoom(0.7), "=": () => zoom(0.7), "-": () => zoom(1 / 0.7), _: () => zoom(1 / 0.7),
    0: () => look(whole.from, whole.to), Escape: hideTip, Enter: zoomTo, ".": () => step(1), ",": () => step(-1),
  };
  if (!keys[event.key]) return;
  event.preventDefault();
  keys[event.key]();
});
