// Draws what is in view on the canvas. Colours are those of the style sheet.

const INKS = ["paper", "raised", "ink", "muted", "line", "grid", "sleep", "grace", "grace-ground", "grace-ink", "grace-end", "tail", "good", "failed"];
const colors = {};
const hatches = {};

/** Takes the colours from the style sheet anew. */
function readColors() {
  const probe = el("span");
  document.body.append(probe);
  for (const ink of INKS) {
    probe.style.color = `var(--${ink})`;
    colors[ink] = getComputedStyle(probe).color;
    delete hatches[ink];
  }
  probe.remove();
}

/** Stripes: for what was not seen, but computed or inferred. */
function hatch(pen, ink) {
  if (hatches[ink]) return hatches[ink];
  const tile = new OffscreenCanvas(12, 12);
  const draw = tile.getContext("2d");
  draw.fillStyle = colors.paper;
  draw.fillRect(0, 0, 12, 12);
  draw.strokeStyle = colors[ink];
  draw.globalAlpha = 0.8;
  draw.lineWidth = 3.6;
  draw.beginPath();
  for (const shift of [-12, 0, 12]) {
    draw.moveTo(shift, 12);
    draw.lineTo(shift + 12, 0);
  }
  draw.stroke();
  const pattern = pen.createPattern(tile, "repeat");
  pattern.setTransform(new DOMMatrix().scale(0.5));
  return (hatches[ink] = pattern);
}

/** Makes a canvas as fine as the screen; its context in CSS pixels. */
function prepare(canvas, width, height) {
  const ratio = devicePixelRatio || 1;
  const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== w || canvas.height !== h) {
    canvas.width = w;
    canvas.height = h;
  }
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  return pen;
}

const font = (size, weight = 400) => `${weight} ${size}px ${getComputedStyle(document.body).fontFamily}`;
const fonts = {};

/** Round moments in view, as far apart as their labels need. */
function ticks(view, most) {
  const least = (view.to - view.from) / Math.max(1, most);
  const power = 10 ** Math.floor(Math.log10(least));
  const step = [1, 2, 5, 10].map((digit) => digit * power).find((it) => it >= least * 0.999);
  const first = Math.ceil(view.from / step);
  const list = [];
  for (let nth = first; nth * step <= view.to && list.length <= most; nth++) list.push(nth * step);
  return { list, decimals: Math.max(0, Math.min(9, Math.ceil(-Math.log10(step) - 1e-9))) };
}

function drawAxis(pen, at, width) {
  pen.fillStyle = colors.paper;
  pen.fillRect(0, 0, width, 34);
  pen.font = fonts.small;
  pen.fillStyle = colors.muted;
  pen.textBaseline = "alphabetic";
  const { list, decimals } = at.ticks;
  pen.textAlign = "center";
  for (const tick of list) {
    const x = at.x(tick);
    if (x < at.left - 1 || x > at.right + 1) continue;
    pen.fillText(tick.toFixed(decimals), Math.max(at.left + 14, x), 16);
    pen.fillRect(Math.round(x), 24, 1, 10);
  }
  pen.fillStyle = colors.line;
  pen.fillRect(0, 33, width, 1);
  if (at.left > 100) {
    pen.textAlign = "left";
    pen.fillStyle = colors.muted;
    pen.fillText(picture.axis, 14, 16);
  }
}

/** Everything between two heights. */
function drawPlot(pen, at, rows, top, height) {
  pen.save();
  pen.translate(0, -top);
  pen.fillStyle = colors.grid;
  for (const tick of at.ticks.list) pen.fillRect(Math.round(at.x(tick)), top, 1, height);
  const seen = rows.filter((row) => row.y + row.h > top && row.y < top + height);
  pen.fillStyle = colors.line;
  for (const row of seen) if (row.kind === "stall") pen.fillRect(0, row.y, at.width, 0.5);
  pen.save();
  pen.beginPath();
  pen.rect(at.left, top, at.right - at.left, height);
  pen.clip();
  drawGround(pen, at, seen);
  const isWords = (mark) => mark.shape === "label" || mark.shape === "inside";
  for (const row of seen) for (const mark of marksOf(row)) if (!isWords(mark)) drawMark(pen, at, row, mark);
  pen.restore();
  // Words may reach into the column of numbers, which these lanes leave empty.
  for (const row of seen) for (const mark of marksOf(row)) if (isWords(mark)) drawMark(pen, at, row, mark);
  pen.restore();
}

const marksOf = (row) => (row.drawn ??= row.marks ? row.marks() : []);

/** Grace periods shine through all lanes, and their ends are lines; between two hosts as unsure as their clocks are. */
function drawGround(pen, at, rows) {
  const graces = picture.hosts.flatMap((host) => host.servers.flatMap((lane) => lane.restarts.map((restart) => ({ host, bar: restart.grace }))));
  const shown = graces.filter(({ bar }) => bar && at.shows(bar.span.from, bar.span.to));
  for (const row of rows) {
    for (const { bar } of shown) {
      const [x1, x2] = [at.x(bar.span.from), at.x(bar.span.to)];
      pen.fillStyle = colors["grace-ground"];
      pen.fillRect(x1, row.y, Math.max(1, x2 - x1), row.h);
    }
  }
  for (const row of rows) {
    for (const { host, bar } of shown) {
      const error = host === row.host ? 0 : host.error_s + row.host.error_s;
      if (error > 0) {
        pen.globalAlpha = 0.4;
        pen.fillStyle = hatch(pen, "grace-end");
        pen.fillRect(at.x(bar.span.to - error), row.y, at.x(bar.span.to + error) - at.x(bar.span.to - error), row.h);
        pen.globalAlpha = 1;
      }
      if (bar.state.is !== "on") {
        pen.fillStyle = colors["grace-end"];
        pen.fillRect(at.x(bar.span.to) - 0.6, row.y, 1.2, row.h);
      }
    }
  }
}

