"use strict";
// Draws what /api tells, and asks again while there is something to see. All text goes in as text: nothing that a job brings along is markup.
const EVERY_MS = 1000, ROWS_MAX = 300, RATE_MS = 4000;
const PHASES = ["map", "shuffle", "merge", "reduce"];
const page = document.getElementById("page");

function node(space, name, attributes, children) {
  const made = space ? document.createElementNS(space, name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (key.startsWith("on")) made[key] = value;
    else if (value !== null && value !== undefined && value !== false) made.setAttribute(key, value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return made;
}
const h = (name, attributes, ...children) => node(null, name, attributes, children);
const s = (name, attributes, ...children) => node("http://www.w3.org/2000/svg", name, attributes, children);

const count = (n) => n.toLocaleString("en");
function bytes(n) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (n >= 1024 && unit < units.length - 1) { n /= 1024; unit += 1; }
  return `${unit && n < 100 ? n.toFixed(1) : Math.round(n)} ${units[unit]}`;
}
function time(ms) {
  if (ms === null || ms === undefined) return "";
  if (ms < 10000) return `${(ms / 1000).toFixed(1)} s`;
  const all = Math.round(ms / 1000);
  return all < 60 ? `${all} s` : all < 3600 ? `${Math.floor(all / 60)} min ${all % 60} s` : `${Math.floor(all / 3600)} h ${Math.floor(all % 3600 / 60)} min`;
}
const clock = (ms) => ms ? new Date(ms).toLocaleTimeString() : "";
const percent = (part) => `${Math.floor(part * 100 + 1e-9)} %`;
const lasted = (job, now) => job.submitted ? time((job.ended || now) - job.submitted) : "";
const badge = (state) => h("span", { class: `state ${state}` }, state.toLowerCase());
const isOver = (job) => job.state === "SUCCEEDED" || job.state === "FAILED";

function table(heads, rows) {
  const cell = (tag) => (value, at) => h(tag, { class: heads[at].kind, scope: tag === "th" ? "col" : null }, tag === "th" ? heads[at].name : value);
  return h("table", {}, h("thead", {}, h("tr", {}, heads.map(cell("th")))), h("tbody", {}, rows.map((row) => h("tr", {}, row.map(cell("td"))))));
}
// A # marks numbers, a * what is long and may be broken.
const KINDS = { "#": "number", "*": "long" };
const columns = (...names) => names.map((name) => name.at(-1) in KINDS ? { name: name.slice(0, -1), kind: KINDS[name.at(-1)] } : { name });

function small(part, phase) {
  const bar = h("span", { class: "track small" });
  const done = h("span", { style: `display:block;height:100%;width:${part * 100}%;background:var(--${phase})` });
  bar.append(done);
  return bar;
}

// The list of jobs, and of workers.
function list(all) {
  const jobs = all.jobs.slice().reverse().map((job) => {
    const tasks = (of, phase) => [small(of.total ? of.done / of.total : 1, phase), `${count(of.done)} of ${count(of.total)}`];
    return [h("a", { href: `#${job.id}` }, job.id), job.program, badge(job.state), clock(job.submitted), lasted(job, all.now),
      h("span", {}, tasks(job.maps, "map")), h("span", {}, tasks(job.reduces, "reduce")), job.output];
  });
  const slots = (of) => of ? `${of.busy} of ${of.all}` : "";
  const workers = all.workers.map((w) => [w.host || "this process", w.rack, w.address, slots(w.map_slots), slots(w.reduce_slots), `${time(w.silent_ms)} ago`, h("span", { class: "mono soft" }, w.id)]);
  return [
    h("section", {}, h("h3", {}, "Jobs"), jobs.length ? table(columns("Job", "Program", "State", "Began", "Took#", "Maps done", "Reduces done", "Output*"), jobs) : h("p", {}, "None yet: mini-mapreduce run --coordinator HOST:PORT … brings one.")),
    h("section", {}, h("h3", {}, "Workers"), workers.length ? table(columns("Host", "Rack", "Address", "Maps#", "Reduces#", "Heard", "Id"), workers) : h("p", {}, "None has registered.")),
  ];
}

// From when to when attempts were in a phase, which is over.
function span(job, name) {
  const of = job.attempts.filter((a) => (a.type === "MAP") === (name === "map") && a.state === "SUCCEEDED");
  const from = name === "reduce" ? of.map((a) => a.merged || a.started) : of.map((a) => a.started);
  const to = name === "shuffle" ? of.map((a) => a.shuffled || a.ended) : of.map((a) => a.ended);
  return of.length ? Math.max(...to) - Math.min(...from) : 0;
}

// In a second: over the last few; of a phase that is over, over all of it.
let past = [];
function rate(job, name, of) {
  const now = of(job);
  if (job.progress[name] >= 1 || isOver(job)) return now * 1000 / Math.max(span(job, name), 1);
  const first = past.find((sample) => job.now - sample.now <= RATE_MS);
  return first && job.now > first.now ? Math.max(0, now - of(first)) * 1000 / (job.now - first.now) : 0;
}
const counter = (job, name) => (job.counters["org.apache.hadoop.mapreduce.TaskCounter"] || {})[name] || 0;

function phase(job, name, part, rates) {
  const begun = job.attempts.filter((a) => (a.type === "MAP") === (name === "map")).reduce((least, a) => Math.min(least, a.started), Infinity);
  const left = part > 0.01 && part < 1 && !isOver(job) ? `, ${time((job.now - begun) * (1 - part) / part)} left` : "";
  return h("div", { class: "phase" },
    h("p", {}, h("b", {}, name), h("span", { class: "number" }, percent(part), left)),
    h("div", { class: "track", role: "progressbar", "aria-label": name, "aria-valuenow": Math.floor(part * 100), "aria-valuemin": 0, "aria-valuemax": 100 },
      h("div", { class: "done", style: `width:${part * 100}%;background:var(--${name})` })),
    h("p", { class: "soft number" }, rates));
}

function phases(job) {
  const per = (name, of, show, what = "") => `${show(Math.round(rate(job, name, of)))}${what}/s`;
  return h("div", { class: "phases" },
    phase(job, "map", job.progress.map, `${per("map", (j) => counter(j, "MAP_INPUT_RECORDS"), count, " records")}, ${per("map", (j) => j.input_bytes.read, bytes)}`),
    job.reduces.total ? [phase(job, "shuffle", job.progress.shuffle, per("shuffle", (j) => counter(j, "REDUCE_SHUFFLE_BYTES"), bytes)),
      phase(job, "reduce", job.progress.reduce, per("reduce", (j) => counter(j, "REDUCE_INPUT_RECORDS"), count, " pairs"))] : null);
}

function tiles(job) {
  const both = (name) => job.tally.map[name] + job.tally.reduce[name];
  const tile = (name, value) => h("div", { class: "tile" }, h("b", {}, value), h("span", { class: "soft" }, name));
  return h("div", { class: "tiles" },
    tile("took", lasted(job, job.now)),
    tile(`of ${count(job.maps.total)} maps done`, count(job.maps.done)),
    tile(`of ${count(job.reduces.total)} reduces done`, count(job.reduces.done)),
    tile("of input read", bytes(job.input_bytes.read)),
    tile("shuffled", bytes(counter(job, "REDUCE_SHUFFLE_BYTES"))),
    tile("records spilled", count(counter(job, "SPILLED_RECORDS"))),
    tile("attempts failed", count(both("failed"))),
    tile("attempts killed", count(both("killed"))),
    tile("map outputs lost", count(job.tally.map.outputs_lost)),
    tile("second attempts", count(both("speculative"))));
}

// The timeline: a lane for each slot of each worker that had an attempt of the job.
function lanes(job) {
  const found = new Map();
  for (const attempt of job.attempts) {
    const key = [attempt.host, attempt.worker, attempt.type, String(attempt.slot).padStart(6, "0")].join("\n");
    if (!found.has(key)) found.set(key, []);
    found.get(key).push(attempt);
  }
  return [...found.entries()].sort(([a], [b]) => a < b ? -1 : 1).map(([, attempts]) => attempts);
}

function about(a, now) {
  const words = [a.id, `on ${a.host || "this process"}`, a.state.toLowerCase(), time((a.ended || now) - a.started)];
  if (a.speculative) words.push("second attempt");
  if (a.locality && a.locality !== "node") words.push(`input from ${a.locality === "rack" ? "the rack" : "another rack"}`);
  if (a.reason) words.push(a.reason);
  return words.join(", ");
}

// What an attempt did when: [phase, from, to].
function parts(a, now) {
  const end = Math.max(a.ended || now, a.started);
  if (a.type === "MAP") return [["map", a.started, end]];
  const shuffled = Math.min(a.shuffled || end, end), merged = Math.min(a.merged || end, end);
  return [["shuffle", a.started, shuffled], ["merge", shuffled, merged], ["reduce", merged, end]];
}

function bar(a, x, y, height, now) {
  const end = x(Math.max(a.ended || now, a.started)), begin = x(a.started), width = Math.max(end - begin, 1.5);
  const group = s("a", { href: `#${a.task.replace(/^task_(\d+)_.*/, "job_$1")}`, "aria-label": about(a, now), onclick: (event) => { event.preventDefault(); pick(a.task); } }, s("title", {}, about(a, now)));
  const isLost = a.state === "KILLED" && a.type === "MAP" && a.progress >= 1;
  for (const [name, from, to] of parts(a, now)) {
    const kind = isLost ? "lost" : a.state === "KILLED" || a.state === "FAILED" ? "killed" : name;
    const wide = Math.max(x(to) - x(from), name === "shuffle" || name === "map" ? 1.5 : 0);
    if (wide > 0) group.append(s("rect", { class: `${kind} ${a.state === "RUNNING" ? "open" : ""}`, x: x(from), y, width: wide, height, rx: 1.5 }));
  }
  if (width > 34 && height > 11) group.append(s("text", { class: a.state === "KILLED" && !isLost ? "" : "on", x: begin + 4, y: y + height - 4, "clip-path": "none" }, `${a.type === "MAP" ? "m" : "r"}${Number(a.task.slice(-6))}`));
  if (a.speculative) group.append(s("rect", { class: "second", x: begin + .75, y: y + .75, width: Math.max(width - 1.5, 2), height: height - 1.5, rx: 2 }));
  if (a.state === "FAILED") group.append(s("path", { class: "cross", d: `M${end - 8} ${y + 2}l${height - 4} ${height - 4}m0 ${4 - height}l${4 - height} ${height - 4}` }));
  return group;
}

function ticks(span) {
  const rough = span / 8, power = 10 ** Math.floor(Math.log10(Math.max(rough, 1)));
  const step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= rough);
  return Array.from({ length: Math.floor(span / step) + 1 }, (_, i) => i * step);
}

