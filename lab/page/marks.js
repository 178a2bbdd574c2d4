// Messages as marks that move along the links between nodes, and the links with what is wrong with them. Two canvases:
// links below the cards of the nodes, marks above them. What is drawn depends on the recording and the cursor alone.

import { $, colour, el, pixelRatio, surface, text } from "./dom.js";
import { linkWords } from "./vocabulary.js";

/** How long a mark is on its way for the eye, however quick the message was. */
const VISIBLE_MS = 700;
const VISIBLE_US_MAX = 1_500_000;
/** What took longer was held up: its mark waits at the cut, or at the door of the receiver. */
const PROMPT_US = 300_000;
/** A link on which nothing went for so long is not drawn, unless something is wrong with it. */
const LINK_SHOWN_US = 5_000_000;
/** From so many marks of a label in a slot of time on a link, they fold into one with their number. */
const FOLD_FROM = 3;
const SLOTS_PER_FLIGHT = 4;
/** So many labels have their button in sight; the others are behind one. */
const LABELS_SHOWN = 6;
const FAULTY_LINKS_MAX = 80;
const LINKS_CLEAR = 60;
const LINKS_MAX = 200;
const LINKS_EVERY_MS = 1000;
/** Links fade with the time since they were used, in so many steps. */
const STRENGTHS = 4;
const RADIUS = 9;

// Okabe and Ito's palette, less the vermilion that is kept for trouble. A letter goes with every colour.
const PALETTE = ["#56b4e9", "#e69f00", "#009e73", "#cc79a7", "#f0e442", "#0072b2", "#b8bec6"];

let places = new Map();
let curves = [];
let linksAt = 0;
let labels = new Map();
const hidden = new Set();
const sprites = new Map();

// ---- labels

/** Colour and letter of a label; each letter is used once, as long as there are letters. */
function labelStyle(label) {
  if (!labels.has(label)) {
    const others = [...labels.values()];
    const letters = [...label.replace(/[^a-z]/gi, "").toLowerCase(), ...label.replace(/[^a-z]/gi, "").toUpperCase()];
    const used = (colour) => others.filter((other) => other.colour === colour).length;
    const least = Math.min(...PALETTE.map(used));
    const letter = letters.find((letter) => others.every((other) => other.letter !== letter)) ?? "·";
    labels.set(label, { index: labels.size, letter, colour: PALETTE.find((colour) => used(colour) === least) });
  }
  return labels.get(label);
}

/** Begins anew; labels get colours and letters as they come. */
export function reset() {
  labels = new Map();
  sprites.clear();
  $("labels").replaceChildren();
  $("labels").classList.remove("open");
}

/** Hides labels that say little, the first time that a system names them; they can be shown like all. */
export function quieten(list) {
  for (const label of list.filter((label) => !quietened.has(label))) {
    quietened.add(label);
    hidden.add(label);
  }
  $("labels").replaceChildren();
}
const quietened = new Set();

/** The buttons that show and hide messages by their label. */
export function drawLabels({ labels: counts }) {
  const bar = $("labels");
  // The most frequent have their button in sight.
  const often = [...counts.keys()].filter((label) => !quietened.has(label)).sort((a, b) => counts.get(b) - counts.get(a)).slice(0, LABELS_SHOWN);
  const more = bar.querySelector(".all") ?? bar.appendChild(el("button", { type: "button", class: "label all", "aria-expanded": "false", click: ({ currentTarget: button }) => {
    button.setAttribute("aria-expanded", String(bar.classList.toggle("open")));
  } }));
  for (const label of counts.keys()) {
    const button = bar.querySelector(`[data-label="${CSS.escape(label)}"]`) ?? bar.insertBefore(makeLabel(label), more);
    button.classList.toggle("rare", !often.includes(label));
  }
  more.hidden = often.length === counts.size;
  text(more, `all ${counts.size} labels`);
}

function makeLabel(label) {
  const style = labelStyle(label);
  const sign = el("span", { class: "mark", "aria-hidden": "true" }, style.letter);
  sign.style.background = style.colour;
  sign.style.color = ink(style.colour);
  return el("button", { type: "button", class: "label", "data-label": label, "aria-pressed": String(!hidden.has(label)),
    title: `Show or hide the messages “${label}”`, click: ({ currentTarget: button }) => toggle(label, button) }, sign, label);
}

function toggle(label, button) {
  if (!hidden.delete(label)) hidden.add(label);
  button.setAttribute("aria-pressed", String(!hidden.has(label)));
}

