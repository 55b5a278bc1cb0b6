// Hears what is drawn on the timeline, before the page's own script runs.
window.heard = [];
const canvas = CanvasRenderingContext2D.prototype;
let path = [];
const hear = (name, say) => {
  const plain = canvas[name];
  canvas[name] = function (...args) {
    if (this.canvas.id === "plot") say.call(this, args);
    return plain.apply(this, args);
  };
};
const at = (pen) => [pen.getTransform().e / devicePixelRatio, pen.getTransform().f / devicePixelRatio];
for (const name of ["fillRect", "strokeRect"]) {
  hear(name, function ([x, y, wide, high]) {
    window.heard.push(["box", x, x + wide, y + high / 2, high]);
  });
}
hear("beginPath", () => { path = []; });
for (const name of ["moveTo", "lineTo"]) hear(name, ([x, y]) => path.push([x, y]));
hear("stroke", function ([figure]) {
  const [dx, dy] = at(this);
  if (figure) window.heard.push(["sign", dx, dx, dy - this.top, 0]);
  else window.heard.push(["line", path[0][0], path.at(-1)[0], (path[0][1] + path.at(-1)[1]) / 2, 0]);
});
hear("fillText", ([text]) => window.heard.push(["text", text]));
hear("translate", function ([x, y]) { if (x === 0) this.top = -0 - y; });
