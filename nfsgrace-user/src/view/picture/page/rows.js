// The lanes: which there are, how high, and the marks in each. A mark is a stretch of the axis with a shape and a tip.

const EXPLAINED = 6;
const narrow = matchMedia("(max-width: 720px)");

/** All rows of the picture, with the place of each. */
function layOut() {
  const rows = [];
  const several = picture.hosts.length > 1;
  for (const host of picture.hosts) {
    if (several) {
      const error = host.error_s > 0 ? `, clock ±${(host.error_s * 1e3).toFixed(1)} ms` : "";
      rows.push({ kind: "head", host, name: host.name + error, focus: true, tip: () => ({ title: host.name, rows: [["kernel", host.kernel || "not known"], ["clock", error || "the axis"]] }) });
    }
    for (const lane of host.servers) serverRows(rows, host, lane);
    for (const lost of host.losses) lostRow(rows, host, lost);
    if (host.stalls.length > 0) {
      const all = host.stall_totals.ended + host.stall_totals.live;
      const rest = all > host.stalls.length ? `, the ${host.stalls.length} longest are shown` : "";
      const tails = host.stalls.some((stall) => stall.tail);
      rows.push({ kind: "head", host, name: `Stalled tasks: ${all}${rest}`, numbers: ["lost", tails ? "after grace" : ""] });
    }
    const look = host.stalls.length <= EXPLAINED ? "explained" : "plain";
    for (const stall of host.stalls) stallRow(rows, host, stall, look);
  }
  let y = 0;
  for (const row of rows) {
    row.y = y;
    row.h = height(row);
    // On a narrow screen names stand above the bars.
    row.top = narrow.matches && row.kind !== "head" ? y + 20 : y;
    row.middle = (row.top + y + row.h) / 2;
    y += row.h;
  }
  return { rows, height: y };
}

function height(row) {
  const above = narrow.matches && row.kind !== "head" ? 18 : 0;
  return { head: 30, trackers: 30, grace: 36, lockd: 26, answers: 26, lost: 28, stall: row.look === "explained" ? 54 : 26 }[row.kind] + above;
}

function serverRows(rows, host, lane) {
  const { restarts } = lane;
  if (lane.netns !== null && (host.servers.length > 1 || !lane.initial)) {
    rows.push({ kind: "head", host, name: `nfsd in net:[${lane.netns}]` });
  }
  const starts = restarts.map((restart) => restart.began);
  const limit = (nth) => starts[nth + 1] ?? Infinity;
  // On a narrow screen, words beside the name.
  const short = (say) => (restarts.length === 1 ? say(restarts[0]) : "");
  const tips = (name, say) => () => ({ title: name, rows: restarts.slice(0, 12).map((it) => [`restart ${it.restart}`, say(it)]) });
  rows.push({ kind: "trackers", host, name: "Client trackers", focus: true, tip: tips("Client trackers", (it) => it.tracking), aside: short((it) => it.tracking), marks: () => restarts.flatMap((it, nth) => trackerMarks(it, limit(nth))) });
  const say = (it) => (it.grace ? `${it.grace.label}; ${it.grace.end_label}` : "not seen");
  rows.push({ kind: "grace", host, name: "Grace period", focus: true, tip: tips("Grace period", say), aside: short((it) => it.grace?.short), marks: () => restarts.flatMap((it, nth) => graceMarks(it, it.grace, limit(nth))) });
  if (restarts.some((it) => it.lockd)) {
    const locks = (it) => (it.lockd ? `${it.lockd.label}; ${it.lockd.end_label}` : "none seen");
    rows.push({ kind: "lockd", host, name: "lockd’s grace period", focus: true, tip: tips("lockd’s grace period, for locks of NFSv3", locks), marks: () => restarts.flatMap((it, nth) => graceMarks(it, it.lockd, limit(nth))) });
  }
  if (restarts.some((it) => it.refusals.total || it.writes.length || it.completed.length)) {
    const total = restarts.reduce((sum, it) => sum + it.refusals.total, 0);
    const answers = (it) => `${plural(it.refusals.total, "refusal")}, ${plural(it.completed.length, "RECLAIM_COMPLETE")}`;
    rows.push({ kind: "answers", host, name: "Refused, reclaimed", small: total ? plural(total, "refusal") : "", focus: true, tip: tips("Answers of the server", answers), marks: () => restarts.flatMap(answerMarks) });
  }
}

function trackerMarks(restart, limit) {
  const marks = [];
  for (const it of restart.trackers) {
    const tip = () => ({
      title: it.function,
      rows: [["began", `${moment(it.span.from)} s${it.began_seen ? "" : " (only its return was seen)"}`], ["came to", it.label]],
    });
    marks.push({ from: it.span.from, to: it.span.to, shape: "bar", ink: it.status === 0 ? "good" : "failed", half: 7, tip });
    const apart = (it.span.to - it.span.from) / (it.polls.length + 1);
    for (const poll of it.polls) {
      const said = `cld_running() = ${poll.running}${poll.inferred ? " (inferred from msleep)" : ""}`;
      marks.push({ from: poll.at, to: poll.at, shape: "tick", ink: "paper", half: 7, dashed: poll.inferred, apart, tip: () => ({ title: said, rows: [["at", `${moment(poll.at)} s`]] }) });
    }
  }
  const works = restart.trackers.some((it) => it.status === 0);
  const end = Math.max(restart.began, ...restart.trackers.map((it) => it.span.to));
  marks.push({ from: end, to: end, shape: "label", text: restart.tracking, ink: works ? "good" : "failed", limit });
  return marks;
}

