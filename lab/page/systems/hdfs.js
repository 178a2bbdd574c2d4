// Draws mini-hdfs: which node holds which replicas, and files with their blocks.

import { address, call } from "../api.js";
import { attribute, bytes, count, el, keyed, text } from "../dom.js";

const $ = (id) => document.getElementById(id);
const BLOCKS_SHOWN_MAX = 200;
const SLOW_SECONDS = 30;

// Every state has a colour (by its name, in style.css), a sign and a word.
const HEALTH = {
  good: ["✓", "good"],
  writing: ["✎", "being written"],
  stale: ["?", "node not heard"],
  paused: ["‖", "node paused"],
  lost: ["×", "node down"],
  corrupt: ["!", "corrupt"],
  excess: ["−", "one too many"],
  leaving: ["→", "on a node that leaves the service"],
};

// ---- names: a letter for each file, a number for each of its blocks

const letters = new Map();
function letter(path) {
  if (!letters.has(path)) {
    const n = letters.size;
    letters.set(path, String.fromCharCode(65 + (n % 26)) + (n >= 26 ? Math.floor(n / 26) : ""));
  }
  return letters.get(path);
}
const label = (file, index) => `${letter(file.path)}${index + 1}`;

// ---- what a node holds

function replicasOf(name, state) {
  const held = [];
  for (const file of state.files) {
    file.blocks.forEach((block, index) => {
      const replica = block.replicas.find((replica) => replica.node === name);
      if (replica) held.push({ id: block.id, label: label(file, index), path: file.path, health: replica.health });
    });
  }
  return held;
}

/** Fills the card of a node. */
export function drawHeld(node, it, state) {
  if (!it.rack) {
    attribute(node, "data-role", it.name);
    const facts = it.name === "client" ? "reads and writes files for this page"
      : `${count(state.files.length, "file")}, ${count(state.files.reduce((sum, f) => sum + f.blocks.length, 0), "block")} · ${it.address ?? ""}`;
    text(node.querySelector(".facts"), facts);
    return;
  }
  const held = replicasOf(it.name, state);
  text(node.querySelector(".facts"), `${count(held.length, "replica")}${it.used && held.length ? ` · ${bytes(it.used)}` : ""}${it.pid ? ` · pid ${it.pid}` : ""}`);
  const list = node.querySelector(".held");
  keyed(list, held.slice(0, BLOCKS_SHOWN_MAX), (replica) => replica.id, () => el("span", { role: "img" }), (chip, replica) => {
    const [sign, words] = HEALTH[replica.health];
    attribute(chip, "class", `chip ${replica.health}`);
    attribute(chip, "aria-label", `${replica.label}: ${words}`);
    attribute(chip, "title", `${replica.path}, block ${replica.label} (${replica.id}): ${words}`);
    text(chip, replica.health === "good" ? replica.label : `${replica.label} ${sign}`);
  });
}

// ---- files

function makeFile(file) {
  const path = file.path;
  const check = async () => {
    const note = row.querySelector(".checked");
    text(note, "reading …");
    attribute(note, "data-state", "busy");
    try {
      const found = await call("POST", `hdfs/files/check?${new URLSearchParams({ path })}`);
      attribute(note, "data-state", found.same === false ? "bad" : "good");
      text(note, found.same === null ? `read: checksum ${found.checksum} (the lab did not write this file)`
        : found.same ? `✓ reads back the same: ${found.checksum}` : `× differs: ${found.checksum} instead of ${found.acknowledged}`);
    } catch (error) {
      attribute(note, "data-state", "bad");
      text(note, `× ${error.message}`);
    }
  };
  const remove = () => call("DELETE", `hdfs/files?${new URLSearchParams({ path })}`).catch(() => {});
  const row = el("details", { class: "file", open: "" },
    el("summary", {}, el("span", { class: "letter", "aria-hidden": "true" }, letter(path)), el("strong", {}, path),
      el("span", { class: "facts" }), el("span", { class: "badge open" })),
    el("div", { class: "deeds" },
      el("button", { type: "button", "aria-label": `Read back ${path} and compare`, click: check }, "Read back and compare"),
      el("a", { class: "button", href: address("hdfs/files", { path }), "aria-label": `Download ${path}` }, "Download"),
      el("button", { type: "button", "aria-label": `Delete ${path}`, click: remove }, "Delete"),
      el("span", { class: "checked", role: "status" })),
    el("ol", { class: "blocks" }));
  return row;
}

