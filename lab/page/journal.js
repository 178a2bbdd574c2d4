// What happened, as sentences up to the cursor; and what a screen reader is told of it: the important, and not too often.

import { $, attribute, clock, el, keyed, text } from "./dom.js";
import { after } from "./recording.js";

const ROWS_MAX = 250;
const ANNOUNCE_EVERY_MS = 2500;
const ANNOUNCED = new Set(["action", "bad", "story"]);

/** Each level has a word, and a colour in the style sheet. */
const LEVELS = { story: "scene", action: "done", change: "then", good: "good", bad: "trouble" };

let shown = { recording: null, last: null };
/** Whether the end of the list is kept in sight; scrolling up ends that, scrolling back down begins it. */
let following = true;

/** Keeps the end in sight. */
export function start() {
  const log = $("journal");
  log.addEventListener("scroll", () => (following = log.scrollTop + log.clientHeight >= log.scrollHeight - 30), { passive: true });
  new ResizeObserver(() => follow(log)).observe(log);
}

function follow(log) {
  if (following) log.scrollTop = log.scrollHeight;
}

/** Draws the entries up to the cursor. */
export function drawJournal({ recording, player, jump }) {
  const upTo = after(recording.entries, player.cursor);
  const last = recording.entries[upTo - 1]?.seq ?? 0;
  if (shown.recording === recording && shown.last === last) return;
  if (shown.recording !== recording) $("journal").replaceChildren();
  shown = { recording, last };
  const log = $("journal");
  following ||= player.mode !== "live";
  keyed(log, recording.entries.slice(Math.max(0, upTo - ROWS_MAX), upTo), (entry) => entry.seq,
    (entry) => makeRow(entry, jump), (row, entry) => attribute(row, "data-last", entry.seq === last ? "" : null));
  follow(log);
}

function makeRow(entry, jump) {
  const level = LEVELS[entry.level] ? entry.level : "change";
  const row = el("li", { "data-level": level },
    el("button", { type: "button", class: "quiet time", tabindex: "-1", title: "Go there", click: () => jump(entry.time) }, clock(entry.time).slice(0, -2)),
    el("span", { class: "level" }, LEVELS[level]), el("span", { class: "what" }, entry.text));
  if (entry.command) row.append(command(entry.command));
  return row;
}

function command(words) {
  const copy = async () => {
    await navigator.clipboard.writeText(words);
    text(button, "copied");
    setTimeout(() => text(button, "copy"), 1500);
  };
  const button = el("button", { type: "button", class: "copy quiet", "aria-label": `Copy the command: ${words}`, click: () => copy().catch(() => {}) }, "copy");
  return el("div", { class: "command" }, el("code", {}, words), button);
}

// ---- the screen reader

let announced = { recording: null, seq: 0, at: 0 };

/** Tells what came since the last time, in one sentence or two. Only while time goes on by itself. */
export function announce({ recording, player }, now) {
  const last = recording.entries.at(-1)?.seq ?? 0;
  if (announced.recording !== recording) announced = { recording, seq: last, at: now };
  if (player.mode !== "live") announced.seq = last;
  if (announced.seq === last || now - announced.at < ANNOUNCE_EVERY_MS) return;
  const news = recording.entries.filter((entry) => entry.seq > announced.seq && ANNOUNCED.has(entry.level));
  announced = { recording, seq: last, at: now };
  if (news.length === 0) return;
  const more = news.length > 2 ? `, and ${news.length - 2} more` : "";
  text($("announce"), news.slice(-2).map((entry) => entry.text).join(". ") + more);
}

// ---- lamps

const MANY_LAMPS = 7;

/** Draws what must hold. */
export function drawLamps(state) {
  const lamps = Object.entries(state.lamps ?? {}).map(([id, lamp]) => ({ id, ...lamp }));
  lamps.sort((a, b) => (a.order ?? 0) - (b.order ?? 0));
  $("lamps").hidden = lamps.length === 0;
  attribute($("lamps"), "data-many", lamps.length >= MANY_LAMPS ? "" : null);
  keyed($("lamps"), lamps, (lamp) => lamp.id,
    ({ id }) => el("div", { class: "lamp", "data-id": id }, el("span", { class: "light", "aria-hidden": "true" }),
      el("p", {}, el("strong"), el("small", {}, el("span", { class: "verdict" }), " ", el("span", { class: "reason" })))),
    (node, lamp) => {
      const verdict = lamp.holds === undefined ? "unknown" : lamp.holds ? "holds" : "broken";
      attribute(node, "data-state", verdict);
      text(node.querySelector("strong"), lamp.sentence ?? lamp.id);
      text(node.querySelector(".verdict"), { holds: "yes", broken: "no", unknown: "not known" }[verdict]);
      text(node.querySelector(".reason"), lamp.reason ?? "");
      attribute(node, "title", [lamp.sentence, lamp.reason].filter(Boolean).join(": "));
    });
}
