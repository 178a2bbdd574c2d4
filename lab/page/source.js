// Where recordings come from: the lab's stream, a trace that the lab replays, a file that is opened or dropped here.

import { address, call, trouble } from "./api.js";
import { $, attribute, text } from "./dom.js";
import { Recording, parse } from "./recording.js";

const FILE_BYTES_MAX = 512 << 20;
const ASK_AGAIN_MS = 500;

function connection(state, words) {
  text($("connection"), words);
  attribute($("connection"), "data-state", state);
}

/** Asks the lab what it is, and shows what it has. `view.show` is given each recording. */
export async function connect(view) {
  if (!await ask(view)) return connection("off", "no lab: open the address that it printed, or drop a trace here");
  if (view.info.replay) {
    const name = view.info.title || "the lab's trace";
    const lines = await call("GET", "trace").catch((error) => connection("off", error.message));
    if (lines !== undefined) open(view, name, lines);
  } else {
    listen(view);
  }
}

/** Asks what can be done; again until the stage is set. Returns whether there was an answer. */
async function ask(view) {
  const info = await call("GET", "system").catch(() => null);
  if (!info) return false;
  view.info = info;
  view.changed();
  if (info.opening) setTimeout(() => ask(view), ASK_AGAIN_MS);
  return true;
}

function listen(view) {
  const stream = new EventSource(address("stream"));
  stream.onopen = () => view.recording === view.live && connection("live", "live");
  stream.onerror = () => {
    const refused = stream.readyState === EventSource.CLOSED;
    connection("off", refused ? "refused: open the address that the lab printed" : "the lab is gone; waiting for it");
  };
  stream.addEventListener("records", (message) => {
    try {
      take(view, JSON.parse(message.data));
    } catch (error) {
      stream.close();
      connection("off", error.message);
      trouble(error.message);
    }
  });
}

/** A `begin` is the begin of another recording: the lab has set up another stage, or was asked again. */
function take(view, records) {
  const begins = records.findLastIndex((record) => record.kind === "begin");
  if (begins >= 0) {
    const before = view.live;
    view.live = Recording.of(records.slice(begins));
    if (before) ask(view);
    if (view.recording === before || !view.recording) {
      connection("live", "live");
      view.show(view.live, { growing: true });
    }
  } else if (records.length > 0) {
    view.live.append(records);
  }
  view.arrived();
}

/** Opens a trace that is a text. What is not one is said in a sentence. */
export function open(view, name, lines) {
  try {
    const recording = Recording.of(parse(lines));
    connection("replay", `replay of ${name}`);
    view.show(recording, { growing: false });
  } catch (error) {
    trouble(`${name}: ${error.message}`);
  }
}

async function openFile(view, file) {
  if (file.size > FILE_BYTES_MAX) return trouble(`${file.name} is larger than ${FILE_BYTES_MAX >> 20} MiB; a browser cannot hold that.`);
  open(view, file.name, await file.text());
}

/** Shows the live run again. */
function backToLive(view) {
  connection("live", "live");
  view.show(view.live, { growing: true });
}

/** Makes opening, saving and dropping work. */
export function start(view) {
  $("open-trace").addEventListener("change", async ({ target }) => {
    if (target.files[0]) await openFile(view, target.files[0]);
    target.value = "";
  });
  $("back-to-live").addEventListener("click", () => backToLive(view));
  $("save").href = address("trace");
  const isFiles = (event) => event.dataTransfer?.types.includes("Files");
  const shade = $("drop");
  let depth = 0;
  window.addEventListener("dragenter", (event) => {
    if (!isFiles(event)) return;
    depth += 1;
    text(shade.firstElementChild, view.acts && view.system.put ? "Drop a trace (.jsonl) to play it, or any other file to store it" : "Drop a trace (.jsonl) to play it");
    shade.hidden = false;
  });
  window.addEventListener("dragleave", (event) => {
    if (isFiles(event) && (depth -= 1) <= 0) shade.hidden = true;
  });
  window.addEventListener("dragover", (event) => isFiles(event) && event.preventDefault());
  window.addEventListener("drop", (event) => {
    if (!isFiles(event)) return;
    event.preventDefault();
    [depth, shade.hidden] = [0, true];
    const files = [...event.dataTransfer.files];
    const trace = files.find((file) => file.name.endsWith(".jsonl"));
    if (trace || !view.acts || !view.system.put) openFile(view, trace ?? files[0]);
    else view.system.put(files).catch(() => {});
  });
}