const ink = (background) => (background === "#0072b2" || background === "#009e73" ? "#fff" : "#10151b");

// ---- where things are

/** Measures where the cards are. */
export function measure() {
  const stage = $("stage");
  const origin = stage.getBoundingClientRect();
  places = new Map();
  for (const card of stage.querySelectorAll(".node")) {
    const box = card.getBoundingClientRect();
    const [left, top] = [box.left - origin.left, box.top - origin.top];
    places.set(card.dataset.key, { left, top, right: left + box.width, bottom: top + box.height, x: left + box.width / 2,
      y: top + box.height / 2, head: card.parentElement.id === "heads" });
  }
}

/** The way from one card to another, as a quadratic curve; there and back are two lanes. */
function curve(from, to) {
  const [a, b] = [places.get(from), places.get(to)];
  if (!a || !b || a === b) return null;
  const lane = from < to ? 5 : -5;
  if (a.head && b.head) {
    const right = a.x < b.x;
    const y = (Math.min(a.bottom, b.bottom) + Math.max(a.top, b.top)) / 2 + lane;
    return way(right ? a.right : a.left, y, null, null, right ? b.left : b.right, y);
  }
  if (a.head || b.head) {
    const [head, node] = a.head ? [a, b] : [b, a];
    const inset = Math.min(24, (head.right - head.left) / 4);
    const x = Math.max(head.left + inset, Math.min(head.right - inset, node.x)) + lane;
    const there = way(x, head.bottom, null, null, node.x + lane, node.top);
    return a.head ? there : way(there.x1, there.y1, null, null, there.x0, there.y0);
  }
  const lift = Math.min(90, 26 + Math.abs(a.x - b.x) * 0.1) + lane;
  const aside = a.x < b.x ? 14 : -14;
  return way(a.x + aside, a.top, (a.x + b.x) / 2, Math.min(a.top, b.top) - lift * 1.4, b.x - aside, b.top);
}

function way(x0, y0, cx, cy, x1, y1) {
  return { x0, y0, cx: cx ?? (x0 + x1) / 2, cy: cy ?? (y0 + y1) / 2, x1, y1 };
}

function along({ x0, y0, cx, cy, x1, y1 }, p) {
  const q = 1 - p;
  return [q * q * x0 + 2 * q * p * cx + p * p * x1, q * q * y0 + 2 * q * p * cy + p * p * y1];
}

// ---- links

/** Draws the links that are in use or broken. */
export function drawLinks({ recording, player, state }, now, anew) {
  // Many are drawn less often.
  if (!anew && curves.length > LINKS_CLEAR && now - linksAt < LINKS_EVERY_MS) return;
  linksAt = now;
  const { pen } = surface($("links"));
  const recent = new Map();
  recording.visitMessages(player.cursor, LINK_SHOWN_US, (message) => {
    if (hidden.has(message.label)) return;
    const [from, to] = [recording.name(message.from), recording.name(message.to)];
    const key = `${from}>${to}`;
    const link = recent.get(key) ?? { from, to, last: 0, counts: new Map() };
    link.last = Math.max(link.last, Math.min(message.end, player.cursor), message.time);
    link.counts.set(message.label, (link.counts.get(message.label) ?? 0) + 1);
    recent.set(key, link);
  });
  const faulty = Object.entries(state.links ?? {}).filter(([, rule]) => linkWords(rule));
  for (const [key] of faulty.length > FAULTY_LINKS_MAX ? [] : faulty) {
    const [from, to] = key.split(">");
    if (!recent.has(key)) recent.set(key, { from, to, last: 0, counts: new Map() });
  }
  curves = [];
  // The more links, the fainter each; of very many, those that were used last.
  const links = [...recent].sort(([, a], [, b]) => b.last - a.last).slice(0, LINKS_MAX);
  const faint = Math.min(1, LINKS_CLEAR / links.length);
  const whole = Array.from({ length: STRENGTHS }, () => new Path2D());
  for (const [key, link] of links) {
    const shape = curve(link.from, link.to);
    if (!shape) continue;
    const rule = state.links?.[key] ?? {};
    const wrong = linkWords(rule);
    curves.push({ ...link, shape, wrong });
    const path = new Path2D();
    path.moveTo(shape.x0, shape.y0);
    path.quadraticCurveTo(shape.cx, shape.cy, shape.x1, shape.y1);
    // Where both directions are the same, one of them says so.
    const back = `${link.to}>${link.from}`;
    const said = link.from > link.to && recent.has(back) && linkWords(state.links?.[back] ?? {}) === wrong;
    if (wrong) drawFault(pen, shape, path, said ? "" : wrong, rule.cut, link.counts.size > 0);
    else whole[Math.min(STRENGTHS - 1, Math.floor(((player.cursor - link.last) / LINK_SHOWN_US) * STRENGTHS))].addPath(path);
  }
  pen.strokeStyle = colour("link");
  pen.lineWidth = 1.5;
  whole.forEach((path, age) => {
    pen.globalAlpha = faint * (1 - age / STRENGTHS);
    pen.stroke(path);
  });
  pen.globalAlpha = 1;
}

