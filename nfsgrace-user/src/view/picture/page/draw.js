// The pen: draws marks on a canvas. Colours are those of the style sheet, looks those of the marks' classes.

const colors = {};
const hatches = {};
const figures = {};
const fonts = {};

/** Takes the colours from the style sheet anew. */
function readColors() {
  const used = Object.values(picture.looks).flatMap(({ ink, inside }) => [ink, inside]);
  const probe = el("span");
  document.body.append(probe);
  for (const ink of new Set(["paper", "ink", "muted", "line", "grid", ...used])) {
    probe.style.color = `var(--${ink})`;
    colors[ink] = getComputedStyle(probe).color;
    delete hatches[ink];
  }
  probe.remove();
}

/** Stripes: for what was not wholly seen. */
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

function readFonts() {
  const family = getComputedStyle(document.body).fontFamily;
  Object.assign(fonts, { small: `400 11.5px ${family}`, body: `400 13px ${family}`, strong: `600 13px ${family}` });
}

/** How each shape is drawn around a height; `pen` has its colours already. */
const SHAPES = {
  band(pen, look, { x1, x2, top, bottom }) {
    const half = x1 === x2 ? 0.6 : 0;
    if (look.fill === "hatched") pen.globalAlpha = 0.4;
    pen.fillRect(x1 - half, top, x2 - x1 + 2 * half, bottom - top);
    pen.globalAlpha = 1;
  },
  bar(pen, look, { x1, x2, y }) {
    const box = [x1, y - look.size, Math.max(1, x2 - x1), 2 * look.size];
    if (look.fill === "dashed") pen.strokeRect(...box);
    else pen.fillRect(...box);
  },
  tick(pen, look, { x1, y }) {
    pen.beginPath();
    pen.moveTo(x1, y - look.size);
    pen.lineTo(x1, y + look.size);
    pen.stroke();
  },
  bracket(pen, look, { x1, x2, y }) {
    const low = y + look.size;
    pen.beginPath();
    pen.moveTo(x1, low - 3);
    pen.lineTo(x1, low);
    pen.lineTo(x2, low);
    pen.lineTo(x2, low - 3);
    pen.stroke();
  },
  sign(pen, look, { x1, y }) {
    const figure = (figures[look.path] ??= new Path2D(look.path));
    const inks = [colors[look.ink], colors.paper];
    [pen.fillStyle, pen.strokeStyle] = look.fill === "dashed" ? inks.reverse() : inks;
    pen.save();
    pen.translate(x1, y);
    pen.fill(figure);
    pen.stroke(figure);
    pen.restore();
  },
  text(pen, look, at, mark, scale) {
    pen.font = fonts[look.font];
    pen.textBaseline = "middle";
    if (look.size !== 0) sayCentred(pen, look, at, mark);
    else saySomewhere(pen, look, at, mark, scale);
  },
};

/** The first text that fits into the stretch, above or below its bar. */
function sayCentred(pen, look, { x1, x2, y }, mark) {
  const fits = mark.texts.find((text) => pen.measureText(text).width < x2 - x1 - 2);
  if (fits === undefined) return;
  pen.textAlign = "center";
  pen.fillText(fits, (x1 + x2) / 2, y + look.size);
}

/** The first text that there is room for in its stretch or behind it; or else as much of the last as fits. */
function saySomewhere(pen, look, { x1, x2, y }, mark, scale) {
  const limit = Math.min(scale.width - 8, mark.until === undefined ? Infinity : scale.x(mark.until));
  const rooms = [[x1, x2 - x1, look.inside], [x2, limit - x2, look.ink]];
  const places = mark.texts.flatMap((text) => rooms.map(([x, room, ink]) => ({ text, x, room: room - 14, ink })));
  const { text, x, room, ink } = places.find((it) => pen.measureText(it.text).width <= it.room) ?? places.at(-1);
  if (room < 10) return;
  pen.save();
  pen.beginPath();
  pen.rect(x, y - 12, room + 14, 24);
  pen.clip();
  pen.textAlign = "left";
  pen.fillStyle = colors[ink];
  pen.fillText(text, x + 8, y);
  pen.restore();
}