const HATCH = () => s("defs", {}, s("pattern", { id: "lost", width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
  s("rect", { class: "killed", width: 6, height: 6 }), s("rect", { class: "map", width: 3, height: 6 })));

function legend() {
  const box = (...shapes) => s("svg", { viewBox: "0 0 22 12", "aria-hidden": "true" }, shapes);
  const whole = (kind) => s("rect", { class: kind, width: 22, height: 12, rx: 2 });
  const entry = (picture, name) => h("li", {}, picture, name);
  return h("ul", { class: "legend" },
    PHASES.map((name) => entry(box(whole(name)), name)),
    entry(box(whole("killed")), "killed: worker lost, or another was first"),
    entry(box(whole("lost")), "done, its output lost later"),
    entry(box(whole("killed"), s("path", { class: "cross", d: "M7 2l8 8m0 -8l-8 8" })), "failed"),
    entry(box(whole("map"), s("rect", { class: "second", x: 1, y: 1, width: 20, height: 10 })), "second attempt"));
}

function gantt(job) {
  const all = lanes(job);
  if (!all.length) return h("p", {}, job.attempts_forgotten ? "Its attempts are not remembered any more." : "No attempt has begun that this coordinator knows of.");
  const from = Math.min(job.submitted || Infinity, ...job.attempts.map((a) => a.started));
  const to = Math.max(from + 1, job.ended || (isOver(job) ? Math.max(...job.attempts.map((a) => a.ended || 0)) : job.now));
  const lane = all.length > 40 ? 12 : 20, left = 150, width = Math.max(page.clientWidth - 40, 640), right = 12, top = 22;
  const x = (at) => left + (at - from) / (to - from) * (width - left - right);
  const height = top + all.length * lane + 8;
  const drawing = s("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": `Timeline: ${all.length} slots, ${job.attempts.length} attempts in ${time(to - from)}; the table of attempts below says the same` }, HATCH());
  for (const tick of ticks(to - from)) {
    const at = x(from + tick);
    drawing.append(s("line", { class: "grid", x1: at, x2: at, y1: top - 6, y2: height }), s("text", { class: "soft", x: at + 3, y: 12 }, to - from < 8000 ? `${(tick / 1000).toFixed(1)} s` : tick < 60000 ? `${tick / 1000} s` : time(tick)));
  }
  let last = "";
  all.forEach((attempts, number) => {
    const first = attempts[0], y = top + number * lane, who = first.worker;
    if (who !== last) drawing.append(s("line", { class: "grid", x1: 0, x2: width, y1: y - .5, y2: y - .5 }), s("text", { class: "host", x: 0, y: y + lane - 6 }, first.host || "this process"));
    last = who;
    drawing.append(s("text", { class: "soft", x: left - 8, y: y + lane - 6, "text-anchor": "end" }, `${first.type.toLowerCase()} ${first.slot + 1}`));
    for (const attempt of attempts) drawing.append(bar(attempt, x, y + 2, lane - 4, job.now));
  });
  return drawing;
}