function graceMarks(restart, bar, limit) {
  if (!bar) return [];
  const tip = () => {
    const rows = [["from", `${moment(bar.span.from)} s${bar.began_seen ? "" : " (its first sign)"}`], ["to", `${moment(bar.span.to)} s`], ["end", bar.end_label]];
    if (bar.grace_ns !== null) rows.push(["length", span(bar.grace_ns)]);
    if (bar.planned) rows.push(["planned", `${span(bar.planned.length_ns)}, until ${moment(bar.planned.span.from)} … ${moment(bar.planned.span.to)} s (computed)`]);
    rows.push(["refused", plural(restart.refusals.total, "operation")]);
    return { title: `Restart ${restart.restart}: grace period`, rows };
  };
  const marks = [{ from: bar.span.from, to: bar.span.to, shape: "bar", ink: "grace", half: 11, hatched: bar.guessed, tip }];
  if (bar.planned) marks.push({ from: bar.planned.span.from, to: bar.planned.span.to, shape: "box", ink: "grace-end", half: 14, tip });
  if (bar.state.is !== "on") marks.push({ from: bar.span.to, to: bar.span.to, shape: "tick", ink: "grace-end", half: 15, wide: 2, tip });
  const texts = [bar.label, bar.short, ""].map((text) => `#${restart.restart}  ${text}`.trim());
  marks.push({ from: bar.span.from, to: bar.span.to, shape: "inside", texts, ink: "grace-ink", limit });
  return marks;
}

function answerMarks(restart) {
  const { refusals } = restart;
  const marks = [];
  if (refusals.not_kept_span) {
    const tip = () => ({ title: `${refusals.not_kept} more refusals`, rows: [["kept in detail", "the first and the last ones"]] });
    marks.push({ from: refusals.not_kept_span.from, to: refusals.not_kept_span.to, shape: "bar", ink: "sleep", half: 3, hatched: true, tip });
  }
  for (const at of refusals.at) {
    marks.push({ from: at, to: at, shape: "tick", ink: "ink", half: 6, tip: () => ({ title: "Refused with NFS4ERR_GRACE (10013)", rows: [["at", `${moment(at)} s`]] }) });
  }
  const mark = (it, shape, ink) => ({ from: it.at, to: it.at, shape, ink, tip: () => ({ title: it.text, rows: [["at", `${moment(it.at)} s`]] }) });
  marks.push(...restart.completed.map((it) => mark(it, "dot", "good")));
  marks.push(...restart.writes.map((it) => mark(it, "diamond", it.ok ? "good" : "tail")));
  return marks;
}

function lostRow(rows, host, lost) {
  const tip = () => ({ title: `${lost.count} records lost`, rows: [["why", lost.cause], ["may hide", lost.hides || "not known"], ["noticed", `${moment(lost.span.from)} … ${moment(lost.span.to)} s`]] });
  const words = `${lost.cause}${lost.hides ? `; may hide ${lost.hides}` : ""}`;
  rows.push({
    kind: "lost", host, name: `${lost.count} records LOST`, focus: true, tip,
    marks: () => [
      { from: lost.span.from, to: lost.span.to, shape: "bar", ink: "ink", half: 6, hatched: true, least: 4, tip },
      { from: lost.span.to, to: lost.span.to, shape: "label", text: words, ink: "muted", limit: Infinity },
    ],
  });
}

function stallRow(rows, host, stall, look) {
  const numbers = [(stall.began_seen ? "" : "≥ ") + span(stall.total_ns), stall.tail_ns ? span(stall.tail_ns) : ""];
  const small = look === "explained" ? plural(stall.refused, "refusal") : "";
  rows.push({ kind: "stall", host, stall, look, name: who(stall), file: stall.path ?? "", numbers, small, focus: true, tip: () => stallTip(stall), marks: () => stallMarks(stall, look) });
}

function stallMarks(stall, look) {
  const { at: end, state, status } = stall.end;
  const wasted = stall.tail ? stall.tail.from : Infinity;
  const marks = [{ from: stall.began, to: end, shape: "bar", ink: "sleep", half: 0.75 }];
  for (const it of stall.attempts) {
    const tip = () => attemptTip(stall, it);
    const until = it.woke ?? it.next ?? end;
    const hatched = it.woke === undefined;
    if (it.at < wasted) marks.push({ from: it.at, to: Math.min(until, wasted), shape: "bar", ink: "sleep", half: 5, hatched, tip });
    if (until > wasted) marks.push({ from: Math.max(it.at, wasted), to: until, shape: "bar", ink: "tail", half: 5, hatched, tip });
    if (it.due !== undefined) marks.push({ from: it.at, to: it.due, shape: "bracket", ink: "muted", dashed: it.computed });
    marks.push({ from: it.at, to: it.at, shape: "tick", ink: "ink", half: 7, tip });
    if (look === "explained") {
      const slept = it.slept_ns !== undefined ? span(it.slept_ns) : it.gap_ns !== undefined ? `≤ ${span(it.gap_ns)}` : undefined;
      marks.push({ from: it.at, to: until, shape: "lengths", above: slept, below: it.asked_ns !== undefined ? `${(it.asked_ns / 1e9).toFixed(1)} s` : undefined });
    }
  }
  const shape = state !== "ended" ? "arrow" : status === null ? "hollow" : status < 0 ? "cross" : "dot";
  const ink = { arrow: "sleep", hollow: "muted", cross: "tail", dot: "good" }[shape];
  marks.push({ from: end, to: end, shape, ink, tip: () => ({ title: who(stall), rows: [["end", ending(stall)], ["lost", span(stall.total_ns)]] }) });
  return marks;
}
