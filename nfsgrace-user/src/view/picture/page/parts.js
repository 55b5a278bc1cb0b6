// What the page is made from. Text from the session reaches it through text nodes only.

const picture = JSON.parse(document.getElementById("picture").textContent);
for (const lane of picture.lanes) {
  for (const mark of lane.marks) mark.look = picture.looks[mark.is];
  lane.words = lane.marks.filter(({ look }) => look.shape === "text");
  lane.shapes = lane.marks.filter(({ look }) => look.shape !== "text");
}
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

/** What a mark tells: a try tells its row of the table of tries. */
function tipOf(lane, mark) {
  const tip = lane.tips[mark.tip];
  if (!Array.isArray(tip)) return tip;
  const rows = tip.map((text, nth) => [columnName(picture.tries[nth]), text]).slice(1);
  return { title: `Try ${tip[0]} of ${lane.name}`, rows: rows.filter(([, text]) => text !== "–") };
}

/** Names of columns of numbers begin with `#`. */
const columnName = (name) => name.replace(/^#(?=.)/, "");

const inWords = ({ title, rows }) => [title, ...rows.map(([what, said]) => `${what} ${said}`)].join(", ");
