// The page's frame: the stream from the lab, nodes and their buttons, lamps, the journal. What a system's
// nodes hold is drawn by a file of its own under systems/.

import { address, call } from "./api.js";
import { attribute, count, el, keyed, text } from "./dom.js";
import { take } from "./records.js";
import * as hdfs from "./systems/hdfs.js";

const $ = (id) => document.getElementById(id);
const EVENTS_SHOWN_MAX = 400;

// ---- the stream

function listen() {
  const stream = new EventSource(address("stream"));
  stream.onopen = () => connection("live", "live");
  stream.onerror = () => {
    const refused = stream.readyState === EventSource.CLOSED;
    connection("off", refused ? "refused: open the address that the lab printed" : "the lab is gone; waiting for it");
  };
  stream.addEventListener("records", (message) => {
    const { events, state, fresh } = take(JSON.parse(message.data));
    if (fresh) $("log").replaceChildren();
    if (state) draw(state);
    enter(events);
  });
}

function connection(state, words) {
  text($("connection"), words);
  attribute($("connection"), "data-state", state);
}

// ---- lamps

function drawLamps(lamps) {
  keyed($("lamps"), lamps, (lamp) => lamp.id,
    () => el("div", { class: "lamp" }, el("span", { class: "light", "aria-hidden": "true" }),
      el("p", {}, el("strong"), el("span", { class: "verdict" }), el("small"))),
    (node, lamp) => {
      const state = lamp.holds === null ? "unknown" : lamp.holds ? "holds" : "broken";
      attribute(node, "data-state", state);
      text(node.querySelector("strong"), lamp.sentence);
      text(node.querySelector(".verdict"), { holds: "yes", broken: "no", unknown: "not known" }[state]);
      text(node.querySelector("small"), lamp.reason);
    });
}

// ---- nodes

const PROCESS_WORDS = { up: "running", paused: "paused", down: "down", changing: "changing …" };

function deed(name, what) {
  return () => call("POST", `deeds/${what}`, JSON.stringify({ node: name })).catch(() => {});
}

function makeNode(node) {
  const name = node.name;
  const button = (what, label, title) =>
    el("button", { type: "button", hidden: "", "data-deed": what, "aria-label": `${label} ${name}`, title, click: deed(name, what) }, label);
  return el("article", { class: "node", "aria-label": name },
    el("div", { class: "top" }, el("h4", {}, name), el("span", { class: "badge process" }), el("span", { class: "badge state" })),
    el("p", { class: "facts" }),
    el("div", { class: "held" }),
    el("p", { class: "broken-links" }),
    el("div", { class: "deeds" },
      button("kill", "Kill", "End the process at once, as a crash would"),
      button("pause", "Pause", "Stop the process in mid-step, as a long garbage collection would"),
      button("resume", "Resume", "Let the process go on"),
      button("start", "Start", "Start the process again, on the files that it had"),
      network(name)));
}

/** What can be done to the links of a node: in, out, or both. */
function network(name) {
  const both = { from: name, to: "*", both_ways: true };
  const menu = el("details", { class: "network" }, el("summary", { "aria-label": `Network of ${name}` }, "Network"));
  const order = (label, rule, title) => el("button", {
    type: "button", title, "aria-label": `${label}: ${name}`,
    click: () => {
      menu.open = false;
      menu.querySelector("summary").focus();
      call("POST", "links", JSON.stringify(rule)).catch(() => {});
    },
  }, label);
  menu.append(el("div", {},
    order("Cut off", { ...both, cut: true }, "Nothing gets in or out"),
    order("Cut in", { from: "*", to: name, cut: true }, "Nothing gets in; what it sends arrives"),
    order("Cut out", { from: name, to: "*", cut: true }, "Nothing gets out; what is sent to it arrives"),
    order("Delay", { ...both, delay_ms: 300 }, "Everything takes 300 ms longer, each way"),
    order("Throttle", { ...both, bytes_per_second: 128 << 10 }, "128 KiB/s each way"),
    order("Mend", both, "Nothing is wrong any more")));
  return menu;
}

