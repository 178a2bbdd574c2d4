// Faults by hand: the menu of a node or of a link. What can be done to a node is the system's to say (`/api/system`);
// links are the same everywhere.

import { post } from "./api.js";
import { $, byName, el } from "./dom.js";
import { linkWords } from "./vocabulary.js";

const DELAY_MS = { min: 50, max: 5000, value: 300, step: 50 };
const THROTTLE_KIB = { min: 8, max: 4096, value: 128, step: 8 };

/** The deeds that can be done to a node now. */
export function deedsFor(node, view) {
  // Who is at the head without a process of his own can only be cut off.
  if (node.role === "client" && !node.pid) return [];
  return (view.info?.deeds ?? []).filter((deed) => deed.on === "node"
    && (!deed.roles?.length || deed.roles.includes(node.role))
    && (!deed.when?.process || deed.when.process.includes(node.process)));
}

/** Does a deed; trouble is shown. */
export function run(deed, node, value) {
  return post(`deeds/${deed.id}`, { node, value });
}

/** Opens the menu at a button: of a node, or of a link `{ from, to }`. */
export function openMenu(anchor, subject, view) {
  const menu = $("menu");
  const { node } = subject;
  menu.setAttribute("aria-label", node ? `What can be done to ${node}` : `The link between ${subject.from} and ${subject.to}`);
  const close = () => {
    menu.hidePopover();
    anchor.focus?.();
  };
  menu.replaceChildren(
    el("div", { class: "bar" }, el("h3", {}, node ?? `${subject.from} and ${subject.to}`), el("span", { class: "hint" }, nodeWords(node, view)), el("button", { type: "button", class: "quiet", "aria-label": "Close", click: close }, "✕")),
    ...(node ? nodePart(node, view, close) : []),
    linkPart(subject, view, close));
  menu.showPopover();
  place(menu, anchor.getBoundingClientRect());
  menu.querySelector("button[data-deed], button[data-link]")?.focus();
}

function nodeWords(node, view) {
  const { pid, address } = view.state.nodes?.[node] ?? {};
  return [pid && `pid ${pid}`, address].filter(Boolean).join(" · ");
}

/** Puts a popover beside a box, inside of the window. */
export function place(popover, box) {
  const { offsetWidth: width, offsetHeight: height } = popover;
  const left = Math.max(8, Math.min(box.left, innerWidth - width - 8));
  const below = box.bottom + 6 + height <= innerHeight;
  popover.style.left = `${left}px`;
  popover.style.top = `${below ? box.bottom + 6 : Math.max(8, box.top - height - 6)}px`;
}

const GROUPS = { process: "Process", disk: "Disk", other: "Also" };

function nodePart(name, view, close) {
  const node = { name, ...view.state.nodes?.[name] };
  const deeds = deedsFor(node, view);
  const groups = Map.groupBy(deeds, (deed) => deed.group ?? "other");
  return [...groups].map(([group, deeds]) => el("fieldset", {},
    el("legend", {}, groups.size === 1 && group === "other" ? "Node" : GROUPS[group] ?? group), ...deeds.map((deed) => deedRow(deed, name, close))));
}

/** A button for a deed; with a number where it needs one. */
export function deedRow(deed, node, close = () => {}) {
  const about = node ? ` ${node}` : "";
  const number = deed.param && el("input", { type: "number", min: deed.param.min, max: deed.param.max, value: deed.param.value, step: "any",
    "aria-label": `${deed.param.label} (${deed.param.unit ?? ""})` });
  const act = () => {
    if (number && !number.reportValidity()) return;
    run(deed, node, number ? Number(number.value) : undefined);
    close();
  };
  const button = el("button", { type: "button", "data-deed": deed.id, "aria-label": `${deed.label}${about}`, click: act }, deed.label);
  return el("div", { class: "row" }, button, ...(number ? [number, deed.param.unit ?? ""] : []), el("span", { class: "hint" }, deed.title ?? ""));
}

function linkPart({ node, from, to }, view, close) {
  const names = Object.keys(view.state.nodes ?? {}).sort(byName);
  const peer = node && el("select", { "aria-label": "The other end", id: "menu-peer" }, el("option", { value: "*" }, "all others"),
    ...names.filter((name) => name !== node).map((name) => el("option", {}, name)));
  const ends = () => (node ? [node, peer.value] : [from, to]);
  const [first, second] = node ? [node, "the other end"] : [from, to];
  const way = el("select", { "aria-label": "Direction", id: "menu-way" }, el("option", { value: "both" }, "both ways"),
    el("option", { value: "out" }, `only ${first} → ${second}`), el("option", { value: "in" }, `only ${second} → ${first}`));
  const send = (rule) => {
    const [a, b] = way.value === "in" ? ends().reverse() : ends();
    const none = { cut: false, delay_ms: 0, bytes_per_second: 0 };
    post("links", { from: a, to: b, both_ways: way.value === "both", ...none, ...rule });
    close();
  };
  const number = (label, unit, limits) => el("input", { type: "number", "aria-label": `${label} (${unit})`, ...limits });
  const late = number("Delay", "ms", DELAY_MS);
  const most = number("Throttle", "KiB/s", THROTTLE_KIB);
  const button = (id, label, rule, ready = () => true) => el("button", { type: "button", "data-link": id, click: () => ready() && send(rule()) }, label);
  const now = node ? "" : [[from, to], [to, from]].map(([a, b]) => [`${a} → ${b}`, linkWords(view.state.links?.[`${a}>${b}`] ?? {})])
    .filter(([, words]) => words).map((pair) => pair.join(": ")).join("; ");
  return el("fieldset", {}, el("legend", {}, "Network"),
    el("p", { class: "row" }, ...(node ? ["Link with ", peer] : [now || "Nothing is wrong with it."]), " ", way),
    el("div", { class: "row" }, button("cut", "Cut", () => ({ cut: true })), el("span", { class: "hint" }, "nothing gets through; what is sent waits")),
    el("div", { class: "row" }, button("delay", "Delay", () => ({ delay_ms: Number(late.value) }), () => late.reportValidity()), late, "ms"),
    el("div", { class: "row" }, button("throttle", "Throttle", () => ({ bytes_per_second: Number(most.value) * 1024 }), () => most.reportValidity()), most, "KiB/s"),
    el("div", { class: "row" }, button("mend", "Mend", () => ({})), el("span", { class: "hint" }, "whole again")));
}

/** Deeds that concern the whole cluster get buttons of their own. */
export function clusterDeeds(view) {
  return (view.info?.deeds ?? []).filter((deed) => deed.on === "cluster");
}

/** Makes every menu close when focus leaves it by Tab, as by a click beside it. */
export function start() {
  $("undo").addEventListener("click", () => post("undo"));
  const menu = $("menu");
  menu.addEventListener("focusout", ({ relatedTarget }) => {
    if (relatedTarget && !menu.contains(relatedTarget) && menu.matches(":popover-open")) menu.hidePopover();
  });
}

/** Whether there is a fault that "Undo all" would undo. */
export function isAnything({ links = {}, disks = {}, nodes = {} }) {
  return Object.values(links).some(linkWords) || Object.values(disks).some((disk) => Object.values(disk).some(Boolean))
    || Object.values(nodes).some(({ process }) => process === "down" || process === "paused");
}
