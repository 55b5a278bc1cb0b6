// Puts the page together.

function legend() {
  const used = (test) => picture.hosts.some(test);
  const attempts = (test) => used((host) => host.stalls.some((stall) => stall.attempts.some(test)));
  const restarts = (test) => used((host) => host.servers.some((lane) => lane.restarts.some(test)));
  const bar = (ink, hatched) => ({ from: 0, to: 28, shape: "bar", ink, half: 5, hatched });
  const point = (shape, ink) => ({ from: 14, to: 14, shape, ink, half: 6 });
  const signs = [
    ["grace period", bar("grace"), restarts((it) => it.grace && !it.grace.guessed)],
    ["grace period, not watched", bar("grace", true), restarts((it) => it.grace?.guessed)],
    ["asleep", bar("sleep"), attempts((it) => it.woke !== undefined)],
    ["asleep after the grace period: wasted", bar("tail"), used((host) => host.stalls.some((it) => it.tail))],
    ["asleep, end of the sleep not seen", bar("sleep", true), attempts((it) => it.woke === undefined)],
    ["computed: sleep asked for, planned end", { from: 1, to: 27, shape: "bracket", ink: "muted", dashed: true }, attempts((it) => it.computed) || restarts((it) => it.grace?.planned)],
    ["refused", point("tick", "ink"), used((host) => host.stalls.length > 0) || restarts((it) => it.refusals.total > 0)],
    ["free, or done reclaiming", point("dot", "good"), used((host) => host.stall_totals.ended > 0) || restarts((it) => it.completed.length > 0)],
    ["failed", point("cross", "tail"), used((host) => host.stalls.some((it) => it.end.status < 0))],
    ["end not seen", point("hollow", "muted"), used((host) => host.stalls.some((it) => it.end.status === null))],
    ["still waiting", point("arrow", "sleep"), used((host) => host.stall_totals.live > 0)],
    ["write to v4_end_grace", point("diamond", "tail"), restarts((it) => it.writes.length > 0)],
    ["records lost", bar("ink", true), used((host) => host.losses.length > 0)],
  ];
  const at = { left: 0, right: 28, width: 28, x: (x) => x, shows: () => true };
  return signs.filter(([, , isUsed]) => isUsed).map(([text, mark]) => {
    const canvas = el("canvas", { "aria-hidden": "true" });
    const middle = mark.shape === "bracket" ? 0 : 8;
    drawMark(prepare(canvas, 28, 16), at, { middle }, mark);
    return el("li", {}, canvas, text);
  });
}

/** Buttons that show the whole session, and each restart. */
function jumps() {
  const to = (name, { from, to: end }) => ({ name, go: () => { const span = padded({ from, to: end }); look(span.from, span.to); } });
  const list = [to("Whole session", picture.span)];
  for (const host of picture.hosts) {
    for (const restart of host.servers.flatMap((lane) => lane.restarts)) {
      const caused = host.stalls.filter((stall) => stall.restart === restart.restart);
      const end = Math.max(restart.grace?.span.to ?? restart.began, ...restart.trackers.map((it) => it.span.to), ...caused.map((it) => it.end.at));
      const name = picture.hosts.length > 1 ? `${host.name}: restart ${restart.restart}` : `Restart ${restart.restart}`;
      list.push(to(name, { from: Math.min(restart.began, ...caused.map((it) => it.began)), to: end }));
    }
  }
  if (list.length <= 6) {
    return list.map(({ name, go }) => {
      const button = el("button", { type: "button" }, name);
      button.addEventListener("click", go);
      return button;
    });
  }
  const select = el("select", { "aria-label": "Jump to" }, ...list.map(({ name }, nth) => el("option", { value: nth }, name)));
  select.addEventListener("change", () => list[select.value].go());
  return [select];
}

function theme() {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const button = byId("theme");
  const isDark = () => (document.documentElement.dataset.theme ?? (dark.matches ? "dark" : "light")) === "dark";
  const dress = () => {
    button.textContent = isDark() ? "Light" : "Dark";
    readColors();
    byId("legend").replaceChildren(...legend());
    redraw();
  };
  button.addEventListener("click", () => {
    document.documentElement.dataset.theme = isDark() ? "light" : "dark";
    dress();
  });
  dark.addEventListener("change", dress);
  button.hidden = false;
  dress();
}

Object.assign(fonts, { small: font(11.5), body: font(13), strong: font(13, 600) });
document.documentElement.classList.add("scripted");
byId("facts").append(...facts().flatMap((fact, nth) => (nth > 0 ? [el("br"), fact] : [fact])));
byId("verdicts").replaceChildren(...verdicts());
byId("timeline").hidden = false;
build();
byId("jumps").append(...jumps());
byId("in").addEventListener("click", () => zoom(0.6));
byId("out").addEventListener("click", () => zoom(1 / 0.6));
byId("tables").append(...tables());
theme();
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((it) => { it.open = true; }));
narrow.addEventListener("change", () => { build(); redraw(); });
new ResizeObserver(redraw).observe(chart);
