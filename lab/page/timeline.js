// The timeline: what happened as ticks over how much went on, and the controls that move the cursor.

import { $, attribute, calm, clock, colour, isTyping, surface, svg, text } from "./dom.js";
import { after } from "./recording.js";
import { SPEEDS } from "./player.js";

/** The thumb of the slider is so wide; its centre is what it says. */
const THUMB = 14;
const SHORTEST_US = 1_000_000;

let shown = { from: 0, to: SHORTEST_US };

/** What part of the recording the timeline and the charts show. */
export function visibleSpan({ recording, player }, now) {
  const edge = Math.max(player.edge(now), player.cursor, SHORTEST_US);
  const width = Number($("zoom").value) * 1e6;
  if (!width || width >= edge) return (shown = { from: 0, to: edge });
  let { from } = shown;
  const { cursor } = player;
  if (player.mode === "live") from = edge - width;
  else if (cursor < from || cursor > from + width || shown.to - from !== width) from = cursor - width / 2;
  from = Math.max(0, Math.min(from, edge - width));
  return (shown = { from, to: from + width, folded: recording.foldedTo });
}

// ---- drawing

/** Draws ticks. Slowly changing, so it need not be done for every frame. */
export function drawTicks({ recording }, span) {
  const { pen, width, height } = surface($("ticks"));
  const at = (time) => THUMB / 2 + ((time - span.from) / (span.to - span.from)) * (width - THUMB);
  drawDensity(pen, recording, span, at, height);
  pen.fillStyle = colour("bad");
  for (const spans of recording.broken.values()) {
    for (const [from, to] of spans) {
      if (to < span.from || from > span.to) continue;
      const [left, right] = [at(Math.max(from, span.from)), at(Math.min(to, span.to))];
      pen.globalAlpha = 0.55;
      pen.fillRect(left, height - 5, Math.max(2, right - left), 5);
    }
  }
  pen.globalAlpha = 1;
  const first = after(recording.entries, span.from - 1);
  let lastStory = -Infinity;
  for (let n = first; n < recording.entries.length && recording.entries[n].time <= span.to; n += 1) {
    const entry = recording.entries[n];
    const x = at(entry.time);
    if (entry.level === "story" && x - lastStory > 3) lastStory = x;
    tick(pen, entry, x, height);
  }
}

/** How many messages there were, second by second, as the ground on which the ticks stand. */
function drawDensity(pen, recording, span, at, height) {
  const [first, last] = [Math.floor(span.from / 1e6), Math.min(recording.perSecond.length - 1, Math.ceil(span.to / 1e6))];
  const most = recording.perSecond.slice(first, last + 1).reduce((a, b) => Math.max(a, b), 1);
  pen.fillStyle = colour("density");
  const step = Math.max(1, Math.floor((last - first) / 400));
  for (let second = first; second <= last; second += step) {
    const [left, right] = [Math.max(at(second * 1e6), THUMB / 2), at(Math.min((second + step) * 1e6, span.to))];
    const high = ((recording.perSecond[second] ?? 0) / most) * (height - 12);
    if (right > left) pen.fillRect(left, height - 5 - high, right - left, high);
  }
}

/** Every level has a form of its own, besides its colour. */
function tick(pen, entry, x, height) {
  const name = entry.level === "bad" ? "bad" : entry.level === "action" ? (entry.fault ? "warn" : "writing") : entry.level === "good" ? "good" : entry.level === "story" ? "paused" : "soft";
  pen.fillStyle = colour(name);
  pen.beginPath();
  if (entry.level === "bad") {
    pen.moveTo(x, 1);
    pen.lineTo(x + 5, 7);
    pen.lineTo(x, 13);
    pen.lineTo(x - 5, 7);
  } else if (entry.level === "action") {
    pen.moveTo(x - 5, 2);
    pen.lineTo(x + 5, 2);
    pen.lineTo(x, 12);
  } else if (entry.level === "good") {
    pen.arc(x, 7, 3.5, 0, 2 * Math.PI);
  } else if (entry.level === "story") {
    pen.rect(x - 1, 0, 2, height - 5);
  } else {
    pen.rect(x - 0.75, height - 14, 1.5, 9);
  }
  pen.fill();
}