function drawMark(pen, at, row, mark) {
  if (!at.shows(mark.from, mark.to) && mark.shape !== "label" && mark.shape !== "inside") return;
  const y = row.middle;
  // Far outside the view a canvas loses its precision.
  const x1 = Math.max(-50, Math.min(at.width + 50, at.x(mark.from)));
  const x2 = Math.max(-50, Math.min(at.width + 50, at.x(mark.to)));
  const ink = colors[mark.ink];
  pen.fillStyle = ink;
  pen.strokeStyle = ink;
  pen.lineWidth = 1.2;
  switch (mark.shape) {
    case "bar":
      if (mark.hatched) pen.fillStyle = hatch(pen, mark.ink);
      pen.fillRect(x1, y - mark.half, Math.max(mark.least ?? 1, x2 - x1), mark.half * 2);
      break;
    case "tick":
      if (mark.apart !== undefined && at.x(mark.from + mark.apart) - x1 < 3) break;
      if (mark.dashed) for (let dy = -mark.half; dy < mark.half; dy += 4) pen.fillRect(x1 - 0.6, y + dy, 1.2, 2.5);
      else pen.fillRect(x1 - (mark.wide ?? 1.4) / 2, y - mark.half, mark.wide ?? 1.4, mark.half * 2);
      break;
    case "box":
      pen.setLineDash([3, 2]);
      pen.strokeRect(x1, y - mark.half, Math.max(2, x2 - x1), mark.half * 2);
      pen.setLineDash([]);
      break;
    case "bracket":
      if (x2 - x1 < 5) break;
      if (mark.dashed) pen.setLineDash([3, 2]);
      pen.beginPath();
      pen.moveTo(x1, y + 6);
      pen.lineTo(x1, y + 9);
      pen.lineTo(x2, y + 9);
      pen.lineTo(x2, y + 6);
      pen.stroke();
      pen.setLineDash([]);
      break;
    case "dot":
    case "hollow":
      pen.beginPath();
      pen.arc(x1, y, 4.5, 0, 7);
      pen.fillStyle = mark.shape === "dot" ? ink : colors.paper;
      pen.fill();
      pen.strokeStyle = mark.shape === "dot" ? colors.paper : ink;
      if (mark.shape === "hollow") pen.setLineDash([2, 2]);
      pen.stroke();
      pen.setLineDash([]);
      break;
    case "cross":
      pen.lineWidth = 2.4;
      pen.beginPath();
      for (const side of [-4.5, 4.5]) {
        pen.moveTo(x1 - side, y - 4.5);
        pen.lineTo(x1 + side, y + 4.5);
      }
      pen.stroke();
      break;
    case "arrow":
    case "diamond":
      pen.beginPath();
      for (const [dx, dy] of mark.shape === "arrow" ? [[0, -6], [8, 0], [0, 6]] : [[0, -6], [5, 0], [0, 6], [-5, 0]]) pen.lineTo(x1 + dx, y + dy);
      pen.fill();
      break;
    default:
      drawWords(pen, at, mark, x1, x2, y);
  }
}

function drawWords(pen, at, mark, x1, x2, y) {
  pen.textBaseline = "middle";
  pen.textAlign = "left";
  const limit = Math.min(at.width - 8, at.x(Math.min(mark.limit ?? Infinity, 1e15)));
  if (mark.shape === "label") {
    pen.font = fonts.body;
    const from = Math.max(at.left, x1) + 7;
    if (x1 > at.right || limit - from < 24) return;
    pen.save();
    pen.beginPath();
    pen.rect(from, y - 12, limit - from - 6, 24);
    pen.clip();
    pen.fillText(mark.text, from, y);
    pen.restore();
  } else if (mark.shape === "inside") {
    pen.font = fonts.strong;
    const [from, to] = [Math.max(at.left, x1), Math.min(at.right, x2)];
    const places = mark.texts.flatMap((text) => [[text, from, to - from, "grace-ink"], [text, Math.max(at.left, x2), limit - x2, "ink"]]);
    const fit = places.find(([text, , room]) => room > 14 && pen.measureText(text).width <= room - 14);
    if (!fit || x2 < at.left - 400) return;
    pen.fillStyle = colors[fit[3]];
    pen.fillText(fit[0], fit[1] + 8, y);
  } else {
    pen.font = fonts.small;
    pen.fillStyle = colors.ink;
    pen.textAlign = "center";
    const [from, to] = [Math.max(at.left, x1), Math.min(at.right, x2)];
    for (const [text, dy] of [[mark.above, -15], [mark.below, 17]]) {
      if (text && pen.measureText(text).width < to - from - 4) pen.fillText(text, (from + to) / 2, y + dy);
    }
  }
}
