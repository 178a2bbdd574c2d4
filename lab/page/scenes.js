// Scenes: their list, and what the one that plays tells, large enough for the last row. And the load.

import { post } from "./api.js";
import { $, attribute, el, keyed, text } from "./dom.js";
import { deedRow, clusterDeeds, place } from "./faults.js";

// ---- the list

/** Fills the list of scenes from what the lab says of its system. */
export function fillScenes({ info }) {
  const play = (name, mode) => el("button", { type: "button", "data-scene": name, "data-mode": mode, "aria-label": `${mode === "run" ? "Run" : "Step by step"}: ${name}`,
    class: mode === "run" ? "primary" : null, click: () => {
      $("scenes").hidePopover();
      post(`scenes/${encodeURIComponent(name)}`, { mode });
    } }, mode === "run" ? "Run" : "Step by step");
  const fresh = el("button", { type: "button", id: "fresh", click: () => {
    $("scenes").hidePopover();
    post("open");
  } }, "A fresh cluster");
  $("scenes").replaceChildren(el("div", { class: "bar" }, el("h3", {}, "Scenes"), fresh),
    el("p", { class: "hint" }, "A demonstration that tells what it does, does it, and checks it. It takes the present nodes down and sets its own stage."),
    el("ul", {}, ...(info?.scenes ?? []).map(({ name, about }) => el("li", {}, el("div", {}, el("strong", {}, name), el("span", {}, about)), play(name, "run"), play(name, "step")))));
}

/** Draws the choice of systems, where there is one; returns whether there is. */
export function drawSystems({ info, acts }) {
  const systems = (acts && info?.systems) || [];
  $("systems-label").hidden = systems.length < 2;
  keyed($("systems"), systems, ({ name }) => name, ({ name, title }) => el("option", { value: name }, title), () => {});
  if (document.activeElement !== $("systems")) $("systems").value = info?.system ?? "";
  return systems.length > 1;
}

// ---- what it tells

const RESULT = { met: "Every expectation was met", failed: "It did not come as expected" };

/** Draws the narration. */
export function drawScene({ state, acts }) {
  const { scene } = state;
  const band = $("scene");
  band.hidden = !scene?.name;
  if (band.hidden) return;
  const over = scene.result ? (scene.result.ok ?? scene.result === "ok" ? "met" : "failed") : null;
  attribute(band, "data-state", over ?? (scene.waiting ? "waiting" : "running"));
  text($("scene-name"), scene.name);
  const step = scene.step ? `step ${scene.step}${scene.steps ? ` of ${scene.steps}` : ""}` : "";
  text($("scene-about"), [scene.about, step].filter(Boolean).join(" · "));
  const words = scene.result?.text ?? (typeof scene.result === "string" ? scene.result : "");
  text($("scene-text"), over ? [RESULT[over], over === "failed" && words].filter(Boolean).join(": ") : scene.text ?? "");
  // Those of the step in hand; what came before is a number.
  const all = Object.entries(scene.expectations ?? {}).sort(([a], [b]) => a - b);
  const met = all.filter(([, it]) => it.met).length;
  const now = all.filter(([, it]) => it.met === false || (!over && (it.step === undefined || it.step === scene.step)));
  const before = all.filter((entry) => !now.includes(entry)).length;
  const sum = over ? `${met} of ${all.length} expectations were met` : before ? `${before} met before` : "";
  keyed($("scene-expectations"), [...(sum ? [["sum", { met: over !== "failed", sum }]] : []), ...now], ([id]) => id, () => el("li", {}, el("span", { class: "tick" }), " ", el("span")), (row, [, it]) => {
    const verdict = it.met === undefined ? "waiting" : it.met ? "met" : "failed";
    attribute(row, "data-state", verdict);
    text(row.firstElementChild, it.sum ? { met: "✓", failed: "✕" }[verdict] : { waiting: "… awaited:", met: "✓ as expected:", failed: "✕ not:" }[verdict]);
    text(row.lastElementChild, it.sum ?? it.text + (it.reason && !it.met ? ` (${it.reason})` : ""));
  });
  $("scene-step").hidden = !acts || Boolean(over) || scene.mode !== "step";
  attribute($("scene-step"), "aria-disabled", scene.waiting ? null : "true");
  $("scene-run").hidden = !acts || Boolean(over) || scene.mode !== "step";
  $("scene-stop").hidden = !acts;
  text($("scene-stop"), over ? "Leave the scene" : "Stop the scene");
}

