// Figures over time, one small chart for each, all over the same span as the timeline; or the same as a table.

import { $, attribute, clock, el, keyed, svg, text } from "./dom.js";
import { after } from "./recording.js";

const [WIDTH, HEIGHT] = [200, 56];
const COLUMNS = 160;
const TABLE_ROWS = 12;

/** Everything that can be drawn: what the system says, and how many messages there were. */
function all(recording) {
  const figures = [...recording.series.values()].sort((a, b) => a.order - b.order);
  if (recording.perSecond.length > 0) {
    figures.push({ id: "messages", label: "Messages", unit: "/s", times: null, values: recording.perSecond });
  }
  return figures;
}

/** The value that a figure had at a time. */
function valueAt(figure, time) {
  if (!figure.times) return figure.values[Math.floor(time / 1e6)] ?? 0;
  return figure.values[after(figure.times, time, (t) => t) - 1];
}

/** `1.2 MiB/s`, `3.4 s` and the like: three digits are enough. A unit that is a word is said where it does not stand in the way. */
function short(value, unit, words = true) {
  if (value === undefined) return "–";
  if (unit === "1/s") unit = "/s";
  if (unit === "ms" && value >= 1000) [value, unit] = [value / 1000, "s"];
  const base = unit.startsWith("B") ? 1024 : 1000;
  const prefixes = base === 1024 ? ["", "Ki", "Mi", "Gi"] : ["", "k", "M", "G"];
  let power = 0;
  while (Math.abs(value) >= base && power < 3) {
    value /= base;
    power += 1;
  }
  const digits = Math.abs(value) >= 100 || Number.isInteger(value) ? Math.round(value) : value.toPrecision(2);
  const shown = unit.length > 5 && !words ? "" : unit;
  return `${digits} ${prefixes[power]}${shown}`.trimEnd();
}

/** For each column of a chart the highest value in it: a peak must not vanish. */
function columns(figure, { from, to }) {
  const tops = [];
  const width = (to - from) / COLUMNS;
  for (let n = 0; n < COLUMNS; n += 1) {
    const [start, end] = [from + n * width, from + (n + 1) * width];
    let top = valueAt(figure, start);
    if (figure.times) {
      for (let k = after(figure.times, start, (t) => t); k < figure.times.length && figure.times[k] <= end; k += 1) top = Math.max(top ?? -Infinity, figure.values[k]);
    }
    tops.push(top);
  }
  return tops;
}

/** Draws the charts over a span. */
export function drawCharts({ recording, player, jump }, span, edge) {
  const figures = all(recording);
  const box = $("charts");
  $("charts-section").hidden = figures.length === 0;
  if ($("charts-table").getAttribute("aria-pressed") === "true") return drawTable(box, figures, span, player.cursor);
  if (box.firstElementChild?.tagName === "TABLE") box.replaceChildren();
  keyed(box, figures, (figure) => figure.id, (figure) => makeChart(figure, jump), (chart, figure) => {
    const tops = columns(figure, span);
    // What has not been yet is not drawn.
    const known = Math.ceil(((Math.min(edge, span.to) - span.from) / (span.to - span.from)) * COLUMNS);
    const most = tops.slice(0, known).reduce((a, b) => Math.max(a, b ?? 0), 0) || 1;
    const points = tops.slice(0, known).map((top, n) => (top === undefined ? null : `${((n + 0.5) / COLUMNS * WIDTH).toFixed(1)},${(HEIGHT - 2 - (top / most) * (HEIGHT - 8)).toFixed(1)}`)).filter(Boolean);
    attribute(chart.querySelector(".line"), "points", points.join(" "));
    attribute(chart.querySelector(".area"), "points", points.length ? `${points[0].split(",")[0]},${HEIGHT} ${points.join(" ")} ${points.at(-1).split(",")[0]},${HEIGHT}` : "");
    text(chart.querySelector(".label"), figure.label);
    text(chart.querySelector(".most"), `max ${short(most, figure.unit)}`);
    chart.span = span;
  });
}

function makeChart(figure, jump) {
  const drawing = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" },
    svg("polygon", { class: "area" }), svg("polyline", { class: "line" }), svg("line", { class: "cursor", y1: 0, y2: HEIGHT, x1: 0, x2: 0 }));
  const chart = el("div", { class: "chart", "data-id": figure.id },
    el("p", { class: "label" }), el("p", {}, el("strong", { class: "value" }), el("small", { class: "most" })), drawing);
  drawing.addEventListener("click", (event) => {
    const box = drawing.getBoundingClientRect();
    jump(chart.span.from + ((event.clientX - box.left) / box.width) * (chart.span.to - chart.span.from));
  });
  return chart;
}

/** Moves the cursor of every chart, and shows the values there. */
export function drawChartCursors({ recording, player }, span) {
  const x = ((player.cursor - span.from) / (span.to - span.from)) * WIDTH;
  const figures = new Map(all(recording).map((figure) => [figure.id, figure]));
  for (const chart of $("charts").querySelectorAll(".chart")) {
    const figure = figures.get(chart.dataset.id);
    if (!figure) continue;
    const cursor = chart.querySelector(".cursor");
    attribute(cursor, "transform", `translate(${x.toFixed(1)} 0)`);
    text(chart.querySelector(".value"), short(valueAt(figure, player.cursor), figure.unit, false));
  }
}

function drawTable(box, figures, { from, to }, cursor) {
  const times = Array.from({ length: TABLE_ROWS }, (_, n) => from + ((n + 1) / TABLE_ROWS) * (to - from)).filter((time) => time <= cursor);
  const head = el("tr", {}, el("th", { scope: "col" }, "time"), ...figures.map((figure) => el("th", { scope: "col" }, figure.label)));
  const row = (time, label) => el("tr", {}, el("th", { scope: "row" }, label), ...figures.map((figure) => el("td", {}, short(valueAt(figure, time), figure.unit))));
  const table = el("table", {}, el("thead", {}, head), el("tbody", {}, row(cursor, "now"), ...times.reverse().map((time) => row(time, clock(time).slice(0, -4)))));
  // A table that says the same is left in peace.
  if (box.textContent !== table.textContent || box.firstElementChild.tagName !== "TABLE") box.replaceChildren(table);
}

/** Makes the switch between charts and table work. */
export function start(view) {
  $("charts-table").addEventListener("click", ({ currentTarget: button }) => {
    const table = button.getAttribute("aria-pressed") !== "true";
    attribute(button, "aria-pressed", String(table));
    text(button, table ? "as charts" : "as a table");
    view.changed();
  });
}
