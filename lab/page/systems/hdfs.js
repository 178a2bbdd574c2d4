// Draws mini-hdfs: which node holds which replicas, and files with their blocks. `plain.js` says what a drawing file has.

import { address, call, post } from "../api.js";
import { $, attribute, byName, bytes, count, el, keyed, text } from "../dom.js";

const CHIPS_MAX = { full: 16, compact: 8, tiles: 0 };
const BLOCKS_SHOWN_MAX = 100;
const FILES_SHOWN_MAX = 40;
/** A directory with more files than this is shown as one line, and their replicas are counted. */
const FOLD_FROM = 20;
const FILES_OPEN_MAX = 8;
const SLOW_SECONDS = 30;

/** That a call was answered says little. */
export const quiet = ["ok", "answer", "connect"];
export const speaker = "NameNode says";

// Every state has a colour (by its name, in the style sheet), a sign and a word; from good to bad.
const HEALTH = {
  good: ["✓", "good"],
  writing: ["✎", "being written"],
  excess: ["−", "one too many"],
  leaving: ["→", "node leaves"],
  stale: ["?", "node not heard"],
  paused: ["‖", "node paused"],
  lost: ["✕", "node down"],
  corrupt: ["!", "corrupt"],
};
const healthOf = (health) => HEALTH[health] ?? ["·", health];

// ---- names: a letter for each file, a number for each of its blocks

const letters = new Map();
function letter(path) {
  if (!letters.has(path)) {
    const n = letters.size;
    letters.set(path, String.fromCharCode(65 + (n % 26)) + (n >= 26 ? Math.floor(n / 26) : ""));
  }
  return letters.get(path);
}

// ---- what there is, computed once for each state

let drawn = new WeakMap();
function model(state) {
  const { files = {} } = state;
  if (!drawn.has(files)) drawn.set(files, build(files));
  return drawn.get(files);
}

function build(files) {
  const held = new Map();
  const directories = Map.groupBy(Object.keys(files), directory);
  const isFolded = (path) => (directories.get(directory(path))?.length ?? 0) > FOLD_FROM;
  const list = Object.entries(files).map(([path, file]) => {
    const blocks = Object.entries(file.blocks ?? {}).map(([id, block]) => ({ id, ...block })).sort((a, b) => a.index - b.index);
    const folded = isFolded(path);
    blocks.forEach((block, n) => {
      block.label = folded ? "" : `${letter(path)}${n + 1}`;
      for (const [node, health] of Object.entries(block.replicas ?? {})) {
        if (!held.has(node)) held.set(node, []);
        held.get(node).push({ id: block.id, label: block.label, path, health });
      }
    });
    return { ...file, path, blocks, folded, good: blocks.filter(enough).length };
  });
  const folds = [...directories].filter(([, paths]) => paths.length > FOLD_FROM).map(([directory, paths]) => {
    const members = list.filter((file) => paths.includes(file.path));
    return { directory, members };
  });
  return { files: list, held, folds };
}

const directory = (path) => path.slice(0, path.lastIndexOf("/")) || "/";
const goodOnes = (block) => Object.values(block.replicas ?? {}).filter((health) => health === "good").length;
const enough = (block) => block.state === "complete" && goodOnes(block) >= block.expected;

/** What there is, in a few words. */
export function summary(state) {
  const nodes = Object.values(state.nodes ?? {});
  const racks = new Set(nodes.map((node) => node.rack).filter(Boolean)).size;
  const datanodes = nodes.filter((node) => node.rack || node.role === "datanode").length;
  return `${count(datanodes, "DataNode")}${racks ? ` on ${count(racks, "rack")}` : ""}`;
}

// ---- what a node holds

/** Fills the card of a node. */
export function drawNode(card, node, state) {
  const { files, held } = model(state);
  const facts = card.querySelector(".facts");
  if (!node.rack && node.role !== "datanode") {
    const blocks = files.reduce((sum, file) => sum + file.blocks.length, 0);
    const own = node.role === "namenode" || node.name === "namenode"
      ? [`${count(files.length, "file")}, ${count(blocks, "block")}`, state.safe_mode && "safe mode"] : ["reads and writes files"];
    text(facts, node.facts ?? own.filter(Boolean).join(" · "));
    return;
  }
  const replicas = held.get(node.name) ?? [];
  const used = node.used && replicas.length ? bytes(node.used) : "";
  text(facts, [count(replicas.length, "replica"), used].filter(Boolean).join(" · "));
  const named = replicas.filter((replica) => replica.label);
  const counted = [...Map.groupBy(replicas.filter((replica) => !replica.label), (replica) => replica.health)]
    .map(([health, list]) => ({ id: health, label: String(list.length), path: "files of a folded directory", health }));
  const most = CHIPS_MAX[$("stage").dataset.density] ?? CHIPS_MAX.full;
  // What is not good is seen first where there is not room for all.
  const shown = named.length <= most ? named : [...named].sort((a, b) => (a.health === "good") - (b.health === "good")).slice(0, most);
  const rest = named.length - shown.length;
  const items = [...shown, ...(rest > 0 && most > 0 ? [{ id: "rest", rest }] : []), ...(most > 0 ? counted : [])];
  keyed(card.querySelector(".held"), items, (replica) => replica.id, () => el("span"), drawChip);
}

