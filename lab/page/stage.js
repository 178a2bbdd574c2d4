// The nodes by rack, each a card: what it is, what is wrong with it, what can be done to it.

import { $, attribute, byName, count, el, keyed, text } from "./dom.js";
import { openMenu, deedsFor, run } from "./faults.js";
import { linkWords } from "./vocabulary.js";

/** How the state of a process is called and signed. */
export const PROCESS = {
  up: ["running", "●"],
  paused: ["paused", "‖"],
  down: ["down", "✕"],
  changing: ["changing …", "◌"],
};

/** From so many nodes on racks, cards are smaller. */
const COMPACT_FROM = 9;
const TILES_FROM = 17;
/** What is done most often stands on the card itself; a deed that goes away hands the focus on to its undoing. */
const ON_CARD = { kill: "start", start: "kill", pause: "resume", resume: "pause" };

/** Nodes by where they stand: those without a rack are at the head, unless nobody has a rack. */
export function places(state) {
  const nodes = Object.entries(state.nodes ?? {}).map(([name, node]) => ({ name, ...node }));
  nodes.sort((a, b) => byName(a.name, b.name));
  const anyRack = nodes.some((node) => node.rack);
  const rackOf = (node) => (anyRack ? node.rack : isHead(node, nodes) ? null : "");
  const heads = nodes.filter((node) => rackOf(node) == null);
  const racks = [...new Set(nodes.map(rackOf).filter((rack) => rack != null))].sort(byName);
  return { nodes, heads, racks: racks.map((rack) => ({ rack, nodes: nodes.filter((node) => rackOf(node) === rack) })) };
}

/** Without racks, clients and the only one of a role stand at the head. */
function isHead(node, nodes) {
  if (node.role === "client" || node.name === "client") return true;
  return nodes.length > 3 && nodes.filter((other) => other.role === node.role).length === 1;
}

