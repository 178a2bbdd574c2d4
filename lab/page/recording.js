// A run as data: the records of a trace (book: "The trace") in an order in which the page can ask for any moment of it.
// Live, simulated and saved runs are the same; live is a recording that still grows. No document here: pure logic.

import { faultPatch, faultText, labelOf } from "./vocabulary.js";

export const VERSION_MAX = 2;
const KEYFRAME_EVERY = 32;
const PATCHES_MAX = 20_000;
const MESSAGES_MAX = 200_000;
const ENTRIES_MAX = 10_000;
const POINTS_MAX = 20_000;
/** A run of four months, in microseconds: what is later is no time of a run. */
const TIME_MAX = 1e13;
/** Who is on the way for longer than this is looked for apart from the window of time in which it was sent. */
export const LONG_US = 500_000;

/** Applies a JSON merge patch (RFC 7396). What it does not touch is shared with `doc`, which stays as it was. */
export function merge(doc, patch) {
  if (!isObject(patch)) return patch;
  const result = isObject(doc) ? { ...doc } : {};
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete result[name];
    else result[name] = merge(result[name], value);
  }
  return result;
}

const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

/** Reads JSON lines. What cannot be a trace is an error with a sentence; a last line that was cut off is left out. */
export function parse(lines) {
  const records = [];
  const rows = lines.split("\n");
  for (const [n, row] of rows.entries()) {
    if (!row.trim()) continue;
    let record;
    try {
      record = JSON.parse(row);
    } catch {
      if (n === rows.length - 1 && records.length > 0) break;
      throw new Error(`This is not a trace: line ${n + 1} is not JSON.`);
    }
    if (!isObject(record) || typeof record.kind !== "string" || !Number.isFinite(record.time)) {
      throw new Error(`This is not a trace: line ${n + 1} has no "time" and "kind".`);
    }
    if (!(record.time >= 0 && record.time <= TIME_MAX)) {
      throw new Error(`This is not a trace: the time of line ${n + 1}, ${record.time} µs, is not within a run of at most ${TIME_MAX} µs.`);
    }
    if (records.length === 0 && record.kind !== "begin") {
      throw new Error(`This is not a trace: it starts with "${record.kind}" and not with "begin".`);
    }
    records.push(record);
  }
  if (records.length === 0) throw new Error("This is not a trace: it has no lines.");
  return records;
}