function drawChip(chip, replica) {
  if (replica.rest) {
    attribute(chip, "class", "chip rest");
    return text(chip, `+${replica.rest}`);
  }
  const [sign, words] = healthOf(replica.health);
  attribute(chip, "class", `chip ${replica.health}`);
  attribute(chip, "role", "img");
  attribute(chip, "aria-label", `${replica.label}: ${words}`);
  attribute(chip, "title", `${replica.path}, ${replica.label} (${replica.id}): ${words}`);
  text(chip, replica.health === "good" && replica.id !== "good" ? replica.label : `${replica.label} ${sign}`);
}

/** What the NameNode says of a DataNode besides its state. */
export function wrong(node) {
  return [node.slow && "slow, says the NameNode", node.failed_volumes && count(node.failed_volumes, "failed volume")].filter(Boolean);
}

// ---- files

/** Draws the files. */
export function drawMain(section, state, view) {
  const { files, folds, held } = model(state);
  for (const control of section.querySelectorAll(".acts")) control.hidden = !view.acts;
  $("no-files").hidden = files.length > 0;
  text($("no-files"), view.acts ? "No files yet. Put one, then kill a node that holds a part of it." : "No files at this moment.");
  text($("files-answered"), state.answered === false && files.length ? "as the NameNode said last; it does not answer" : "");
  // Only what is there to be seen needs an explanation.
  const present = new Set([...held.values()].flat().map((replica) => replica.health));
  keyed($("legend"), Object.keys(HEALTH).filter((name) => present.has(name)), (name) => name,
    (name) => el("li", {}, el("span", { class: `chip ${name}`, "aria-hidden": "true" }, HEALTH[name][0]), ` ${HEALTH[name][1]}`), () => {});
  keyed($("folds"), folds, (fold) => fold.directory, makeFold, updateFold);
  const own = files.filter((file) => !file.folded).sort((a, b) => byName(a.path, b.path));
  keyed($("files"), own.slice(0, FILES_SHOWN_MAX), (file) => file.path, (file) => makeFile(file, own.length), (row, file) => updateFile(row, file, view.acts));
}

function makeFold({ directory }) {
  return el("details", { class: "file", toggle: () => redraw() }, el("summary", {}, el("strong", {}, `${directory.replace(/\/$/, "")}/…`), el("span", { class: "facts" })), el("ul", { class: "members" }));
}

function updateFold(row, { members }) {
  const blocks = members.flatMap((file) => file.blocks);
  const good = blocks.filter(enough).length;
  const written = members.filter((file) => file.open).length;
  text(row.querySelector(".facts"), [count(members.length, "file"), written && `${written} being written`,
    good === blocks.length ? `✓ all ${blocks.length} blocks with every replica` : `${good} of ${blocks.length} blocks with every replica`].filter(Boolean).join(" · "));
  attribute(row, "data-enough", String(good === blocks.length));
  if (row.open) keyed(row.querySelector(".members"), members, (file) => file.path, () => el("li"), (line, file) => text(line, `${file.path} · ${factsOf(file)}`));
}

const factsOf = (file) => `${bytes(file.len)} · ${count(file.blocks.length, "block")} × ${file.replication} · `
  + (file.good === file.blocks.length ? "✓ every replica is there" : `${file.good} of ${file.blocks.length} with every replica`);