// Bars of the reduces' loads, with their mean.
function loads(job, name, show) {
  const skew = job.skew[name], all = job.skew.partitions;
  if (!skew || !skew.max) return h("p", { class: "soft" }, `No ${name} yet.`);
  const shown = all.length > 60 ? all.slice().sort((a, b) => b[name] - a[name]).slice(0, 60) : all;
  const width = 400, left = 34, right = 80, lane = shown.length > 20 ? 10 : 20, top = 4, height = top + shown.length * lane + 4;
  const x = (value) => left + value / skew.max * (width - left - right);
  const drawing = s("svg", { viewBox: `0 0 ${width} ${height}`, width: "100%", role: "img", "aria-label": `${name} of ${all.length} partitions: at most ${show(skew.max)}, ${skew.max_over_mean.toFixed(2)} times the mean` });
  shown.forEach((load, number) => {
    const y = top + number * lane;
    drawing.append(s("rect", { class: `${name === "bytes" ? "shuffle" : "reduce"} ${load.done ? "" : "open"}`, x: left, y: y + 1, width: Math.max(x(load[name]) - left, 1), height: lane - 3, rx: 1.5 }, s("title", {}, `partition ${load.partition}: ${show(load[name])}${load.done ? "" : " so far"}`)));
    if (lane > 12) drawing.append(s("text", { class: "soft", x: left - 6, y: y + lane - 6, "text-anchor": "end" }, `r${load.partition}`), s("text", { x: x(load[name]) + 5, y: y + lane - 6 }, show(load[name])));
  });
  drawing.append(s("line", { class: "mean", x1: x(skew.mean), x2: x(skew.mean), y1: 0, y2: height }, s("title", {}, "mean")));
  return [h("p", { class: "number" }, h("b", {}, `largest ÷ mean = ${skew.max_over_mean.toFixed(2)}`), ` · mean ${show(Math.round(skew.mean))} · 99th percentile ${show(skew.p99)}`, shown.length < all.length ? ` · the ${shown.length} largest of ${all.length}` : ""), drawing];
}

