// The timeline: what is in view, and how it is moved by pointer, wheel and keys.

const chart = byId("chart");
const lanes = byId("lanes");
const LEAST = 1e-3;

const padded = ({ from, to }) => {
  const room = Math.max((to - from) * 0.03, LEAST);
  return { from: from - room, to: to + room };
};
const whole = padded(picture.span);
const narrow = matchMedia("(max-width: 720px)");
let view = padded(picture.looks_at[0]?.span ?? picture.span);
let height = 0;
let nodes = [];
let focused = 0;
let pending = false;

/** From the axis to pixels. */
function scale() {
  const style = getComputedStyle(document.documentElement);
  const width = chart.clientWidth;
  const left = Math.max(10, parseFloat(style.getPropertyValue("--names")));
  const right = width - Math.max(14, parseFloat(style.getPropertyValue("--numbers")));
  const wide = (right - left) / (view.to - view.from);
  return {
    width, left, right,
    ...view,
    x: (at) => left + (at - view.from) * wide,
    at: (x) => view.from + (x - left) / wide,
    ticks: ticks(view.from, view.to, Math.max(2, Math.floor((right - left) / 90))),
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
  const shown = Math.max(60, Math.min(chart.clientHeight - 34, height));
  drawAxis(prepare(byId("axis"), at.width, 34), at);
  const plot = byId("plot");
  plot.style.height = `${shown}px`;
  const top = Math.max(0, Math.min(chart.scrollTop, height - shown));
  drawPlot(prepare(plot, at.width, shown), at, picture.lanes, top, shown);
  const length = view.to - view.from;
  const digits = length > 20 ? 1 : 3;
  byId("shown").textContent = `${view.from.toFixed(digits)} – ${view.to.toFixed(digits)} s (${length.toFixed(digits)} s)`;
}

/** Gives each lane its place. On a narrow screen names stand above the marks. */
function layOut() {
  height = 0;
  for (const lane of picture.lanes) {
    const above = narrow.matches && !isHead(lane) ? 18 : 0;
    Object.assign(lane, { y: height, top: height + above, h: lane.height + above });
    height += lane.h;
  }
}

const isHead = (lane) => lane.about === "host" || lane.about === "head";

/** Makes the rows: names left, seconds lost right. */
function build() {
  layOut();
  nodes.forEach((node) => node.remove());
  lanes.style.height = `${height}px`;
  nodes = picture.lanes.map(laneRow);
  lanes.append(...nodes);
  focused = Math.max(0, picture.lanes.findIndex((lane) => lane.tip));
  if (nodes[focused]) nodes[focused].tabIndex = 0;
}

function laneRow(lane, nth) {
  const name = el("div", { class: "name" }, el("b", {}, lane.name));
  if (lane.file) name.append(el("span", { class: "file" }, el("bdi", {}, lane.file)));
  if (lane.aside) name.append(el("span", { class: "aside" }, lane.aside));
  const node = el("div", { class: `row ${lane.about}`, role: "listitem", "data-nth": nth }, name);
  const [lost, tail, small] = lane.numbers;
  if (lost) node.append(el("div", { class: "numbers" }, el("span", {}, lost), el("span", { class: "tail" }, tail), small ? el("small", {}, small) : undefined));
  if (lane.tip) {
    node.tabIndex = -1;
    node.setAttribute("aria-label", `${lane.about === "stall" ? "Stalled task " : ""}${inWords(lane.tip)}`);
  }
  Object.assign(node.style, { top: `${lane.y}px`, height: `${lane.h}px` });
  return node;
}

function focusRow(nth) {
  if (!picture.lanes[nth]?.tip) return;
  nodes[focused].tabIndex = -1;
  focused = nth;
  nodes[nth].tabIndex = 0;
  nodes[nth].focus({ preventScroll: true });
  nodes[nth].scrollIntoView({ block: "nearest" });
}

/** The next row from here on that can be focused. */
function nextRow(from, step) {
  for (let nth = from + step; nth >= 0 && nth < nodes.length; nth += Math.sign(step)) if (picture.lanes[nth].tip) return nth;
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
function under(event) {
  const box = lanes.getBoundingClientRect();
  const [x, y] = [event.clientX - box.left, event.clientY - box.top];
  const lane = picture.lanes.find((it) => y >= it.y && y < it.y + it.h);
  const at = scale();
  if (!lane || x < at.left || x > at.right) return { lane };
  const hit = (mark) => mark.tip !== undefined && x >= at.x(mark.from) - 4 && x <= at.x(mark.to) + 4;
  return { lane, mark: lane.marks.findLast(hit) };
}

function tell(event) {
  const { lane, mark } = under(event);
  const tip = mark ? tipOf(lane, mark) : lane?.about === "stall" ? lane.tip : undefined;
  if (tip) showTip(tip, event.clientX, event.clientY);
  else hideTip();
}

const pointers = new Map();
let moved = false;

lanes.addEventListener("pointerdown", (event) => {
  if (event.button !== 0) return;
  pointers.set(event.pointerId, event.clientX);
  moved = false;
});
addEventListener("pointermove", (event) => {
  if (pointers.has(event.pointerId)) drag(event);
  else if (lanes.contains(event.target)) tell(event);
  else if (!lanes.contains(document.activeElement)) hideTip();
});

function drag(event) {
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
}

for (const name of ["pointerup", "pointercancel"]) {
  addEventListener(name, (event) => {
    if (!pointers.delete(event.pointerId)) return;
    lanes.classList.remove("drags");
    if (!moved && name === "pointerup") {
      const { lane } = under(event);
      if (lane) focusRow(picture.lanes.indexOf(lane));
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

/** Goes to the next thing in the lane, and tells it. */
function step(by) {
  const lane = picture.lanes[focused];
  const first = new Map(lane.marks.filter((mark) => mark.tip !== undefined).reverse().map((mark) => [mark.tip, mark]));
  const stops = [...first.values()].sort((a, b) => a.from - b.from);
  if (stops.length === 0) return;
  lane.step = Math.max(0, Math.min(stops.length - 1, (lane.step ?? (by > 0 ? -1 : stops.length)) + by));
  const mark = stops[lane.step];
  if (mark.from < view.from || mark.from > view.to) pan(mark.from - (view.from + view.to) / 2);
  const box = nodes[focused].getBoundingClientRect();
  const told = tipOf(lane, mark);
  showTip(told, box.left + scale().x(mark.from), box.top + lane.h / 2);
  byId("said").textContent = inWords(told);
}

/** Fills the width with a lane. */
function zoomTo(lane) {
  const marks = lane.marks.filter(({ look }) => look.shape !== "bracket");
  if (marks.length === 0) return;
  const { from, to } = padded({ from: Math.min(...marks.map((it) => it.from)), to: Math.max(...marks.map((it) => it.to)) });
  look(from, to);
}

lanes.addEventListener("focusin", (event) => {
  const lane = picture.lanes[event.target.dataset?.nth];
  if (!lane) return;
  const box = event.target.getBoundingClientRect();
  if (event.target.matches(":focus-visible")) showTip(lane.tip, box.left + Math.max(20, scale().left - 14), box.bottom - 16);
});
lanes.addEventListener("focusout", hideTip);

const KEYS = {
  ArrowLeft: (part) => pan(-part),
  ArrowRight: (part) => pan(part),
  ArrowUp: () => focusRow(nextRow(focused, -1)),
  ArrowDown: () => focusRow(nextRow(focused, 1)),
  PageUp: () => focusRow(nextRow(Math.max(1, focused - 9), -1)),
  PageDown: () => focusRow(nextRow(Math.min(nodes.length - 2, focused + 9), 1)),
  Home: () => focusRow(nextRow(-1, 1)),
  End: () => focusRow(nextRow(nodes.length, -1)),
  "+": () => zoom(0.7),
  "=": () => zoom(0.7),
  "-": () => zoom(1 / 0.7),
  _: () => zoom(1 / 0.7),
  0: () => look(whole.from, whole.to),
  Escape: hideTip,
  Enter: () => zoomTo(picture.lanes[focused]),
  ".": () => step(1),
  ",": () => step(-1),
};
lanes.addEventListener("keydown", (event) => {
  if (event.altKey || event.ctrlKey || event.metaKey || !KEYS[event.key]) return;
  event.preventDefault();
  KEYS[event.key]((view.to - view.from) * (event.shiftKey ? 0.5 : 0.1));
});