/** Draws a mark between two heights, in the look of its class or a smaller one. */
function drawMark(pen, look, mark, scale, top, bottom) {
  const reach = look.shape === "text" ? mark.until ?? Infinity : look.shape === "tick" ? mark.from : mark.to;
  // Of what reaches out of the view only a little is drawn, and words stay within.
  const out = look.shape === "text" ? 0 : 20;
  const [x1, x2] = [mark.from, mark.to].map((at) => Math.max(scale.left - out, Math.min(scale.right + out, scale.x(at))));
  if (reach < scale.from || mark.from > scale.to || x2 - x1 < look.least) return;
  pen.fillStyle = look.fill === "hatched" ? hatch(pen, look.ink) : colors[look.ink];
  pen.strokeStyle = colors[look.ink];
  pen.lineWidth = 1.3;
  if (look.fill === "dashed") pen.setLineDash([3, 2]);
  SHAPES[look.shape](pen, look, { x1, x2, y: (top + bottom) / 2, top, bottom }, mark, scale);
  if (look.fill === "dashed") pen.setLineDash([]);
}

/** Round moments in view, as far apart as their labels need. */
function ticks(from, to, most) {
  const least = (to - from) / Math.max(1, most);
  const power = 10 ** Math.floor(Math.log10(least));
  const step = [1, 2, 5, 10].map((digit) => digit * power).find((it) => it >= least * 0.999);
  const list = [];
  for (let nth = Math.ceil(from / step); nth * step <= to && list.length <= most; nth++) list.push(nth * step);
  return { list, decimals: Math.max(0, Math.min(9, Math.ceil(-Math.log10(step) - 1e-9))) };
}

function drawAxis(pen, scale) {
  pen.fillStyle = colors.paper;
  pen.fillRect(0, 0, scale.width, 34);
  pen.font = fonts.small;
  pen.fillStyle = colors.muted;
  pen.textBaseline = "alphabetic";
  const { list, decimals } = scale.ticks;
  pen.textAlign = "center";
  for (const tick of list) {
    const x = scale.x(tick);
    pen.fillText(tick.toFixed(decimals), Math.max(scale.left + 14, x), 16);
    pen.fillRect(Math.round(x), 24, 1, 10);
  }
  pen.fillStyle = colors.line;
  pen.fillRect(0, 33, scale.width, 1);
  if (scale.left > 100) {
    pen.textAlign = "left";
    pen.fillStyle = colors.muted;
    pen.fillText(picture.axis, 14, 16);
  }
}

/** The lanes between two heights. Words come last: they may reach into the column of numbers, which their lanes leave empty. */
function drawPlot(pen, scale, lanes, top, height) {
  pen.save();
  pen.translate(0, -top);
  pen.fillStyle = colors.grid;
  for (const tick of scale.ticks.list) pen.fillRect(Math.round(scale.x(tick)), top, 1, height);
  const seen = lanes.filter((lane) => lane.y + lane.h > top && lane.y < top + height);
  pen.fillStyle = colors.line;
  for (const lane of seen) if (lane.about === "stall") pen.fillRect(0, lane.y, scale.width, 0.5);
  pen.save();
  pen.beginPath();
  pen.rect(scale.left, top, scale.right - scale.left, height);
  pen.clip();
  drawGrounds(pen, scale, seen);
  for (const lane of seen) for (const mark of lane.shapes) drawMark(pen, mark.look, mark, scale, lane.top, lane.y + lane.h);
  pen.restore();
  for (const lane of seen) for (const mark of lane.words) drawMark(pen, mark.look, mark, scale, lane.top, lane.y + lane.h);
  pen.restore();
}

/** What lies behind the lanes of each host, in one piece. */
function drawGrounds(pen, scale, lanes) {
  picture.grounds.forEach((marks, host) => {
    const own = lanes.filter((lane) => lane.host === host);
    if (own.length === 0) return;
    const last = own.at(-1);
    for (const mark of marks) drawMark(pen, picture.looks[mark.is], mark, scale, own[0].y, last.y + last.h);
  });
}
