// Draws mini-mapreduce: which task is where, what runs cost beside each other, and how many bytes went from which machine to which.
// `plain.js` says what a drawing file has.

import { attribute, byName, bytes, count, el, keyed, svg, text } from "../dom.js";

/** What is said again and again, and that it was heard. */
export const quiet = ["ok", "answer", "connect", "heartbeat", "get job", "register", "cancelled"];
export const speaker = "coordinator says";

const [BAR, LINE] = [120, 16];

const workers = (state) => Object.entries(state.nodes ?? {}).filter(([, { role }]) => role === "worker").map(([name, node]) => ({ name, ...node })).sort((a, b) => byName(a.name, b.name));
const jobs = (state) => Object.entries(state.jobs ?? {}).map(([name, job]) => ({ name, ...job })).sort((a, b) => byName(b.name, a.name));
const isOver = ({ state }) => state === "succeeded" || state === "failed";

/** What there is, in a few words. */
export function summary(state) {
  const all = workers(state);
  const racks = new Set(all.map(({ rack }) => rack)).size;
  const running = jobs(state).filter((job) => !isOver(job)).length;
  return [`${count(all.length, "worker")} on ${count(racks, "rack")}`, running ? `${count(running, "job")} at work` : "idle"].join(", ");
}

/** Fills the card of a node. */
export function drawNode(card, node) {
  text(card.querySelector(".facts"), node.facts ?? (node.role === "client" ? "submits jobs" : ""));
  const attempts = Array.isArray(node.attempts) ? node.attempts : [];
  keyed(card.querySelector(".held"), attempts, ({ job, task }) => `${job} ${task}`, () => el("span"), (chip, { task, again, progress }) => {
    attribute(chip, "class", `chip ${again ? "stale" : "writing"}`);
    attribute(chip, "title", `${task} runs: ${progress} %${again ? "; not the first attempt" : ""}`);
    text(chip, `▸ ${task} ${progress} %`);
  });
}

function titled(id, title, hint, ...content) {
  return [el("div", { class: "bar" }, el("h2", { id: `${id}-title`, tabindex: "-1" }, title), el("span", { class: "hint" }, hint)), ...content];
}

const head = (...names) => el("thead", {}, el("tr", {}, ...names.map((name) => el("th", { scope: "col" }, name))));

/** Makes the section. */
export function start(section) {
  section.setAttribute("aria-labelledby", "mr-jobs-title");
  section.replaceChildren(
    ...titled("mr-jobs", "Jobs", "✓ done, ▸ runs, · waits; ⇄ reads over the network; ×2 the second attempt", el("div", { id: "mr-jobs" })),
    ...titled("mr-runs", "Runs beside each other", "What each took, and how many bytes went from one machine to another meanwhile",
      el("table", { class: "spaced", "aria-labelledby": "mr-runs-title" }, head("run", "seconds", "between machines", "of that, between racks", "attempts again", "rows of each reduce"), el("tbody", { id: "mr-runs" }))),
    ...titled("mr-crossed", "What crossed the network", "From the machine on the left to the one above, since the beginning; within a rack, and from one rack to another",
      el("table", { class: "spaced", "aria-labelledby": "mr-crossed-title" }, el("thead", {}, el("tr", { id: "mr-crossed-head" })), el("tbody", { id: "mr-crossed" }))));
}

/** Draws jobs, runs, and what crossed the network. */
export function drawMain(section, state) {
  keyed(section.querySelector("#mr-jobs"), jobs(state), ({ name }) => name, makeJob, drawJob);
  drawRuns(section.querySelector("#mr-runs"), Array.isArray(state.runs) ? state.runs : []);
  drawCrossed(section, state);
}

// ---- jobs

function makeJob({ name }) {
  return el("article", { class: "file", "data-job": name }, el("p", {}, el("strong", {}, name), " ", el("span", { class: "facts" })),
    el("div", { class: "replicas", role: "group", "aria-label": `Maps of ${name}` }), el("div", { class: "replicas", role: "group", "aria-label": `Reduces of ${name}` }));
}

function drawJob(card, job) {
  attribute(card, "data-state", job.state);
  const fetching = !isOver(job) && job.shuffle > 0 ? `${job.shuffle} % fetched` : "";
  text(card.querySelector(".facts"), [job.program, job.title, job.state, fetching, job.reason].filter(Boolean).join(" · "));
  drawTasks(card.children[1], job.maps);
  drawTasks(card.children[2], job.reduces);
}

