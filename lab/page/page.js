// The page's frame. There is one model: a recording, and a cursor that a player moves. Everything drawn follows from the
// two; live is a recording that grows, with the cursor at its end. What a system's nodes hold is drawn by a file of
// its own under systems/.

import * as charts from "./charts.js";
import { $, attribute, forgetColours, text } from "./dom.js";
import * as faults from "./faults.js";
import * as groups from "./groups.js";
import * as journal from "./journal.js";
import * as marks from "./marks.js";
import { Player } from "./player.js";
import * as scenes from "./scenes.js";
import * as source from "./source.js";
import { drawNodes } from "./stage.js";
import * as plain from "./systems/plain.js";
import * as timeline from "./timeline.js";

/** The document is drawn at most so often; only marks and the cursor move with every frame. */
const DRAW_EVERY_MS = 100;
const SLOW_EVERY_MS = 250;
/** What is new is not shown as new for so long after a jump. */
const SETTLES_MS = 500;

const view = {
  /** What `/api/system` says; null without a lab. */
  info: null,
  /** The lab's own recording, also while another is shown. */
  live: null,
  recording: null,
  player: null,
  /** The state document at the cursor. */
  state: {},
  /** The drawing of the system. */
  system: plain,
  /** Whether something can be done to what is shown. */
  acts: false,
  grouping: false,
  show,
  changed: () => (dirty = true),
  arrived: () => view.live === view.recording && view.player.arrived(performance.now()),
  jump: (time) => jump(time),
};

/** The document, and all canvases, are to be drawn with the next frame. */
let dirty = true;
let anew = true;
let drawnAt = 0;
let slowAt = 0;
let settledAt = 0;
let seenCursor = -1;
let jump = () => {};

// ---- which recording

async function show(recording, { growing }) {
  const same = view.recording?.begin.epoch_ms === recording.begin.epoch_ms && growing && view.player?.growing;
  const { cursor, mode, speed } = view.player ?? {};
  view.recording = recording;
  view.player = new Player(recording);
  view.player.growing = growing;
  view.acts = growing;
  // The same run, asked for again after the connection was lost, is looked at as before.
  if (same && mode !== "live") Object.assign(view.player, { cursor, mode, speed });
  else if (growing) view.player.follow(false);
  else view.player.play(true, performance.now());
  marks.reset();
  $("zoom").value = growing ? "120" : "0";
  settle();
  document.body.dataset.view = growing ? "live" : "replay";
  for (const control of document.querySelectorAll("[data-live]")) control.hidden = !growing;
  $("save").hidden = !growing;
  $("back-to-live").hidden = growing || !view.live;
  groups.close();
  drawViolation(recording);
  await use(recording.begin.system ?? "");
}

function drawViolation({ violation }) {
  $("to-violation").hidden = !violation;
  if (violation) text($("to-violation"), `✕ ${violation.invariant} fails at ${(violation.time / 1e6).toFixed(3)} s`);
}

/** Takes the drawing file of a system; without one, nodes and messages alone are drawn. */
async function use(name) {
  const recording = view.recording;
  const known = /^[a-z][a-z0-9-]*$/.test(name);
  const system = known ? await import(`./systems/${name}.js`).catch(() => plain) : plain;
  if (view.recording !== recording) return;
  const section = $("system");
  section.replaceChildren();
  for (const id of ["heads", "racks"]) $(id).replaceChildren();
  view.system = system;
  view.speaker = system.speaker;
  marks.quieten(system.quiet ?? []);
  system.start?.(section, view);
  settle();
}

// ---- drawing

