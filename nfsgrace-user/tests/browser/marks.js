// Draws the timeline once more, and compares what was drawn with the page's list of marks; returns what differs.
const done = arguments[0];
const { lanes, grounds, looks, looks_at } = JSON.parse(document.getElementById("picture").textContent);
const style = getComputedStyle(document.documentElement);
const [left, after] = ["--names", "--numbers"].map((name) => parseFloat(style.getPropertyValue(name)));
const right = document.getElementById("chart").clientWidth - after;
const { from, to } = looks_at[0].span;
const room = Math.max((to - from) * 0.03, 1e-3);
const x = (at) => left + ((at - from + room) / (to - from + 2 * room)) * (right - left);

/** What a mark must make the canvas draw. */
function expected(mark, top, bottom) {
  const { shape, size, least } = looks[mark.is];
  const [x1, x2, y] = [x(mark.from), x(mark.to), (top + bottom) / 2];
  if (shape === "text" || x1 > right + 20 || x2 < left - 20 || x2 - x1 < least) return [];
  if (shape === "band") return [mark.from === mark.to ? ["box", x1 - 0.6, x1 + 0.6, y, bottom - top] : ["box", x1, x2, y, bottom - top]];
  if (shape === "bar") return [["box", x1, Math.max(x1 + 1, x2), y, 2 * size]];
  if (shape === "tick") return [["line", x1, x1, y, 0]];
  if (shape === "bracket") return [["line", x1, x2, y + size - 3, 0]];
  return [["sign", x1, x1, y, 0]];
}

let y = 0;
const list = [];
grounds.forEach((ground, host) => {
  const top = y;
  for (const lane of lanes.filter((it) => it.host === host)) {
    list.push(...lane.marks.flatMap((mark) => expected(mark, y, y + lane.height)));
    y += lane.height;
  }
  list.push(...ground.flatMap((mark) => expected(mark, top, y)));
});
window.heard.length = 0;
document.getElementById("chart").dispatchEvent(new Event("scroll"));
requestAnimationFrame(() => requestAnimationFrame(() => {
  const texts = new Set(lanes.flatMap((lane) => lane.marks.flatMap((mark) => mark.texts ?? [])));
  const drawn = window.heard.filter(([what]) => what !== "text");
  const near = (a, b) => a[0] === b[0] && [1, 2, 3, 4].every((nth) => Math.abs(a[nth] - b[nth]) < 0.6 || (a[nth] < left - 15 && b[nth] < left - 15) || (a[nth] > right + 15 && b[nth] > right + 15));
  const missing = list.filter((mark) => {
    const nth = drawn.findIndex((it) => near(it, mark));
    if (nth >= 0) drawn.splice(nth, 1);
    return nth < 0;
  });
  // The grid and the lines between lanes belong to no mark.
  const grid = ([what, x1, x2, , high]) => what === "box" && (Math.abs(x2 - x1 - 1) < 1e-9 || high === 0.5);
  const said = window.heard.filter(([what, text]) => what === "text" && !texts.has(text));
  done({ marks: list.length, missing, more: drawn.filter((it) => !grid(it)), said });
}));
