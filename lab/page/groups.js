// Partition of the network: nodes are put into groups, by dragging or by a menu beside each; then nothing passes between groups.

import { post } from "./api.js";
import { $, byName, el } from "./dom.js";

const LETTERS = "ABCD";

let view;
let groupOf = new Map();
let groups = 2;

/** Makes the button work. `given` is what the page shows. */
export function start(given) {
  view = given;
  $("partition").addEventListener("click", () => (view.grouping ? close() : open()));
  $("groups").addEventListener("keydown", (event) => event.key === "Escape" && close());
}

function open() {
  view.grouping = true;
  groups = 2;
  groupOf = new Map(Object.keys(view.state.nodes ?? {}).map((name) => [name, 0]));
  $("partition").setAttribute("aria-expanded", "true");
  $("groups").hidden = false;
  draw();
  $("groups").querySelector("select")?.focus();
  view.changed();
}

/** Closes the panel. */
export function close() {
  if (!view.grouping) return;
  view.grouping = false;
  $("partition").setAttribute("aria-expanded", "false");
  $("groups").hidden = true;
  $("partition").focus();
  view.changed();
}

function draw(focus) {
  const zones = Array.from({ length: groups }, (_, index) => zone(index));
  const split = new Set(groupOf.values()).size > 1;
  const apply = el("button", { type: "button", id: "groups-apply", class: "primary", disabled: split ? null : "", click: send }, "Cut between the groups");
  const add = el("button", { type: "button", disabled: groups < LETTERS.length ? null : "", click: () => { groups += 1; draw(); } }, "One more group");
  $("groups").replaceChildren(
    el("p", {}, el("strong", {}, "Partition. "), "Drag nodes into groups (from here or from their cards), or choose with the menu beside each. Nothing will pass between groups."),
    el("div", { class: "zones" }, ...zones),
    el("div", { class: "row" }, apply, add, el("button", { type: "button", click: close }, "Close"),
      el("span", { class: "hint" }, split ? "" : "Put at least one node into another group.")));
  if (focus) $("groups").querySelector(`select[data-node="${CSS.escape(focus)}"]`)?.focus();
}

function zone(index) {
  const names = [...groupOf].filter(([, group]) => group === index).map(([name]) => name).sort(byName);
  const box = el("section", { class: "zone", "aria-label": `Group ${LETTERS[index]}` }, el("h3", {}, `Group ${LETTERS[index]}`),
    ...names.map((name) => chip(name, index)), ...(names.length ? [] : [el("p", { class: "hint" }, "drop nodes here")]));
  box.addEventListener("dragover", (event) => {
    if (!event.dataTransfer.types.includes("text/x-node")) return;
    event.preventDefault();
    box.classList.add("over");
  });
  box.addEventListener("dragleave", () => box.classList.remove("over"));
  box.addEventListener("drop", (event) => {
    const name = event.dataTransfer.getData("text/x-node");
    if (!groupOf.has(name)) return;
    event.preventDefault();
    event.stopPropagation();
    groupOf.set(name, index);
    draw();
  });
  return box;
}

function chip(name, index) {
  const menu = el("select", { "data-node": name, "aria-label": `Group of ${name}`, change: ({ target }) => {
    groupOf.set(name, Number(target.value));
    draw(name);
  } }, ...Array.from({ length: groups }, (_, other) => el("option", { value: other, selected: other === index ? "" : null }, LETTERS[other])));
  const box = el("span", { class: "member", draggable: "true" }, name, menu);
  box.addEventListener("dragstart", (event) => event.dataTransfer.setData("text/x-node", name));
  return box;
}

async function send() {
  const lists = Array.from({ length: groups }, (_, index) => [...groupOf].filter(([, group]) => group === index).map(([name]) => name));
  await post("partition", { groups: lists.filter((list) => list.length) });
  close();
}