function drawTasks(box, tasks) {
  const list = Object.entries(tasks ?? {}).sort(([a], [b]) => byName(a, b));
  keyed(box, list, ([name]) => name, () => el("span"), (chip, [name, task]) => {
    const running = Array.isArray(task.running) ? task.running : [];
    const far = task.near === false || running.some(({ near }) => near === false);
    const again = task.tries > 1 ? ` ×${task.tries}` : "";
    const where = task.state === "done" ? task.on : running.map(({ on, progress }) => `${on} ${progress} %`).join(" ‖ ");
    const sign = { done: "✓", running: "▸", waiting: "·" }[task.state] ?? "";
    attribute(chip, "class", `chip ${task.state === "waiting" ? (again ? "lost" : "rest") : far ? "stale" : task.state === "done" ? "good" : "writing"}`);
    attribute(chip, "title", `${name} ${task.state}${where ? ` on ${where}` : ""}${far ? ", over the network" : ""}${again ? `, attempts: ${task.tries}` : ""}`);
    text(chip, [sign, name, where, far ? "⇄" : "", again.trim()].filter(Boolean).join(" "));
  });
}

// ---- runs

/** A bar, and what it is. */
function bar() {
  return el("td", {}, svg("svg", { width: BAR, height: LINE, "aria-hidden": "true" }, svg("rect", { height: LINE, rx: 3, fill: "var(--accent)", opacity: 0.55 })), " ", el("span"));
}

function drawBar(cell, part, words) {
  attribute(cell.querySelector("rect"), "width", Math.max(part > 0 ? 2 : 0, part * BAR).toFixed(1));
  text(cell.querySelector("span"), words);
}

function drawRuns(body, runs) {
  const most = (of) => Math.max(1e-9, ...runs.map(of));
  const [seconds, nodes] = [most((run) => run.seconds), most((run) => run.between_nodes)];
  keyed(body, runs.map((run, n) => ({ ...run, n })), ({ n, title }) => `${n} ${title}`,
    () => el("tr", {}, el("th", { scope: "row" }), bar(), bar(), bar(), el("td"), el("td")), (row, run) => {
      const [title, took, between, racks, again, parts] = row.children;
      text(title, run.title);
      drawBar(took, run.seconds / seconds, `${run.seconds} s${run.is_over ? "" : " …"}`);
      drawBar(between, run.between_nodes / nodes, bytes(run.between_nodes));
      drawBar(racks, run.between_racks / nodes, bytes(run.between_racks));
      text(again, String(run.again));
      drawParts(parts, run.parts ?? []);
    });
}

/** A column for each reduce, as high as it has rows. */
function drawParts(cell, parts) {
  const [width, height] = [18, 34];
  const most = Math.max(1, ...parts);
  let drawing = cell.querySelector("svg");
  if (!drawing) cell.append(drawing = svg("svg", { height, role: "img" }));
  attribute(drawing, "width", parts.length * (width + 3));
  attribute(drawing, "aria-label", parts.length ? `Rows of each reduce: ${parts.join(", ")}` : "not known yet");
  keyed(drawing, parts.map((rows, n) => ({ rows, n })), ({ n }) => n, () => svg("rect", { width, rx: 2, fill: "var(--accent)", opacity: 0.55 }, svg("title")), (column, { rows, n }) => {
    const tall = Math.max(1, (rows / most) * height);
    attribute(column, "x", n * (width + 3));
    attribute(column, "y", (height - tall).toFixed(1));
    attribute(column, "height", tall.toFixed(1));
    text(column.firstChild, `r${n}: ${rows} rows`);
  });
}

// ---- bytes from machine to machine

function drawCrossed(section, state) {
  const all = workers(state);
  const names = all.map(({ name }) => name);
  const rackOf = new Map(all.map(({ name, rack }) => [name, rack]));
  const crossed = state.crossed ?? {};
  const most = Math.max(1, ...Object.values(crossed));
  keyed(section.querySelector("#mr-crossed-head"), ["from", ...names], (name) => name, (name) => el("th", { scope: "col" }, name), () => {});
  keyed(section.querySelector("#mr-crossed"), names, (name) => name, () => el("tr"), (row, from) => {
    const cells = ["", ...names];
    keyed(row, cells, (name) => name || "from", (name) => (name ? bar() : el("th", { scope: "row" }, from)), (cell, to) => {
      if (!to) return text(cell, `${from} (${rackOf.get(from)?.replace(/^\//, "")})`);
      const passed = crossed[`${from}>${to}`] ?? 0;
      drawBar(cell, from === to ? 0 : passed / most, from === to ? "–" : bytes(passed));
      attribute(cell.querySelector("rect"), "fill", rackOf.get(from) === rackOf.get(to) ? "var(--good)" : "var(--bad)");
    });
  });
}
