// Draws the register with siblings: what each replica holds, which writes it has seen, and what would be left if the last writer won.
// `plain.js` says what a drawing file has.

import { attribute, byName, count, el, keyed, text } from "../dom.js";

export const speaker = "replica says";

const replicas = (state) => Object.entries(state.nodes ?? {}).filter(([, node]) => node.holds).map(([name, node]) => ({ name, ...node.holds })).sort((a, b) => byName(a.name, b.name));
const values = (holds) => Object.entries(holds.values ?? {}).map(([dot, value]) => ({ dot, value })).sort((a, b) => byName(a.dot, b.dot));
const vector = (seen) => `{${Object.entries(seen ?? {}).sort(([a], [b]) => byName(a, b)).map(([replica, writes]) => `${replica}: ${writes}`).join(", ")}}`;

/** What there is, in a few words. */
export function summary(state) {
  const most = Math.max(0, ...replicas(state).map((holds) => values(holds).length));
  return [count(replicas(state).length, "replica"), most > 1 && count(most, "sibling")].filter(Boolean).join(", ");
}

/** Fills the card of a node. */
export function drawNode(card, node) {
  text(card.querySelector(".facts"), node.facts ?? (node.role === "client" ? "reads and writes" : ""));
  drawValues(card.querySelector(".held"), node.holds ?? {});
}

/** One value is good; of several somebody will have to choose. */
function drawValues(parent, holds) {
  const all = values(holds);
  keyed(parent, all, ({ dot }) => dot, () => el("span"), (chip, { dot, value }) => {
    attribute(chip, "class", `chip ${all.length > 1 ? "stale" : "good"}`);
    attribute(chip, "title", `write ${dot.replace(" ", "'s number ")}`);
    text(chip, value);
  });
}

/** What is wrong with a node besides. */
export function wrong(node) {
  const number = values(node.holds ?? {}).length;
  return number > 1 ? [`${number} siblings`] : [];
}

/** Makes the section. */
export function start(section) {
  section.setAttribute("aria-labelledby", "clocks-title");
  section.replaceChildren(
    el("div", { class: "bar" }, el("h2", { id: "clocks-title", tabindex: "-1" }, "The register")),
    el("table", {}, el("caption", { class: "hint" }, "A write replaces what its writer had read, and nothing else"),
      el("thead", {}, el("tr", {}, ...["replica", "writes seen", "values left", "if the last writer won"].map((name) => el("th", { scope: "col" }, name)))), el("tbody", { id: "clocks-replicas" })));
}

/** Draws what each replica holds. */
export function drawMain(section, state) {
  keyed(section.querySelector("#clocks-replicas"), replicas(state), ({ name }) => name,
    ({ name }) => el("tr", {}, el("th", { scope: "row" }, name), el("td"), el("td"), el("td")), (row, holds) => {
      text(row.children[1], vector(holds.seen));
      drawValues(row.children[2], holds);
      text(row.children[3], holds.last ? `${holds.last[2]} (time ${holds.last[0]}, ${holds.last[1]})` : "");
    });
}