function updateFile(row, file) {
  const good = file.blocks.filter((block) => enough(block)).length;
  text(row.querySelector(".facts"),
    `${bytes(file.len)} · ${count(file.blocks.length, "block")} × ${file.replication} · ${good} of ${file.blocks.length} complete with every replica`);
  text(row.querySelector(".open"), file.open ? "being written" : "closed");
  attribute(row.querySelector(".open"), "data-open", file.open);
  const blocks = file.blocks.slice(0, BLOCKS_SHOWN_MAX).map((block, index) => ({ ...block, label: label(file, index) }));
  keyed(row.querySelector(".blocks"), blocks, (block) => block.id,
    (block) => el("li", { class: "block" }, el("span", { class: "name" }, block.label), el("span", { class: "id" }), el("span", { class: "replicas" })),
    updateBlock);
}

const goodOnes = (block) => block.replicas.filter((replica) => replica.health === "good").length;
const enough = (block) => block.state === "complete" && goodOnes(block) >= block.expected;

function updateBlock(row, block) {
  attribute(row, "data-enough", enough(block));
  attribute(row, "title", `${block.id}, generation ${block.generation}, ${bytes(block.len)}, ${block.state}`);
  text(row.querySelector(".id"), `${block.state === "complete" ? bytes(block.len) : block.state}${block.badly_distributed ? ", on too few racks" : ""}`);
  const missing = block.state === "complete" ? Math.max(0, block.expected - block.replicas.length) : 0;
  const slots = [...block.replicas, ...Array.from({ length: missing }, (_, n) => ({ node: `missing-${n}`, health: "missing" }))];
  keyed(row.querySelector(".replicas"), slots, (replica) => replica.node, () => el("span"), (pill, replica) => {
    attribute(pill, "class", `pill ${replica.health}`);
    const [sign, words] = HEALTH[replica.health] ?? ["", ""];
    text(pill, replica.health === "missing" ? "… to be copied" : `${sign} ${replica.node} ${words}`);
  });
}

/** Draws the files. */
export function draw(state) {
  state.files.forEach((file) => letter(file.path));
  keyed($("files"), state.files, (file) => file.path, makeFile, updateFile);
  $("no-files").hidden = state.files.length > 0;
  const namenode = state.nodes.find((node) => node.name === "namenode");
  text($("shell"), `export MINI_HDFS_NAMENODE=${namenode?.address ?? "…"}\n`
    + "alias mini-hdfs='cargo run -qrp mini-hdfs --'\n"
    + "mini-hdfs dfs -ls -R /\n"
    + "mini-hdfs dfsadmin -report\n"
    + "mini-hdfs fsck / -files -blocks -locations");
}

// ---- putting files

async function put(files) {
  for (const file of files) {
    const path = `/${file.name}`;
    await call("POST", `hdfs/files?${new URLSearchParams({ path })}`, file, "application/octet-stream");
  }
}

/** Makes the controls work. */
export function start() {
  for (const [name, [sign, words]] of Object.entries(HEALTH)) {
    $("legend").append(el("li", {}, el("span", { class: `chip ${name}`, "aria-hidden": "true" }, sign), ` ${words}`));
  }
  $("upload").addEventListener("change", async (event) => {
    await put([...event.target.files]).catch(() => {});
    event.target.value = "";
  });
  const sample = (seconds) => () => call("POST", `hdfs/files/sample?seconds=${seconds}`).catch(() => {});
  $("sample").addEventListener("click", sample(0));
  $("slow").addEventListener("click", sample(SLOW_SECONDS));
  const zone = $("files-section");
  for (const name of ["dragenter", "dragover"]) {
    zone.addEventListener(name, (event) => {
      event.preventDefault();
      zone.classList.add("over");
    });
  }
  zone.addEventListener("dragleave", () => zone.classList.remove("over"));
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    zone.classList.remove("over");
    put([...event.dataTransfer.files]).catch(() => {});
  });
  // A file dropped beside the zone must not replace the page.
  for (const name of ["dragover", "drop"]) window.addEventListener(name, (event) => event.preventDefault());
}