/** Draws all cards. If nothing but nodes has changed, `before` is what they were, and those that did not change stay as they are. */
export function drawNodes(view, before) {
  const stays = (name) => before && view.state.nodes[name] === before[name];
  const { heads, racks, nodes } = places(view.state);
  const standing = nodes.length - heads.length;
  attribute($("stage"), "data-density", standing >= TILES_FROM ? "tiles" : standing >= COMPACT_FROM ? "compact" : "full");
  $("no-nodes").hidden = nodes.length > 0;
  const draw = (parent, list) => keyed(parent, list, (node) => node.name, (node) => makeCard(node, view), (card, node) => stays(node.name) || updateCard(card, node, view));
  draw($("heads"), heads);
  keyed($("racks"), racks, ({ rack }) => rack,
    ({ rack }) => el("section", { class: "rack", "aria-label": rack ? `Rack ${rack}` : "Nodes" }, ...(rack ? [el("h3", {}, rack.replace(/^\//, ""))] : []), el("div", { class: "nodes" })),
    (section, { nodes }) => {
      // Racks are as wide as what they hold, so that cards stand in one row as long as they can.
      section.style.flexGrow = nodes.length;
      draw(section.lastElementChild, nodes);
    });
}

function makeCard({ name }, view) {
  const card = el("article", { class: "node" },
    el("div", { class: "top" }, el("h3", { class: "name" }, name), el("span", { class: "badge process" })),
    el("p", { class: "facts" }),
    el("div", { class: "held" }),
    el("p", { class: "wrong" }),
    el("div", { class: "deeds" }));
  card.addEventListener("dragstart", (event) => event.dataTransfer.setData("text/x-node", name));
  const more = el("button", { type: "button", class: "more", "aria-haspopup": "dialog", "aria-label": `More to do to ${name}`, title: "Disk, network and other faults",
    click: () => openMenu(more, { node: name }, view) }, "···");
  card.lastElementChild.append(more);
  return card;
}

function updateCard(card, node, view) {
  const { state, system } = view;
  // Live, the client of that name is the lab itself, and no process that could be down.
  const process = node.name === "client" && view.recording.live ? "none" : node.process ?? "none";
  attribute(card, "data-process", process);
  attribute(card, "data-role", node.role);
  attribute(card, "data-state", node.state);
  attribute(card, "draggable", view.grouping ? "true" : null);
  const [words, sign] = PROCESS[process] ?? ["", ""];
  text(card.querySelector(".process"), words ? `${sign} ${words}` : "");
  const wrong = [node.state && !["live", "up", "ok"].includes(node.state) && `${view.speaker ?? "others say"}: ${node.state}`, node.service,
    ...(system.wrong?.(node) ?? []), diskWords(state.disks?.[node.name]), ...nodeLinkWords(node.name, state)].filter(Boolean);
  keyed(card.querySelector(".wrong"), wrong, (words) => words, (words) => el("span", {}, words), () => {});
  if (system.drawNode) system.drawNode(card, node, state);
  else text(card.querySelector(".facts"), node.facts ?? node.role ?? "");
  attribute(card, "aria-label", [node.name, words, ...wrong].filter(Boolean).join(", "));
  updateDeeds(card, node, view);
}

function updateDeeds(card, node, view) {
  const deeds = card.querySelector(".deeds");
  deeds.hidden = !view.acts;
  if (!view.acts) return;
  const shown = deedsFor(node, view).filter((deed) => deed.id in ON_CARD && !deed.param);
  const focused = deeds.contains(document.activeElement) && document.activeElement.dataset.deed;
  const changing = node.process === "changing";
  const list = changing ? [...deeds.querySelectorAll("[data-deed]")].map(({ dataset, textContent }) => ({ id: dataset.deed, label: textContent })) : shown;
  const more = deeds.querySelector(".more");
  const holder = deeds.firstElementChild === more ? deeds.insertBefore(el("span", { class: "main-deeds" }), more) : deeds.firstElementChild;
  keyed(holder, list, (deed) => deed.id,
    (deed) => el("button", { type: "button", "data-deed": deed.id, "aria-label": `${deed.label} ${node.name}`, title: deed.title, click: () => run(deed, node.name) }, deed.label),
    (button) => attribute(button, "aria-disabled", changing || null));
  // Focus is not lost with the button that had it.
  if (focused && !deeds.contains(document.activeElement)) (holder.querySelector(`[data-deed="${ON_CARD[focused]}"]`) ?? more).focus();
}

function diskWords(disk) {
  if (!disk) return "";
  const words = Object.entries(disk).filter(([what, value]) => value !== false && (value !== 0 || what === "full"));
  return words.map(([what, value]) => DISK_WORDS[what]?.(value) ?? `disk: ${what.replaceAll("_", " ")} ${value === true ? "" : value}`.trim()).join(", ");
}
const DISK_WORDS = {
  full: () => "disk full",
  slow_ms: (ms) => `disk ${ms} ms slow`,
  failing: () => "disk fails",
};

/** For each node and way, who is at the other ends of links with the same fault: `in` and `out` → node → words → names. */
function linkFaults(links) {
  if (!faults.has(links)) {
    const found = { in: new Map(), out: new Map() };
    for (const [key, rule] of Object.entries(links)) {
      const words = linkWords(rule);
      const [from, to] = key.split(">");
      for (const [way, node, other] of words ? [["out", from, to], ["in", to, from]] : []) {
        if (!found[way].has(node)) found[way].set(node, new Map());
        const kinds = found[way].get(node);
        kinds.set(words, [...(kinds.get(words) ?? []), other]);
      }
    }
    faults.set(links, found);
  }
  return faults.get(links);
}
const faults = new WeakMap();

/**
 * What is wrong with the links of a node, in words: `cut in and out`, `300 ms late to dn3`. What follows from another
 * node's being cut off wholly is said there.
 */
function nodeLinkWords(name, state) {
  if (!state.links) return [];
  const all = linkFaults(state.links);
  const others = Object.keys(state.nodes ?? {}).length - 1;
  const found = new Map();
  for (const [way, back] of [["in", "out"], ["out", "in"]]) {
    for (const [kind, ends] of all[way].get(name) ?? []) {
      const whole = ends.length >= others;
      if (!whole && ends.every((end) => all[back].get(end).get(kind).length >= others)) continue;
      const to = whole ? "" : ends.length > 2 ? count(ends.length, "node") : ends.sort(byName).join(", ");
      const key = `${kind}|${to}`;
      found.set(key, [...(found.get(key) ?? []), way]);
    }
  }
  return [...found].map(([key, ways]) => {
    const [kind, to] = key.split("|");
    if (!to) return `${kind} ${ways.join(" and ")}`;
    return ways.length === 2 ? `${kind}: ${to}` : `${kind} ${ways[0] === "in" ? "from" : "to"} ${to}`;
  });
}