const swatch = (colour) => s("svg", { class: "swatch", width: 12, height: 12, "aria-hidden": "true" }, s("rect", { class: colour, width: 12, height: 12, rx: 2 }));

function locality(job) {
  const kinds = [["node", "on a machine that has the input", "map"], ["rack", "in the rack of one", "map half"], ["any", "elsewhere", "map faint"], ["unplaced", "with input that has no place, such as local files", "killed"]];
  const all = kinds.reduce((sum, [kind]) => sum + job.locality[kind], 0);
  if (!all) return h("p", { class: "soft" }, "No map has begun.");
  let at = 0;
  const strips = kinds.map(([kind, , colour]) => {
    const width = job.locality[kind] / all * 560;
    at += width;
    return s("rect", { class: colour, x: at - width, width, height: 16 });
  });
  return [s("svg", { viewBox: "0 0 560 16", width: "100%", "aria-hidden": "true" }, strips),
    table(columns("Maps began*", "#"), kinds.filter(([kind]) => job.locality[kind]).map(([kind, name, colour]) => [[swatch(colour), name], count(job.locality[kind])]))];
}

let filter = "all";
const FILTERS = { all: () => true, running: (a) => a.state === "RUNNING", failed: (a) => a.state === "FAILED", killed: (a) => a.state === "KILLED", second: (a) => a.speculative };
function pick(task) {
  filter = task;
  draw();
  document.getElementById("attempts").scrollIntoView({ behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
}

function attempts(job) {
  const wanted = job.attempts.filter(FILTERS[filter] || ((a) => a.task === filter));
  const names = FILTERS[filter] ? Object.keys(FILTERS) : [...Object.keys(FILTERS), filter];
  const rows = wanted.slice(0, ROWS_MAX).map((a) => {
    const from = job.submitted || 0;
    return [h("span", { class: "mono" }, a.id), a.host || "this process", badge(a.state), a.speculative ? "second" : "", a.locality || "", from ? `+${time(a.started - from)}` : "", time((a.ended || job.now) - a.started),
      a.shuffled ? time(a.shuffled - a.started) : "", a.merged ? time(a.merged - a.shuffled) : "", percent(a.progress), count(a.input_records), a.type === "MAP" ? "" : bytes(a.shuffle_bytes), a.reason || ""];
  });
  return [h("div", { class: "filters", role: "group", "aria-label": "Which attempts" }, names.map((name) => h("button", { "aria-pressed": String(name === filter), onclick: () => { filter = name; draw(); } }, FILTERS[name] ? `${name} ${job.attempts.filter(FILTERS[name]).length}` : name))),
    table(columns("Attempt", "Worker", "State", "", "Input", "Began#", "Took#", "Shuffle#", "Merge#", "Done#", "Records in#", "Fetched#", "Why*"), rows),
    wanted.length > rows.length || job.attempts_forgotten ? h("p", { class: "soft" }, `${count(rows.length)} of ${count(wanted.length)} shown; ${count(job.attempts_forgotten)} are not remembered any more.`) : null];
}

function tasks(job) {
  const all = job.maps.total + job.reduces.total, open = job.tasks.filter((t) => t.state !== "SUCCEEDED"), rows = [...open, ...job.tasks.filter((t) => t.state === "SUCCEEDED")].slice(0, ROWS_MAX);
  const input = (split) => split ? `${split.path} + ${bytes(split.offset)}, ${bytes(split.length)}${split.hosts.length ? ` on ${split.hosts.join(", ")}` : ""}` : "";
  return [table(columns("Task", "State", "Done#", "Attempts#", "Failures#", "Input*"), rows.map((t) => [h("span", { class: "mono" }, t.id), badge(t.state), percent(t.progress), count(t.attempts), count(t.failures), input(t.split)])),
    rows.length < all ? h("p", { class: "soft" }, `${rows.length} of ${count(all)} tasks; what is not done comes first.`) : null];
}

function counters(job) {
  const groups = Object.entries(job.counters).map(([group, names]) => [h("h3", { class: "mono" }, group), table(columns("Counter", "Value#"), Object.entries(names).map(([name, value]) => [name, count(value)]))]);
  return groups.length ? groups : h("p", {}, "Nothing is counted yet.");
}

const closed = { tasks: true, settings: true };
function fold(name, title, inside) {
  return h("details", { id: name, open: closed[name] ? null : "", ontoggle: (event) => { closed[name] = !event.target.open; } }, h("summary", {}, title), inside);
}

function detail(job) {
  const settings = Object.entries(job.settings).map(([name, value]) => [h("span", { class: "mono" }, name), value]);
  return [
    h("div", { class: "title" }, h("h2", {}, `${job.program} `, h("span", { class: "soft" }, job.id)), badge(job.state),
      h("a", { href: `/api/jobs/${job.id}` }, "JSON"), h("a", { href: `/ws/v1/history/mapreduce/jobs/${job.id}` }, "Hadoop's REST")),
    h("p", { class: "soft" }, `${job.inputs.join(", ")} → ${job.output}`),
    job.reason ? h("p", { class: "reason", role: "alert" }, job.reason) : null,
    phases(job), tiles(job),
    h("section", {}, h("h3", {}, "Timeline"), legend(), gantt(job)),
    h("div", { class: "pair" },
      job.reduces.total ? h("section", {}, h("h3", {}, "Skew: bytes fetched by reduce"), loads(job, "bytes", bytes)) : null,
      job.reduces.total ? h("section", {}, h("h3", {}, "Skew: pairs by reduce"), loads(job, "records", count)) : null,
      h("section", {}, h("h3", {}, "Locality"), locality(job))),
    fold("attempts", "Attempts", attempts(job)), fold("tasks", "Tasks", tasks(job)), fold("counters", "Counters", counters(job)),
    settings.length ? fold("settings", "Settings", table(columns("Name*", "Value*"), settings)) : null,
  ];
}

// What was told last is kept, so that a coordinator that is gone leaves the end of its job on the page.
let told = null, live = "", watching = true;
const main = h("main", {}), status = h("span", { class: "soft", role: "status" });
page.append(h("header", {}, h("h1", {}, h("a", { href: "#" }, "mini-mapreduce")), h("span", { class: "end" }, status,
  h("label", {}, h("input", { type: "checkbox", checked: "", onchange: (event) => { watching = event.target.checked; } }), " Keep up to date"), h("a", { href: "/api/jobs" }, "JSON"), h("a", { href: "/metrics" }, "Metrics"))), main);

const wanted = () => location.hash.slice(1);
function draw() {
  if (status.textContent !== live) status.textContent = live;
  if (!told) return;
  const focused = document.activeElement && document.activeElement.getAttribute("aria-label");
  main.replaceChildren(...(told.id ? detail(told) : list(told)).filter((part) => part));
  document.title = told.id ? `${told.id} ${told.program}: ${told.state.toLowerCase()}` : "mini-mapreduce";
  if (focused) { const again = [...main.querySelectorAll("[aria-label]")].find((element) => element.getAttribute("aria-label") === focused); if (again) again.focus({ preventScroll: true }); }
}

async function look() {
  const id = wanted();
  try {
    const answer = await fetch(id ? `/api/jobs/${encodeURIComponent(id)}` : "/api/jobs");
    if (answer.status === 404) { told = null; live = ""; main.replaceChildren(h("p", {}, `There is no ${id}. `, h("a", { href: "#" }, "All jobs"))); draw(); return; }
    if (!answer.ok) throw new Error(answer.statusText);
    const now = await answer.json();
    if (id !== wanted()) return;
    past = (told && told.id === now.id ? past : []).filter((sample) => now.now - sample.now <= RATE_MS);
    if (now.id) past.push(now);
    told = now;
    live = now.id && isOver(now) ? "" : "live";
  } catch {
    live = "The coordinator does not answer; this is how it was.";
  }
  draw();
}

async function keep() {
  // A selection would be lost: whoever marks something wants to copy it.
  if (watching && !String(getSelection()) && !(told && told.id === wanted() && isOver(told))) await look();
  setTimeout(keep, EVERY_MS);
}
addEventListener("hashchange", () => { past = []; filter = "all"; look(); });
addEventListener("resize", draw);
keep();
