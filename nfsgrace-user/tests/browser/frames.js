// Moves the timeline for 120 frames, and measures them.
const [move, done] = arguments;
const lanes = document.getElementById("lanes");
const box = lanes.getBoundingClientRect();
const frames = [];
let last;
window.busy.length = 0;

function push(way) {
  const at = { clientX: box.left + 700, clientY: box.top + 200, bubbles: true, cancelable: true };
  if (move === "pan") lanes.dispatchEvent(new WheelEvent("wheel", { ...at, deltaX: way * 9 }));
  else if (move === "zoom") lanes.dispatchEvent(new WheelEvent("wheel", { ...at, deltaY: way * -14, ctrlKey: true }));
  else document.getElementById("chart").scrollTop += way * 60;
}

function frame(now) {
  if (last !== undefined) frames.push(now - last);
  last = now;
  if (frames.length < 120) {
    push(frames.length < 60 ? 1 : -1);
    requestAnimationFrame(frame);
    return;
  }
  const part = (list, part) => [...list].sort((a, b) => a - b)[Math.floor(list.length * part)];
  const drawn = window.busy.filter((ms) => ms > 0.05);
  done({ median: part(frames, 0.5), p95: part(frames, 0.95), busy_median: part(drawn, 0.5), busy_p95: part(drawn, 0.95) });
}
requestAnimationFrame(frame);