/** Draws where the cursor is, and how the controls stand. For every frame. */
export function drawCursor({ recording, player }, span) {
  const scrub = $("scrub");
  attribute(scrub, "min", span.from);
  attribute(scrub, "max", span.to);
  if (!dragging) scrub.value = player.cursor;
  text($("clock"), clock(player.cursor));
  const last = recording.entries[after(recording.entries, player.cursor) - 1];
  attribute(scrub, "aria-valuetext", `${clock(player.cursor).slice(0, -4)} of ${clock(recording.end).slice(0, -4)}${last ? `, ${last.text}` : ""}`);
  const moving = player.mode !== "paused";
  icon($("play"), moving && player.forward ? "pause" : "play", moving && player.forward ? "Pause" : "Play");
  icon($("play-back"), moving && !player.forward ? "pause" : "back", moving && !player.forward ? "Pause" : "Play backwards");
  attribute($("live"), "aria-pressed", String(player.mode === "live"));
  $("live").hidden = !player.growing;
  if ($("speed").value !== String(player.speed)) $("speed").value = String(player.speed);
}

// ---- icons

const ICONS = {
  play: "M4 2.5v11l9-5.5z", back: "M12 2.5v11L3 8z", pause: "M3.5 2.5h3.2v11H3.5zM9.3 2.5h3.2v11H9.3z",
  stepForward: "M3 2.5v11L10 8zM11 2.5h2v11h-2z", stepBack: "M13 2.5v11L6 8zM3 2.5h2v11H3z",
  faultForward: "M2 2.5v11L7 8zM12 3l3 5-3 5-3-5z", faultBack: "M14 2.5v11L9 8zM4 3l3 5-3 5-3-5z",
};
function icon(button, name, label) {
  if (button.dataset.icon === name) return;
  button.dataset.icon = name;
  button.replaceChildren(svg("svg", { viewBox: "0 0 16 16", "aria-hidden": "true" }, svg("path", { d: ICONS[name] })));
  if (label) button.setAttribute("aria-label", label);
}

// ---- controls

let dragging = false;

/** Makes the controls work. `moved` is called when the cursor jumped. */
export function start(view, moved) {
  for (const [id, name] of Object.entries({ "fault-back": "faultBack", "step-back": "stepBack", "step-forward": "stepForward", "fault-forward": "faultForward" })) icon($(id), name);
  const speed = $("speed");
  for (const value of SPEEDS) speed.append(new Option(value < 1 ? `1/${Math.round(1 / value)} ×` : `${value} ×`, value));
  speed.value = "1";
  const now = () => performance.now();
  const player = () => view.player;
  const jump = (time) => {
    player().jump(time, now());
    moved();
  };
  const fault = (forward) => jump(view.recording.nextEntry(player().cursor, forward, (entry) => entry.fault));
  const step = (forward, fine) => jump(fine ? view.recording.nextMoment(player().cursor, forward) : view.recording.nextEntry(player().cursor, forward));
  const play = (forward) => {
    if (player().mode !== "paused" && player().forward === forward) player().pause();
    else player().play(forward, now());
    moved();
  };
  const live = () => {
    if (player().growing) player().follow(!calm.matches);
    else jump(view.recording.end);
    moved();
  };
  const seek = (time) => {
    player().seek(time, now());
    moved();
  };
  $("play").addEventListener("click", () => play(true));
  $("play-back").addEventListener("click", () => play(false));
  $("step-back").addEventListener("click", (event) => step(false, event.shiftKey));
  $("step-forward").addEventListener("click", (event) => step(true, event.shiftKey));
  $("fault-back").addEventListener("click", () => fault(false));
  $("fault-forward").addEventListener("click", () => fault(true));
  $("live").addEventListener("click", live);
  speed.addEventListener("change", () => player().setSpeed(Number(speed.value)));
  const scrub = $("scrub");
  scrub.addEventListener("input", () => seek(Number(scrub.value)));
  scrub.addEventListener("pointerdown", () => (dragging = true));
  for (const end of ["pointerup", "pointercancel", "blur"]) scrub.addEventListener(end, () => (dragging = false));
  const faster = (by) => {
    const next = SPEEDS[SPEEDS.indexOf(player().speed) + by];
    if (next) player().setSpeed(next);
  };
  const keys = {
    " ": (event) => play(!event.shiftKey), f: () => fault(true), F: () => fault(false), End: live, Home: () => seek(0), "+": () => faster(1), "-": () => faster(-1),
    ArrowLeft: (event) => step(false, event.shiftKey), ArrowRight: (event) => step(true, event.shiftKey),
    PageUp: () => seek(player().cursor - (shown.to - shown.from) / 20), PageDown: () => seek(player().cursor + (shown.to - shown.from) / 20),
  };
  document.addEventListener("keydown", (event) => {
    const { target, key } = event;
    const onScrub = target === scrub;
    // Elsewhere these keys press buttons and scroll.
    const free = onScrub || target === document.body || target.closest("#timeline");
    if (event.ctrlKey || event.metaKey || event.altKey || !keys[key] || !free || isTyping(target)) return;
    if (key === " " && target.closest("button")) return;
    if (target.closest("input[type=range]") && !onScrub) return;
    event.preventDefault();
    keys[key](event);
  });
  return jump;
}
