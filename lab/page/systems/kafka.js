// Draws mini-kafka: topics with their partitions and segments, groups with what each member reads and how far it is behind.
// `plain.js` says what a drawing file has.

import { attribute, byName, bytes, count, el, keyed, text } from "../dom.js";

/** What says little: that there is nothing new, and how one finds each other. */
export const quiet = ["answer", "connect", "metadata", "api versions", "find coordinator", "fetch", "offset fetch", "list offsets"];
export const speaker = "broker says";

const SEGMENTS_MAX = 12;
/** Behind by as many, the bar of a lag is full. */
const LAG_FULL = 200;

const sorted = (members) => Object.entries(members ?? {}).sort(([a], [b]) => byName(a, b)).map(([key, shown]) => ({ ...shown, key }));
const partitions = (state) => sorted(state.topics).flatMap((topic) => sorted(topic.partitions).map((part) => ({ ...part, topic, name: `${topic.key}-${part.key}` })));
const readings = (state) => sorted(state.groups).flatMap((group) => sorted(group.partitions).map((part) => ({ ...part, group, name: `${group.key} ${part.key}` })));

/** What there is, in a few words. */
export function summary(state) {
  return [count(Object.keys(state.topics ?? {}).length, "topic"), count(partitions(state).length, "partition"), count(Object.keys(state.groups ?? {}).length, "group")].join(", ");
}

/** Fills the card of a node. */
export function drawNode(card, node) {
  text(card.querySelector(".facts"), node.facts ?? "");
  const { producer, consumer } = node;
  const chips = producer ? [[producer.rate > 0 ? `${producer.rate}/s` : "silent", "good"], producer.again > 0 && [`${producer.again} sent again`, "stale"], producer.waits && producer.trouble && ["waits", "writing"]]
    : consumer ? [[consumer.group, "good"], consumer.generation === undefined ? ["joins", "writing"] : [`generation ${consumer.generation}`, "good"], consumer.speed > 0 && [`${consumer.speed}/s at most`, "stale"]] : [];
  keyed(card.querySelector(".held"), chips.filter(Boolean), ([words]) => words, () => el("span"), (chip, [words, state]) => {
    attribute(chip, "class", `chip ${state}`);
    attribute(chip, "title", (producer ?? consumer)?.trouble ?? "");
    text(chip, words);
  });
}

/** What is wrong with a node besides. */
export function wrong(node) {
  return [node.producer?.waits && node.producer.trouble && "no acknowledgement", node.consumer && node.process === "up" && node.consumer.generation === undefined && "in no group"].filter(Boolean);
}

function titled(id, title, hint, columns) {
  return [
    el("div", { class: "bar" }, el("h2", { id: `${id}-title`, tabindex: "-1" }, title), el("span", { class: "hint" }, hint)),
    el("table", { "aria-labelledby": `${id}-title` },
      el("thead", {}, el("tr", {}, ...columns.map((name) => el("th", { scope: "col" }, name)))), el("tbody", { id })),
  ];
}

/** Makes the section. */
export function start(section) {
  section.setAttribute("aria-labelledby", "kafka-topics-title");
  section.replaceChildren(
    ...titled("kafka-topics", "Topics", "A segment is a file, the last one is written to; of a compacted topic its records are shown, the replaced ones in grey", ["partition", "offsets", "size", "segments"]),
    ...titled("kafka-groups", "Groups", "The lag is what is written and not committed yet", ["group", "partition", "read by", "committed", "lag"]));
}

/** Draws topics and groups. */
export function drawMain(section, state) {
  keyed(section.querySelector("#kafka-topics"), partitions(state), ({ name }) => name,
    ({ name }) => el("tr", { "data-key": name }, el("th", { scope: "row" }), el("td"), el("td"), el("td", { class: "held" })), (row, part) => {
      text(row.children[0], part.name + (part.topic.compacted ? " (compacted)" : ""));
      text(row.children[1], `${part.start} to ${part.end}`);
      text(row.children[2], bytes(part.bytes ?? 0));
      drawSegments(row.children[3], part);
    });
  keyed(section.querySelector("#kafka-groups"), readings(state), ({ name }) => name,
    ({ name }) => el("tr", { "data-key": name }, el("th", { scope: "row" }), el("td"), el("td"), el("td"), el("td", {}, el("meter", { min: 0, max: LAG_FULL, high: LAG_FULL / 2, low: LAG_FULL / 4, optimum: 0 }), el("span"))), (row, part) => {
      const { group } = part;
      text(row.children[0], `${group.key}: ${group.state}${group.generation === undefined ? "" : `, generation ${group.generation}`}`);
      text(row.children[1], part.key);
      text(row.children[2], part.reader ?? "nobody");
      text(row.children[3], String(part.committed ?? "–"));
      row.dataset.lag = part.lag;
      attribute(row.querySelector("meter"), "value", Math.min(part.lag, LAG_FULL));
      attribute(row.querySelector("meter"), "aria-label", `${part.lag} records behind`);
      text(row.querySelector("span"), ` ${part.lag}`);
    });
}

/** A chip for each segment, or for each record where the records are what there is to see. */
function drawSegments(cell, part) {
  const segments = sorted(part.segments);
  const shown = segments.slice(-SEGMENTS_MAX);
  const chips = shown.flatMap((segment) => segment.keys
    ? [{ key: `s${segment.key}`, words: `${segment.key}:`, state: "rest", title: `${count(segment.records, "record")}, ${bytes(segment.bytes)}` },
      ...sorted(segment.keys).map((record) => ({ key: `r${record.key}`, words: sign(record), state: CHIP[record.state], title: `offset ${record.key}: ${record.value ?? "deleted"}` }))]
    : [{ key: `s${segment.key}`, words: `from ${segment.key}: ${segment.records}`, state: segment === shown.at(-1) ? "writing" : "good", title: `${count(segment.records, "record")}, ${bytes(segment.bytes)}` }]);
  const before = segments.length - shown.length;
  if (before > 0) chips.unshift({ key: "before", words: `+${before}`, state: "rest", title: "older segments" });
  keyed(cell, chips, ({ key }) => key, () => el("span"), (chip, { words, state, title }) => {
    attribute(chip, "class", `chip ${state}`);
    attribute(chip, "title", title);
    text(chip, words);
  });
}

const sign = ({ of, state }) => (state === "deleted" ? `✕ ${of}` : of);
const CHIP = { last: "good", replaced: "stale", deleted: "lost" };