function makeFile({ path }, number) {
  const check = async () => {
    const note = row.querySelector(".checked");
    const say = (verdict, words) => {
      attribute(note, "data-state", verdict);
      text(note, words);
    };
    say("busy", "reading …");
    try {
      const found = await call("POST", `hdfs/files/check?${new URLSearchParams({ path })}`);
      if (found.same === null) say("good", `read: checksum ${found.checksum} (the lab did not write this file)`);
      else if (found.same) say("good", `✓ reads back the same: ${found.checksum}`);
      else say("bad", `✕ differs: ${found.checksum} instead of ${found.acknowledged}`);
    } catch (error) {
      say("bad", `✕ ${error.message}`);
    }
  };
  const remove = () => call("DELETE", `hdfs/files?${new URLSearchParams({ path })}`).catch(() => {});
  const row = el("details", { class: "file", open: number <= FILES_OPEN_MAX ? "" : null },
    el("summary", {}, el("span", { class: "letter", "aria-hidden": "true" }, letter(path)), el("strong", {}, path),
      el("span", { class: "facts" }), el("span", { class: "badge open" })),
    el("div", { class: "deeds acts" },
      el("button", { type: "button", "aria-label": `Read back and compare ${path}`, click: check }, "Read back and compare"),
      el("a", { class: "button", href: address("hdfs/files", { path }), "aria-label": `Download ${path}` }, "Download"),
      el("button", { type: "button", "aria-label": `Delete ${path}`, click: remove }, "Delete"),
      el("span", { class: "checked", role: "status" })),
    el("ol", { class: "blocks" }));
  return row;
}

function updateFile(row, file, acts) {
  text(row.querySelector(".facts"), factsOf(file));
  text(row.querySelector(".open"), file.open ? "✎ being written" : "closed");
  attribute(row.querySelector(".open"), "data-open", String(file.open));
  row.querySelector(".deeds").hidden = !acts;
  keyed(row.querySelector(".blocks"), file.blocks.slice(0, BLOCKS_SHOWN_MAX), (block) => block.id,
    () => el("li", { class: "block" }, el("span", { class: "name" }), el("span", { class: "id" }), el("span", { class: "replicas" })), updateBlock);
}

function updateBlock(row, block) {
  attribute(row, "data-enough", String(enough(block)));
  attribute(row, "title", `${block.id}, generation ${block.generation}, ${bytes(block.len)}, ${block.state}`);
  text(row.querySelector(".name"), block.label);
  text(row.querySelector(".id"), `${block.state === "complete" ? bytes(block.len) : block.state}${block.badly_distributed ? ", on too few racks" : ""}`);
  const replicas = Object.entries(block.replicas ?? {}).map(([node, health]) => ({ node, health })).sort((a, b) => byName(a.node, b.node));
  const missing = block.state === "complete" ? Math.max(0, block.expected - replicas.length) : 0;
  const slots = [...replicas, ...Array.from({ length: missing }, (_, n) => ({ node: `missing-${n}`, health: "missing" }))];
  keyed(row.querySelector(".replicas"), slots, (replica) => replica.node, () => el("span"), (pill, replica) => {
    attribute(pill, "class", `pill ${replica.health}`);
    const [sign, words] = healthOf(replica.health);
    text(pill, replica.health === "missing" ? "… to be copied" : `${sign} ${replica.node}${replica.health === "good" ? "" : ` ${words}`}`);
  });
}

// ---- putting files

/** Stores files of the user's. */
export async function put(files) {
  for (const file of files) await call("POST", `hdfs/files?${new URLSearchParams({ path: `/${file.name}` })}`, file);
}

let redraw = () => {};

/** Makes the section. */
export function start(section, view) {
  letters.clear();
  drawn = new WeakMap();
  redraw = view.changed;
  const sample = (seconds) => () => post(`hdfs/files/sample?seconds=${seconds}`);
  const upload = el("input", { id: "upload", type: "file", multiple: "", class: "acts", change: async ({ target }) => {
    await put([...target.files]).catch(() => {});
    target.value = "";
  } });
  section.setAttribute("aria-labelledby", "files-title");
  section.replaceChildren(
    el("div", { class: "bar" }, el("h2", { id: "files-title", tabindex: "-1" }, "Files"),
      el("label", { class: "button acts", for: "upload" }, "Put a file …"), upload,
      el("button", { id: "sample", type: "button", class: "acts" }, "Put a sample"),
      el("button", { id: "slow", type: "button", class: "acts", title: `Takes ${SLOW_SECONDS} seconds, so that there is time to break something` }, "Write one slowly"),
      el("span", { id: "files-answered", class: "hint" }),
      el("ul", { id: "legend", class: "legend", "aria-label": "States of replicas" })),
    el("div", { id: "files" }), el("div", { id: "folds" }), el("p", { id: "no-files", class: "empty" }));
  $("sample").addEventListener("click", sample(0));
  $("slow").addEventListener("click", sample(SLOW_SECONDS));
}
