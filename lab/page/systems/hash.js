// Draws consistent hashing: the ring with what each store owns, and each key in the colour of the store that has it; beside it the same
// keys where the remainder of the hash decides. `plain.js` says what a drawing file has.

import { attribute, byName, count, el, keyed, svg, text } from "../dom.js";

export const speaker = "store says";

const SIZE = 330;
const [OWNERS, MOVES, KEYS] = [128, 151, 104];
/** Colours of stores, far apart also for those who see few of them; then they come again. */
const HUES = [210, 30, 150, 330, 55, 270, 180, 0];

function colour(name) {
  const number = Number(name.replace(/\D/g, "")) - 1;
  const turn = Math.floor(number / HUES.length);
  return `hsl(${HUES[((number % HUES.length) + HUES.length) % HUES.length]} 65% ${50 + 14 * (turn % 2)}%)`;
}

/** Where a part of the circle is, clockwise from the top. */
function place(part, radius) {
  const angle = 2 * Math.PI * part;
  return [SIZE / 2 + radius * Math.sin(angle), SIZE / 2 - radius * Math.cos(angle)].map((value) => value.toFixed(1));
}

function arc(after, until, radius) {
  const length = until > after ? until - after : until + 1 - after;
  // A whole circle has no beginning that an arc could be drawn from.
  const end = length > 0.9999 ? after + 0.9999 : after + length;
  return `M ${place(after, radius).join(" ")} A ${radius} ${radius} 0 ${length > 0.5 ? 1 : 0} 1 ${place(end, radius).join(" ")}`;
}

const members = (state) => Object.keys(state.ring ?? {}).sort(byName);
const keysOf = (state) => Object.entries(state.keys ?? {}).map(([key, shown]) => ({ key, ...shown }));
const held = (state, rule, name) => keysOf(state).filter((key) => key[rule] === name).length;

/** What there is, in a few words. */
export function summary(state) {
  return [count(members(state).length, "store"), count(keysOf(state).length, "key")].join(", ");
}

/** Fills the card of a node. */
export function drawNode(card, node, state) {
  text(card.querySelector(".facts"), node.facts ?? (node.role === "client" ? "puts keys where they belong" : ""));
  const marks = node.name in (state.ring ?? {}) ? [node] : [];
  keyed(card.querySelector(".held"), marks, ({ name }) => name, () => swatch(), (mark, { name }) => paint(mark, name));
}

function swatch() {
  return svg("svg", { width: 26, height: 12, "aria-hidden": "true" }, svg("rect", { width: 26, height: 12, rx: 3 }));
}

function paint(mark, name) {
  attribute(mark.firstChild, "fill", colour(name));
}

/** Makes the section. */
export function start(section) {
  const drawing = (id, label) => svg("svg", { id, role: "img", "aria-label": label, width: SIZE, height: SIZE, viewBox: `0 0 ${SIZE} ${SIZE}` },
    svg("g", { class: "owners", fill: "none", "stroke-width": 22 }), svg("g", { class: "moves", fill: "none", "stroke-width": 10 }),
    svg("g", { class: "keys" }), svg("text", { x: SIZE / 2, y: SIZE / 2, "text-anchor": "middle", fill: "currentColor" }));
  section.setAttribute("aria-labelledby", "hash-title");
  section.replaceChildren(
    el("div", { class: "bar" }, el("h2", { id: "hash-title", tabindex: "-1" }, "Who has which key"), el("span", { id: "hash-moved", class: "hint", role: "status" })),
    el("div", { class: "bar" },
      el("figure", {}, drawing("hash-ring", "The ring"), el("figcaption", { class: "hint" }, "On the ring: the band says who owns")),
      el("figure", {}, drawing("hash-modulo", "The remainder"), el("figcaption", { class: "hint" }, "By the remainder: nobody owns a range"))),
    el("table", {}, el("caption", { class: "hint" }, "A dot is a key, at the place of its hash, in the colour of the store that has it"),
      el("thead", {}, el("tr", {}, ...["store", "on the ring", "by the remainder"].map((name) => el("th", { scope: "col" }, name)))), el("tbody", { id: "hash-keys" })));
}

/** Draws the two circles. */
export function drawMain(section, state) {
  const spans = members(state).flatMap((name) => state.ring[name].map(([after, until]) => ({ name, after, until })));
  const moves = Array.isArray(state.plan) ? state.plan : [];
  const stroke = (path, name, d, words) => {
    attribute(path, "d", d);
    attribute(path, "stroke", colour(name));
    text(path.firstChild, words);
  };
  const path = () => svg("path", {}, svg("title"));
  keyed(section.querySelector("#hash-ring .owners"), spans, ({ name, until }) => `${name} ${until}`, path,
    (node, span) => stroke(node, span.name, arc(span.after, span.until, OWNERS), `${span.name}'s`));
  keyed(section.querySelector("#hash-ring .moves"), moves, ({ until }) => until, path,
    (node, move) => stroke(node, move.to, arc(move.after, move.until, MOVES), `from ${move.from} to ${move.to}`));
  for (const rule of ["ring", "modulo"]) {
    const circle = section.querySelector(`#hash-${rule}`);
    const keys = keysOf(state).filter((key) => key[rule]);
    keyed(circle.querySelector(".keys"), keys, ({ key }) => key, () => svg("circle", { r: 3.2 }, svg("title")), (dot, key) => {
      const [x, y] = place(key.at, KEYS);
      attribute(dot, "cx", x);
      attribute(dot, "cy", y);
      attribute(dot, "fill", colour(key[rule]));
      text(dot.firstChild, `${key.key}, at ${key[rule]}`);
    });
    text(circle.querySelector("text"), count(keys.length, "key"));
  }
  keyed(section.querySelector("#hash-keys"), members(state), (name) => name,
    () => el("tr", {}, el("th", { scope: "row" }, swatch(), el("span")), el("td"), el("td")), (row, name) => {
      paint(row.querySelector("svg"), name);
      text(row.querySelector("span"), ` ${name}`);
      text(row.children[1], String(held(state, "ring", name)));
      text(row.children[2], String(held(state, "modulo", name)));
    });
  const moved = state.moved && `The last one to join: ${state.moved.ring} keys moved on the ring, ${state.moved.modulo} by the remainder, of ${keysOf(state).length}`;
  text(section.querySelector("#hash-moved"), moves.length ? `${count(moves.length, "range")} of the ring to be handed over (the outer band)` : moved || "");
}
