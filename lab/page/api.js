// Calls to the lab. The token stands in the address that the lab printed; every call says it.

import { text } from "./dom.js";

const token = new URLSearchParams(location.search).get("token") ?? "";

/** Calls the lab; trouble is shown, and thrown. */
export async function call(method, path, body, type = "application/json") {
  const headers = { "X-Lab-Token": token };
  if (body !== undefined) headers["Content-Type"] = type;
  let answer;
  try {
    answer = await fetch(`/api/${path}`, { method, headers, body });
  } catch {
    throw trouble("The lab does not answer. Does it still run?");
  }
  if (!answer.ok) throw trouble((await answer.text()).trim() || answer.statusText);
  return answer.headers.get("Content-Type")?.includes("json") ? answer.json() : null;
}

/** The address of something that the browser itself fetches. */
export function address(path, query = {}) {
  return `/api/${path}?${new URLSearchParams({ ...query, token })}`;
}

let hiding;
function trouble(message) {
  const shown = document.getElementById("trouble");
  text(shown, message);
  shown.hidden = false;
  clearTimeout(hiding);
  hiding = setTimeout(() => (shown.hidden = true), 10_000);
  return new Error(message);
}
