// Puts the page together.

/** What the marks mean that are drawn, each beside a small one. */
function legend() {
  const scale = { left: 0, right: 28, width: 28, from: 0, to: 28, x: (x) => x };
  return Object.entries(picture.looks).filter(([, look]) => look.means).map(([name, look]) => {
    const canvas = el("canvas", { "aria-hidden": "true" });
    const moment = look.shape === "tick" || look.shape === "sign" || name === "GraceEnd";
    const [from, to] = moment ? [14, 14] : [1, 27];
    const top = look.shape === "bracket" ? -14 : 0;
    drawMark(prepare(canvas, 28, 16), { ...look, size: Math.min(6, look.size) }, { from, to }, scale, top, 16);
    return el("li", {}, canvas, look.means);
  });
}

/** Buttons that show the whole session, and each restart. */
function jumps() {
  const list = [["Whole session", picture.span], ...picture.starts];
  const go = (nth) => {
    const { from, to } = padded(list[nth][1]);
    look(from, to);
  };
  if (list.length <= 6) {
    return list.map(([name], nth) => {
      const button = el("button", { type: "button" }, name);
      button.addEventListener("click", () => go(nth));
      return button;
    });
  }
  const select = el("select", { "aria-label": "Jump to" }, ...list.map(([name], nth) => el("option", { value: nth }, name)));
  select.addEventListener("change", () => go(select.value));
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

readFonts();
document.documentElement.classList.add("scripted");
byId("timeline").hidden = false;
build();
byId("jumps").append(...jumps());
byId("in").addEventListener("click", () => zoom(0.6));
byId("out").addEventListener("click", () => zoom(1 / 0.6));
byId("tables").append(...picture.tables.map(section));
theme();
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((it) => { it.open = true; }));
narrow.addEventListener("change", () => { build(); redraw(); });
new ResizeObserver(redraw).observe(chart);