/** Where nobody tries to send, a fault is only hinted at: of a partition of many nodes one sees what matters. */
function drawFault(pen, shape, path, wrong, cut, used) {
  pen.globalAlpha = used ? 1 : 0.35;
  pen.strokeStyle = colour(cut ? "bad" : "warn");
  pen.lineWidth = used ? 2.5 : 1.5;
  pen.setLineDash(cut ? [7, 6] : [2, 5]);
  pen.stroke(path);
  pen.setLineDash([]);
  pen.globalAlpha = 1;
  if (!used || !wrong) return;
  const [x, y] = along(shape, 0.5);
  pen.font = "600 12px system-ui, sans-serif";
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  const words = cut ? "✕" : wrong;
  const width = pen.measureText(words).width + 8;
  pen.fillStyle = colour("ground");
  pen.fillRect(x - width / 2, y - 9, width, 18);
  pen.fillStyle = colour(cut ? "bad" : "warn");
  pen.fillText(words, x, y + 0.5);
}

// ---- marks

/** How long a message is seen on its way, in time of the recording. */
const visible = (player) => Math.min(VISIBLE_MS * 1000 * player.speed, VISIBLE_US_MAX);

/** Where on its way (0 to 1) the mark of a message is, `seen` being how long it is on its way for the eye; null for not at all. */
export function position(message, time, seen) {
  const age = time - message.time;
  const flight = message.end - message.time;
  if (age < 0) return null;
  const stop = message.lost === "down" ? 0.94 : 0.5;
  if (message.lost && time >= message.end) {
    const reached = Math.max(flight, seen * stop);
    if (age >= reached) return age - reached < seen * 1.5 ? stop : null;
    return (age / reached) * stop;
  }
  if (flight <= Math.max(seen, PROMPT_US)) {
    const p = age / Math.max(flight, seen);
    return p < 1 ? p : null;
  }
  const hold = message.cut ? 0.5 : message.lost ? stop : 0.94;
  if (time < message.end) return Math.min(hold, age / seen);
  const p = hold + (time - message.end) / seen;
  return p < 1 ? p : null;
}

/** Draws the marks of the moment; returns how many messages they stand for. */
export function draw({ recording, player }) {
  const { pen } = surface($("marks"));
  const seen = visible(player);
  const groups = new Map();
  let number = 0;
  recording.visitMessages(player.cursor, seen * 1.5, (message) => {
    if (hidden.has(message.label)) return;
    const p = position(message, player.cursor, seen);
    if (p === null) return;
    number += 1;
    const lost = message.lost && player.cursor >= message.end;
    const slot = p === 0.5 || p === 0.94 ? -1 : Math.floor((message.time * SLOTS_PER_FLIGHT) / seen);
    const key = `${message.from}>${message.to}>${labelStyle(message.label).index}>${lost ? "x" : slot}`;
    const group = groups.get(key);
    if (group) group.push(message);
    else groups.set(key, [message]);
  });
  marks = [];
  scale = $("stage").dataset.density === "tiles" ? 0.75 : 1;
  const shapes = new Map();
  for (const group of groups.values()) {
    const [first] = group;
    const link = first.from * 65536 + first.to;
    if (!shapes.has(link)) shapes.set(link, curve(recording.name(first.from), recording.name(first.to)));
    const shape = shapes.get(link);
    if (!shape) continue;
    const ps = group.map((message) => position(message, player.cursor, seen));
    if (group.length < FOLD_FROM) {
      group.forEach((message, n) => drawMark(pen, shape, message, ps[n], 1, player.cursor));
    } else {
      drawMark(pen, shape, first, ps.reduce((sum, p) => sum + p, 0) / ps.length, group.length, player.cursor);
    }
  }
  return number;
}
let marks = [];
let scale = 1;

