// Words and numbers. Text from the session reaches the page through text nodes only.

const picture = JSON.parse(document.getElementById("picture").textContent);
const byId = (id) => document.getElementById(id);

/** An element with attributes and children; strings become text. */
function el(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value !== undefined && value !== null && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== undefined && child !== null));
  return node;
}

/** A length as the text report prints it. */
function span(ns) {
  const micros = Math.floor(ns / 1e3);
  if (micros < 1e3) return `${micros} µs`;
  if (micros < 1e4) return `${(ns / 1e6).toFixed(1)} ms`;
  if (micros < 1e6) return `${Math.floor(micros / 1e3)} ms`;
  return `${(ns / 1e9).toFixed(3)} s`;
}

const orDash = (value, show) => (value === undefined || value === null ? "–" : show(value));
const cost = (ns) => (ns === 0 ? "–" : span(ns));
/** A moment on the axis, cut to milliseconds as in the text report. */
const moment = (at) => (Math.floor(at * 1e3 + 1e-4) / 1e3).toFixed(3);
const plural = (count, noun) => `${count} ${noun}${count === 1 ? "" : "s"}`;

/** A line of advice: what stands in back quotes is a command. */
function advice(tag, text) {
  const parts = text.split("`");
  return el(tag, {}, ...parts.map((part, nth) => (nth % 2 ? el("code", {}, part) : part)));
}

const REFUSALS = { grace: "NFS4ERR_GRACE (10013)", delay: "NFS4ERR_DELAY (10008)" };
const EXCESS = { timer_wheel: "timer wheel", late: "LATE", interrupted: "interrupted", short: "SHORTER" };

const asked = (attempt) => orDash(attempt.asked_ns, (ns) => cost(ns) + (attempt.computed ? " *" : ""));

/** What a tip says about a try. */
function attemptTip(stall, attempt) {
  const rows = [
    ["refused with", REFUSALS[attempt.refusal]],
    ["at", `${moment(attempt.at)} s`],
    ["asked to sleep", orDash(attempt.asked_ns, (ns) => span(ns) + (attempt.computed ? " (computed)" : ""))],
  ];
  if (attempt.slept_ns !== undefined) rows.push(["slept", span(attempt.slept_ns)]);
  else if (attempt.gap_ns !== undefined) rows.push(["slept", `at most ${span(attempt.gap_ns)} (its end was not seen)`]);
  else rows.push(["slept", "sleeps at the end of the session"]);
  if (attempt.excess) rows.push(["longer because of", EXCESS[attempt.excess] ?? attempt.excess]);
  if (attempt.gap_ns !== undefined) rows.push(["next answer after", span(attempt.gap_ns)]);
  return { title: `Try ${attempt.attempt} of ${who(stall)}`, rows };
}

const who = (stall) => `${stall.comm} ${stall.tid}`;

function stallTip(stall) {
  const rows = [["file", stall.path ?? "not known"], ["began", `${moment(stall.began)} s`]];
  if (stall.op) rows.push(["in", stall.op]);
  if (stall.server) rows.push(["server", stall.server]);
  if (stall.restart !== null) rows.push(["because of", `restart ${stall.restart}`]);
  rows.push(["lost", (stall.began_seen ? "" : "at least ") + span(stall.total_ns)]);
  if (stall.tail_ns) rows.push(["after the grace period", span(stall.tail_ns)]);
  rows.push(["refusals", String(stall.refused)], ["end", ending(stall)]);
  return { title: `${who(stall)} (pid ${stall.pid})`, rows };
}

function ending(stall) {
  const { state, text, at } = stall.end;
  if (state === "ended") return `${text}, at ${moment(at)} s`;
  return state === "asleep" ? "asleep at the end of the session" : "trying at the end of the session";
}
