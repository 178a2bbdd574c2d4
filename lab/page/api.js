// Calls to the lab. The token stands in the address that the lab printed; every call says it.

import { $, text } from "./dom.js";

const token = new URLSearchParams(location.search).get("token") ?? "";

/** Calls the lab; trouble is shown, and thrown. `body` is sent as JSON unless it is a file. */
export async function call(method, path, body) {
  const headers = { "X-Lab-Token": token };
  if (body instanceof Blob) headers["Content-Type"] = "application/octet-stream";
  else if (body !== undefined) {
    headers["Content-Type"] = "application/json";
    body = JSON.stringify(body);
  }
  let answer;
  try {
    answer = await fetch(`/api/${path}`, { method, headers, body });
  } catch {
    throw trouble("The lab does not answer. Does it still run?");
  }
  if (!answer.ok) throw trouble((await answer.text()).trim() || answer.statusText);
  return /^application\/json\b/.test(answer.headers.get("Content-Type")) ? answer.json() : answer.text();
}

/** Does something of which nothing but its effect is wanted; trouble is shown. */
export function post(path, body) {
  return call("POST", path, body).catch(() => {});
}

/** The address of something that the browser itself fetches. */
export function address(path, query = {}) {
  return `/api/${path}?${new URLSearchParams({ ...query, token })}`;
}

let hiding;
/** Shows a sentence for a while; returns it as an error. */
export function trouble(message) {
  const shown = $("trouble");
  text(shown, message);
  shown.hidden = false;
  clearTimeout(hiding);
  hiding = setTimeout(() => (shown.hidden = true), 10_000);
  return new Error(message);
}