function frame(now) {
  requestAnimationFrame(frame);
  const { recording, player } = view;
  if (!recording) return;
  player.tick(now);
  const state = recording.stateAt(player.cursor);
  const edge = player.edge(now);
  const span = timeline.visibleSpan(view, now);
  const moved = player.cursor !== seenCursor;
  if (dirty || (now - drawnAt >= DRAW_EVERY_MS && (moved || state !== view.state))) {
    document.body.dataset.flow = now > settledAt && player.mode !== "paused" && player.forward ? "on" : "off";
    const before = view.state;
    view.state = state;
    if (dirty || state !== before) drawState(dirty ? null : before);
    journal.drawJournal(view);
    charts.drawChartCursors(view, span);
    [drawnAt, dirty] = [now, false];
  }
  if (now - slowAt >= SLOW_EVERY_MS || anew) {
    marks.drawLabels(recording);
    marks.drawLinks(view, now, anew);
    timeline.drawTicks(view, span);
    charts.drawCharts(view, span, edge);
    journal.announce(view, now);
    slowAt = now;
  }
  if (moved || anew) marks.draw(view);
  anew = false;
  timeline.drawCursor(view, span);
  seenCursor = player.cursor;
}

/** Members of the state document that are drawn apart; nodes and the system's part do not follow from them. */
const APART = ["figures", "lamps", "load", "scene"];

/** Draws the state; `before` is what was drawn last, if that is still good for something. */
function drawState(before) {
  const { state, system, info } = view;
  journal.drawLamps(state);
  scenes.drawScene(view);
  scenes.drawLoad(view);
  const changed = before && Object.keys({ ...state, ...before }).filter((member) => !APART.includes(member) && state[member] !== before[member]);
  if (changed?.length === 0) return;
  const nodesAlone = changed?.length === 1 && changed[0] === "nodes";
  drawNodes(view, nodesAlone ? before.nodes : null);
  scenes.drawClusterDeeds(view);
  $("undo").classList.toggle("due", faults.isAnything(state));
  system.drawMain?.($("system"), state, view);
  const title = scenes.drawSystems(view) ? "" : view.acts ? info?.title : view.recording.begin.scenario || view.recording.begin.system;
  text($("summary"), [title, system.summary?.(state)].filter(Boolean).join(" · "));
  const shell = view.acts ? system.shell?.(state) ?? info?.shell ?? [] : [];
  $("shell").hidden = shell.length === 0;
  text($("shell").querySelector("pre"), shell.join("\n"));
  marks.measure();
}

/** After a jump: all is drawn anew, and nothing of it shown as just arrived. */
function settle() {
  settledAt = performance.now() + SETTLES_MS;
  redraw();
}

function redraw() {
  dirty = true;
  anew = true;
}

// ---- light and dark

const THEMES = { auto: ["◐", "as the system has them", "light dark"], light: ["☀", "light", "light"], dark: ["☾", "dark", "dark"] };

function paint(theme) {
  const [sign, words, scheme] = THEMES[theme];
  document.documentElement.style.colorScheme = scheme;
  text($("theme"), sign);
  attribute($("theme"), "aria-label", `Colours: ${words}`);
  attribute($("theme"), "title", `Colours: ${words}`);
  attribute($("theme"), "data-theme", theme);
  repaint();
}

function repaint() {
  forgetColours();
  marks.forgetSprites();
  settle();
}

function startTheme() {
  const stored = localStorage.getItem("theme");
  paint(stored in THEMES ? stored : "auto");
  $("theme").addEventListener("click", () => {
    const names = Object.keys(THEMES);
    const next = names[(names.indexOf($("theme").dataset.theme) + 1) % names.length];
    localStorage.setItem("theme", next);
    paint(next);
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
}

// ---- start

function startPointing() {
  const stage = $("stage");
  let link = null;
  stage.addEventListener("pointermove", (event) => {
    if (view.recording) link = marks.point(event, view.recording);
  });
  stage.addEventListener("pointerleave", () => ($("tip").hidden = true));
  stage.addEventListener("click", (event) => {
    if (!link || !view.acts || event.target.closest(".node")) return;
    $("tip").hidden = true;
    const { clientX: left, clientY: bottom } = event;
    faults.openMenu({ getBoundingClientRect: () => ({ left, bottom, top: bottom }) }, link, view);
  });
  new ResizeObserver(redraw).observe(stage);
}

startTheme();
startPointing();
jump = timeline.start(view, settle);
charts.start(view);
faults.start();
groups.start(view);
journal.start();
scenes.start(view);
source.start(view);
$("to-violation").addEventListener("click", () => view.jump(view.recording.violation.time));
requestAnimationFrame(frame);
source.connect(view);