function drawMark(pen, shape, message, p, number, time) {
  const [x, y] = along(shape, p);
  const lost = message.lost && time >= message.end && (p === 0.5 || p === 0.94);
  const { image, size } = spriteOf(message.label, lost, number > 1 ? 1.25 * scale : scale);
  // Pixel by pixel, without scaling: so even a machine without a graphics card copies many.
  const ratio = image.width / size;
  pen.setTransform(1, 0, 0, 1, 0, 0);
  pen.drawImage(image, Math.round((x - size / 2) * ratio), Math.round((y - size / 2) * ratio));
  marks.push({ x, y, message, number });
  if (number === 1) return;
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.font = "700 12px system-ui, sans-serif";
  pen.textAlign = "left";
  pen.textBaseline = "middle";
  pen.lineWidth = 3;
  pen.strokeStyle = colour("ground");
  pen.strokeText(`×${number}`, x + size / 2 - 1, y);
  pen.fillStyle = colour("text");
  pen.fillText(`×${number}`, x + size / 2 - 1, y);
}

/** A mark is drawn once, and then only copied. */
function spriteOf(label, lost, scale) {
  const key = `${label}|${lost}|${scale}`;
  if (sprites.has(key)) return sprites.get(key);
  const ratio = pixelRatio();
  const image = document.createElement("canvas");
  image.width = image.height = Math.ceil((RADIUS * 2 + 4) * scale * ratio);
  const size = image.width / ratio;
  const pen = image.getContext("2d");
  pen.scale(ratio, ratio);
  const style = labelStyle(label);
  pen.beginPath();
  pen.arc(size / 2, size / 2, RADIUS * scale, 0, 2 * Math.PI);
  pen.fillStyle = lost ? colour("ground") : style.colour;
  pen.fill();
  pen.lineWidth = 1.5;
  pen.strokeStyle = lost ? colour("bad") : colour("ground");
  pen.stroke();
  pen.font = `700 ${12 * scale}px system-ui, sans-serif`;
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  pen.fillStyle = lost ? colour("bad") : ink(style.colour);
  pen.fillText(lost ? "✕" : style.letter, size / 2, size / 2 + 0.5);
  sprites.set(key, { image, size });
  return sprites.get(key);
}

/** Marks are drawn anew, in the colours of now. */
export function forgetSprites() {
  sprites.clear();
}

// ---- pointing

/** What is at a point of the stage: `{ mark }`, `{ link }` or null. */
export function at(x, y) {
  const mark = marks.findLast((mark) => Math.hypot(mark.x - x, mark.y - y) <= RADIUS + 2);
  if (mark) return { mark };
  let [best, nearest] = [null, 9];
  for (const link of curves) {
    for (let p = 0; p <= 1; p += 0.04) {
      const [cx, cy] = along(link.shape, p);
      const distance = Math.hypot(cx - x, cy - y);
      if (distance < nearest) [best, nearest] = [link, distance];
    }
  }
  return best && { link: best };
}

/** Says in the tip what is at a point; returns whether a link is there, which can be clicked. */
export function point(event, recording) {
  const origin = $("stage").getBoundingClientRect();
  const [x, y] = [event.clientX - origin.left, event.clientY - origin.top];
  const found = event.target.closest(".node") ? null : at(x, y);
  const tip = $("tip");
  tip.hidden = !found;
  $("stage").classList.toggle("pointing", Boolean(found));
  if (!found) return null;
  const { from, to } = found.link ?? {};
  text(tip, found.mark ? markWords(found.mark, recording)
    : `${from} → ${to}${found.link.wrong ? `: ${found.link.wrong}` : ""} · ${[...found.link.counts].map(([label, n]) => `${n} ${label}`).join(", ") || "nothing lately"} · click to break it`);
  tip.style.left = `${Math.min(x + 12, origin.width - 260)}px`;
  tip.style.top = `${y + 14}px`;
  return found.link ?? { from: recording.name(found.mark.message.from), to: recording.name(found.mark.message.to) };
}

function markWords({ message, number }, recording) {
  const way = `${recording.name(message.from)} → ${recording.name(message.to)}`;
  const words = message.text && message.text !== message.label ? `: ${message.text.slice(0, 160)}` : "";
  return `${number > 1 ? `${number} × ` : ""}${message.label}, ${way}${words}${message.lost ? ` (lost: ${message.lost})` : ""}`;
}