function updateNode(node, it, state) {
  attribute(node, "data-process", it.process);
  attribute(node, "data-state", it.state);
  text(node.querySelector(".process"), PROCESS_WORDS[it.process]);
  text(node.querySelector(".state"), it.state && it.state !== "live" ? `NameNode says: ${it.state}` : "");
  text(node.querySelector(".broken-links"), linkWords(it.name, state));
  const shown = { kill: it.process === "up" || it.process === "paused", pause: it.process === "up",
    resume: it.process === "paused", start: it.process === "down" };
  const changing = it.process === "changing";
  for (const button of node.querySelectorAll(".deeds > button")) {
    attribute(button, "aria-disabled", changing);
    if (changing) continue;
    if (!shown[button.dataset.deed] && button === document.activeElement) {
      // A button that goes away hands its focus on to the one that undoes it.
      const undo = { kill: "start", start: "kill", pause: "resume", resume: "pause" }[button.dataset.deed];
      const next = node.querySelector(`[data-deed="${undo}"]`);
      next.hidden = false;
      next.focus();
    }
    button.hidden = !shown[button.dataset.deed];
  }
}

/** What is wrong with the links of a node, in words. */
function linkWords(name, state) {
  const others = state.nodes.length; // All nodes and the client, less this one.
  const faults = [["cut", "nothing gets"], ["delay_ms", "slow"], ["bytes_per_second", "throttled"]];
  const words = [];
  for (const [mine, theirs, way] of [["to", "from", "in"], ["from", "to", "out"]]) {
    for (const [fault, what] of faults) {
      const ends = state.links.filter((link) => link[fault] && link[mine] === name).map((link) => link[theirs]);
      const whole = (end) => state.links.filter((link) => link[fault] && link[theirs] === end).length >= others;
      if (ends.length >= others) {
        words.push(`${what} ${way}`);
      } else if (ends.some((end) => !whole(end))) {
        // What follows from another node's being cut off wholly is said at that node.
        words.push(`${what} ${way} ${theirs} ${ends.join(", ")}`);
      }
    }
  }
  return words.join("; ");
}

function drawNodes(state) {
  const draw = (parent, nodes) => keyed(parent, nodes, (node) => node.name, makeNode, (node, it) => {
    updateNode(node, it, state);
    hdfs.drawHeld(node, it, state);
  });
  const client = { name: "client", process: "none", rack: null, state: null };
  draw($("heads"), [...state.nodes.filter((node) => !node.rack), client]);
  const racks = [...new Set(state.nodes.map((node) => node.rack).filter(Boolean))].sort();
  keyed($("racks"), racks, (rack) => rack,
    (rack) => el("section", { class: "rack", "aria-label": `Rack ${rack}` }, el("h3", {}, `rack ${rack}`), el("div", { class: "nodes" })),
    (section, rack) => draw(section.querySelector(".nodes"), state.nodes.filter((node) => node.rack === rack)));
  $("heal").hidden = state.links.length === 0;
}

// ---- the journal

const KIND_WORDS = { story: "scene", action: "done", change: "then", good: "good", bad: "trouble" };

function enter(events) {
  const log = $("log");
  const following = log.scrollTop + log.clientHeight >= log.scrollHeight - 40;
  const rows = events.map((event) => {
    const row = el("li", { "data-kind": event.kind },
      el("time", {}, new Date(event.at_ms).toLocaleTimeString([], { hour12: false })),
      el("span", { class: "kind" }, KIND_WORDS[event.kind]), el("span", { class: "what" }, event.text));
    if (event.command) row.append(command(event.command));
    return row;
  });
  log.append(...rows);
  while (log.children.length > EVENTS_SHOWN_MAX) log.firstElementChild.remove();
  if (following) log.scrollTop = log.scrollHeight;
}

function command(words) {
  const copy = async () => {
    await navigator.clipboard.writeText(words);
    text(button, "copied");
    setTimeout(() => text(button, "copy"), 1500);
  };
  const button = el("button", { type: "button", class: "copy", "aria-label": `Copy the command: ${words}`, click: () => copy().catch(() => {}) }, "copy");
  return el("div", { class: "command" }, el("code", {}, words), button);
}

// ---- all of it

function draw(state) {
  drawLamps(state.lamps);
  drawNodes(state);
  hdfs.draw(state);
  // What is there at first sight is not announced; what comes later arrives visibly.
  requestAnimationFrame(() => document.body.classList.add("settled"));
  const datanodes = state.nodes.filter((node) => node.rack);
  const racks = new Set(datanodes.map((node) => node.rack)).size;
  text($("summary"), `mini-hdfs · ${count(datanodes.length, "DataNode")} on ${count(racks, "rack")}`);
}

// A menu that is open closes when something else is clicked, or with Escape.
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll(".network[open]")) if (!menu.contains(event.target)) menu.open = false;
});
document.addEventListener("keydown", (event) => {
  const menu = event.key === "Escape" && document.querySelector(".network[open]");
  if (menu) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});
$("heal").addEventListener("click", () => call("POST", "undo").catch(() => {}));
hdfs.start();
listen();