/** The index of the first item for which `time` is above `at`. */
export function after(items, at, time = (item) => item.time) {
  let [low, high] = [0, items.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (time(items[middle]) <= at) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Puts `item` where its time belongs: nearly always at the end. */
function insert(items, item) {
  let at = items.length;
  while (at > 0 && items[at - 1].time > item.time) at -= 1;
  if (at === items.length) items.push(item);
  else items.splice(at, 0, item);
}

export class Recording {
  begin = null;
  end = 0;
  /** What each node number is called. */
  names = new Map();
  /** What the journal tells, by time: `{ seq, time, kind, level, node, text, command, fault }`. */
  entries = [];
  /** `{ time, from, to, label, text, end, lost, cut }`; `end` is Infinity while it is on its way, `cut`: was it sent into a cut. */
  messages = [];
  /** Messages older than this were folded away. */
  foldedTo = 0;
  /** Figures over time: id → `{ order, label, unit, times, values }`. */
  series = new Map();
  /** The labels of messages, and how many there were of each. */
  labels = new Map();
  /** How many messages were sent in each second. */
  perSecond = [];
  violation = null;
  /** Counts changes, so that who draws knows whether there is something new. */
  changes = 0;

  #patches = [];
  #open = new Map();
  #long = [];
  #described = false;
  #cached = null;

  /** @param {object[]} records as `parse` gives them */
  static of(records) {
    const recording = new Recording();
    recording.append(records);
    return recording;
  }

  append(records) {
    for (const record of records) this.#take(record);
    this.changes += 1;
    this.#fold();
  }

  get live() {
    return this.begin?.clock === "wall";
  }

  // ---- what is asked

  /** The state document at a time. The same object is returned until it changes. */
  stateAt(time) {
    const index = after(this.#patches, time) - 1;
    if (index < 0) return EMPTY;
    if (this.#cached?.index === index) return this.#cached.state;
    // From the last keyframe, or from what was asked for last, whichever is nearer.
    let from = index;
    while (!this.#patches[from].state) from -= 1;
    let state = this.#patches[from].state;
    if (this.#cached && this.#cached.index >= from && this.#cached.index <= index) {
      [from, state] = [this.#cached.index, this.#cached.state];
    }
    for (let n = from + 1; n <= index; n += 1) state = merge(state, this.#patches[n].patch);
    this.#cached = { index, state };
    return state;
  }

  /** The document at the end. */
  get latest() {
    return this.stateAt(Infinity);
  }

  /** Calls `visit` for each message that may be seen at `time`: sent in the `span` before, or still on its way. */
  visitMessages(time, span, visit) {
    const reach = time - Math.max(span, LONG_US + span);
    const first = after(this.messages, reach);
    for (let n = first; n < this.messages.length && this.messages[n].time <= time; n += 1) visit(this.messages[n]);
    for (const message of this.#open.values()) if (message.time <= reach) visit(message);
    for (const message of this.#long) if (message.time <= reach && message.end + span > time) visit(message);
  }

  /** The time of the next journal entry that `pick` chooses, in a direction. */
  nextEntry(time, forward, pick = () => true) {
    const list = this.entries;
    const step = forward ? 1 : -1;
    let at = after(list, time) - (forward ? 0 : 1);
    while (list[at] && (list[at].time === time || !pick(list[at]))) at += step;
    return list[at]?.time;
  }

  /** The time of the next thing that happened at all, in a direction: an entry, or a message that leaves or arrives. */
  nextMoment(time, forward) {
    const times = [this.nextEntry(time, forward) ?? NaN];
    const sent = after(this.messages, time);
    if (forward) times.push(this.messages[sent]?.time ?? NaN);
    let before = sent - 1;
    while (before >= 0 && this.messages[before].time === time) before -= 1;
    if (!forward) times.push(this.messages[before]?.time ?? NaN);
    this.visitMessages(time, LONG_US, (message) => times.push(message.end));
    const fits = times.filter((other) => (forward ? other > time && other < Infinity : other < time));
    if (fits.length > 0) return forward ? Math.min(...fits) : Math.max(...fits);
    return undefined;
  }

  // ---- what is recorded

  #take(record) {
    const take = TAKE[record.kind];
    // A later version may have kinds that are not known here.
    if (!take) return;
    if (!this.begin && record.kind !== "begin") throw new Error('This is not a trace: it does not start with "begin".');
    this.end = Math.max(this.end, record.time);
    take(this, record);
  }

  begins(record) {
    if (!(record.version <= VERSION_MAX)) {
      throw new Error(`This trace has version ${record.version}; this page knows up to ${VERSION_MAX}. Open it with a newer lab.`);
    }
    this.begin = record;
    this.#patches.push({ time: 0, patch: {}, state: EMPTY });
  }

  name(node) {
    return this.names.get(node) ?? `node ${node}`;
  }

  tell(record, level, text, more = {}) {
    insert(this.entries, { seq: (this.#seq += 1), time: record.time, kind: record.kind, level, text, ...more });
  }
  #seq = 0;

  /** What starts, crashes and faults say of nodes and links counts only until a system says so itself. */
  derive(time, patch) {
    if (!this.#described) this.patch(time, patch);
  }

  patch(time, patch) {
    const last = this.#patches.at(-1);
    time = Math.max(time, last.time);
    const entry = { time, patch, state: null };
    const state = merge(this.latest, patch);
    this.#patches.push(entry);
    if (this.#patches.length % KEYFRAME_EVERY === 0) entry.state = state;
    this.#cached = { index: this.#patches.length - 1, state };
    for (const id of Object.keys(patch.figures ?? {})) this.#point(time, id, state.figures?.[id]);
    if (patch.lamps) this.#lamps(time, patch.lamps, state.lamps ?? {});
  }

  /** The system says so itself: what it does not name is none of its nodes. */
  described(time, nodes) {
    const derived = Object.keys((!this.#described && this.latest.nodes) || {}).filter((name) => !(name in nodes));
    if (derived.length > 0) this.patch(time, { nodes: Object.fromEntries(derived.map((name) => [name, null])) });
    this.#described = true;
  }

  #point(time, id, figure) {
    if (!Number.isFinite(figure?.value)) return;
    let series = this.series.get(id);
    if (!series) this.series.set(id, (series = { id, times: [], values: [] }));
    Object.assign(series, { order: figure.order ?? 0, label: figure.label ?? id, unit: figure.unit ?? "" });
    series.times.push(time);
    series.values.push(figure.value);
    if (series.times.length > POINTS_MAX) {
      for (const list of ["times", "values"]) series[list] = series[list].filter((_, n) => n % 2 === 0 || n > POINTS_MAX / 2);
    }
  }

  /** Times at which a lamp went out, for the timeline: id → [[from, to]]. */
  broken = new Map();
  #lamps(time, patch, lamps) {
    for (const id of Object.keys(patch)) {
      const spans = this.broken.get(id) ?? [];
      const open = spans.at(-1)?.[1] === Infinity;
      const broken = lamps[id]?.holds === false;
      if (broken && !open) this.broken.set(id, [...spans, [time, Infinity]]);
      if (!broken && open) spans.at(-1)[1] = time;
    }
  }

  sends({ time, from, to, message: id, text, label }) {
    label ??= labelOf(text ?? "");
    const cut = this.latest.links?.[`${this.name(from)}>${this.name(to)}`]?.cut === true;
    const message = { time, from, to, label, text: text ?? "", end: Infinity, lost: null, cut };
    insert(this.messages, message);
    this.labels.set(label, (this.labels.get(label) ?? 0) + 1);
    this.#open.set(id, message);
    const second = Math.floor(time / 1e6);
    while (this.perSecond.length <= second) this.perSecond.push(0);
    this.perSecond[second] += 1;
  }

  arrives({ time, message: id, text }, lost) {
    const message = this.#open.get(id);
    // Twice delivered, or sent before what is remembered.
    if (!message) return;
    this.#open.delete(id);
    message.end = time;
    if (lost) message.lost = text || "lost";
    if (time - message.time > LONG_US) this.#long.push(message);
  }

  /** Old events fold: their messages are only counted, and states are kept at keyframes alone. */
  #fold() {
    if (this.messages.length > MESSAGES_MAX) {
      const gone = this.messages.splice(0, MESSAGES_MAX / 4);
      this.foldedTo = gone.at(-1).time;
      this.#long = this.#long.filter((message) => message.time > this.foldedTo);
      for (const [id, message] of this.#open) if (message.time <= this.foldedTo) this.#open.delete(id);
    }
    if (this.#patches.length > PATCHES_MAX) {
      const cut = this.#patches.findIndex((entry, n) => n >= PATCHES_MAX / 2 && entry.state);
      this.#patches = this.#patches.filter((entry, n) => n >= cut || entry.state);
      this.#cached = null;
    }
    if (this.entries.length > ENTRIES_MAX) this.entries.splice(0, ENTRIES_MAX / 4);
  }
}

const EMPTY = Object.freeze({});

/** What each kind of record does to a recording. */
const TAKE = {
  begin: (run, record) => run.begins(record),
  start(run, { time, kind, node, name, life }) {
    run.names.set(node, name);
    run.derive(time, { nodes: { [name]: { role: name.replace(/[-\d]+$/, ""), process: "up" } } });
    if (!run.live) run.tell({ time, kind }, life > 1 ? "good" : "change", `${name} starts${life > 1 ? ` again: life ${life}` : ""}`, { node: name });
  },
  crash(run, { time, kind, node, text }) {
    const name = run.name(node);
    run.derive(time, { nodes: { [name]: { process: "down" } } });
    if (!run.live) run.tell({ time, kind }, "bad", `${name} crashes${text ? `, ${text}` : ""}`, { node: name, fault: true });
  },
  send: (run, record) => run.sends(record),
  deliver: (run, record) => run.arrives(record, false),
  lose: (run, record) => run.arrives(record, true),
  fault(run, record) {
    const names = (node) => run.name(node);
    run.derive(record.time, faultPatch(record, names, [...run.names.values()]));
    const node = "node" in record ? run.name(record.node) : undefined;
    run.tell(record, "action", faultText(record, names), { node, fault: !["heal", "restart", "resume"].includes(record.fault) });
  },
  calm: (run, record) => run.tell(record, "story", "The faults are over: everything is mended and started, and progress is demanded"),
  note: (run, record) => run.tell(record, "change", record.text),
  violation(run, record) {
    run.violation = record;
    run.tell(record, "bad", `${record.invariant} does not hold: ${record.text}`, { fault: true });
    const sentence = run.latest.lamps?.[record.invariant]?.sentence ?? record.invariant;
    run.patch(record.time, { lamps: { [record.invariant]: { sentence, holds: false, reason: record.text } } });
  },
  end: (run, record) => run.tell(record, "good", "The run ends well"),
  timer() {},
  sync() {},
  synced() {},
  state(run, { time, patch }) {
    if (!isObject(patch)) return;
    if (patch.nodes) run.described(time, patch.nodes);
    run.patch(time, patch);
  },
  event(run, record) {
    const node = record.node === undefined ? undefined : run.name(record.node);
    const fault = record.level === "bad" || (record.level === "action" && node !== undefined);
    run.tell(record, record.level, record.text, { node, command: record.command, fault });
  },
};