// ---- the load

/** Operations a second that the slider can be set to: fine below, coarse above. */
const RATES = [0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000];

/** Draws the load: rate, and what became of the operations. */
export function drawLoad({ state, acts }) {
  const { load } = state;
  $("load-button").hidden = !load || !acts;
  if (!load) return;
  const wrong = load.wrong > 0;
  text($("load-words"), load.on ? `${load.rate}/s${wrong ? ", wrong!" : ""}` : "off");
  attribute($("load-button"), "data-on", load.on ? "" : null);
  const values = [["acknowledged", load.acknowledged, "operations that the system said were done"], ["failed", load.failed, "that it refused or did not answer"],
    ["checked", load.checked, "read again and compared"], ["wrong", load.wrong, "of these not what was acknowledged"]];
  keyed($("load-figures"), values, ([name]) => name, ([name, , about]) => el("div", { title: about }, el("dt", {}, name), el("dd")), (row, [name, value]) => {
    text(row.lastElementChild, `${name === "wrong" ? (value ? "✕ " : "✓ ") : ""}${(value ?? 0).toLocaleString("en")}`);
    attribute(row, "data-bad", name === "wrong" && value > 0 ? "" : null);
  });
  text($("load-reason"), load.reason ?? "");
  const slider = $("load-rate");
  if (document.activeElement !== slider) slider.value = nearest(load.on ? load.rate : 0);
  text($("load-rate-words"), rateWords(RATES[slider.value]));
}

const nearest = (rate) => RATES.findLastIndex((step) => step <= rate);
const rateWords = (rate) => (rate ? `${rate} operations a second` : "off");

/** Makes the controls work. */
export function start(view) {
  $("systems").addEventListener("change", ({ target }) => {
    post("open", { system: target.value });
    target.blur();
  });
  $("scene-step").addEventListener("click", () => post("scene/step"));
  $("scene-run").addEventListener("click", () => post("scene/run"));
  // A scene that is over is left for the stage of the beginning.
  $("scene-stop").addEventListener("click", () => post(view.state.scene?.result ? "open" : "scene/stop"));
  const words = el("output", { id: "load-rate-words", for: "load-rate" });
  const set = () => {
    const rate = RATES[slider.value];
    slider.setAttribute("aria-valuetext", rateWords(rate));
    text(words, rateWords(rate));
    post("load", { rate });
  };
  const slider = el("input", { type: "range", id: "load-rate", min: 0, max: RATES.length - 1, step: 1, value: 0, "aria-label": "Operations a second", change: set,
    input: () => text(words, rateWords(RATES[slider.value])) });
  $("load").replaceChildren(el("h3", {}, "Load"),
    el("p", { class: "hint" }, "Clients that write, read, rename and delete; what was acknowledged is checked as it goes."),
    el("div", { class: "row" }, slider, words), el("dl", { id: "load-figures" }), el("p", { id: "load-reason", class: "hint" }));
  for (const [button, popover] of [["scenes-button", "scenes"], ["load-button", "load"]]) {
    $(popover).addEventListener("toggle", ({ newState }) => {
      if (newState === "open") {
        if (popover === "scenes") fillScenes(view);
        place($(popover), $(button).getBoundingClientRect());
      }
    });
  }
}

/** Buttons for what can be done to the whole cluster, beside the title of the stage. */
export function drawClusterDeeds(view) {
  const deeds = view.acts ? clusterDeeds(view) : [];
  keyed($("cluster-deeds"), deeds, (deed) => deed.id, (deed) => deedRow(deed), () => {});
}
