// Draws raft-kv: the end of each member's log, what each has under the first few keys, and what clients were told last.
// `plain.js` says what a drawing file has.

import { attribute, byName, count, el, keyed, text } from "../dom.js";

/** What is said again and again, and that it was heard. */
export const quiet = ["ok", "answer", "connect", "heartbeat", "appended", "cancelled"];
export const speaker = "it says";

/** So many entries of the end of the log are shown, and so many of one that ended long before. */
const SHOWN = 7;
const SHOWN_OLD = 5;

const named = (nodes, role) => Object.entries(nodes ?? {}).filter(([, node]) => node.role === role).map(([name, node]) => ({ name, ...node })).sort((a, b) => byName(a.name, b.name));
const members = (state) => named(state.nodes, "member");
const clients = (state) => named(state.nodes, "client");
/** A leader of an old term takes itself for one: nobody else does. */
const leads = (raft) => raft?.role === "leader" && !raft.old;

/** What there is, in a few words. */
export function summary(state) {
  const leader = members(state).find(({ raft }) => leads(raft) && raft.answers);
  return [count(members(state).length, "member"), leader ? `${leader.name} leads in term ${leader.raft.term}` : "nobody leads"].join(", ");
}

/** Fills the card of a node. */
export function drawNode(card, node) {
  const { raft } = node;
  text(card.querySelector(".facts"), node.facts ?? "");
  const chips = !raft ? [[node.heard ?? "writes and reads", "rest"]] : [
    raft.role === "leader" ? [raft.old ? "leader of an old term" : "★ leader", raft.old ? "stale" : "good"] : [raft.role, raft.role === "follower" ? "rest" : "writing"],
    [`term ${raft.term}`, raft.old ? "stale" : "rest"],
    raft.last > raft.committed && [`${raft.last - raft.committed} not committed`, "writing"],
  ];
  keyed(card.querySelector(".held"), chips.filter(Boolean), ([words]) => words, () => el("span"), (chip, [words, state]) => {
    attribute(chip, "class", `chip ${state}`);
    text(chip, words);
  });
}

/** What is wrong with a node besides. */
export function wrong(node) {
  const { raft } = node;
  return [raft && node.process === "up" && !raft.answers && "does not answer"].filter(Boolean);
}

function titled(id, title, hint, columns) {
  return [
    el("div", { class: "bar" }, el("h2", { id: `${id}-title`, tabindex: "-1" }, title), el("span", { class: "hint" }, hint)),
    el("table", { "aria-labelledby": `${id}-title` },
      el("thead", {}, el("tr", { id: `${id}-head` }, ...columns.map((name) => el("th", { scope: "col" }, name)))), el("tbody", { id })),
  ];
}

/** Makes the section. */
export function start(section) {
  section.setAttribute("aria-labelledby", "raft-logs-title");
  section.replaceChildren(
    ...titled("raft-logs", "Logs", "The end of each member's log: ✓ committed, ✎ written and not known to be committed, · not there", ["member", "role", "entries", "committed", "applied", "snapshot", "the leader knows of"]),
    ...titled("raft-keys", "Keys", "What each member itself has, with the revision at which it was written", ["key"]),
    ...titled("raft-clients", "Clients", "What each was told last", ["client", "heard"]),
    el("figure", { id: "raft-proof", hidden: "" }, el("figcaption", {}, "What no order explains: each line is a call, from when it was made until it was answered; the red one's answer fits nowhere"), el("img")));
}

/** Draws logs, keys and clients. */
export function drawMain(section, state) {
  const all = members(state);
  drawLogs(section.querySelector("#raft-logs"), all);
  drawKeys(section, all);
  keyed(section.querySelector("#raft-clients"), clients(state), ({ name }) => name,
    ({ name }) => el("tr", { "data-key": name }, el("th", { scope: "row" }, name), el("td")), (row, client) => text(row.children[1], client.heard ?? "nothing yet"));
  drawProof(section.querySelector("#raft-proof"), state.proof);
}

/** A picture from elsewhere stays one: nothing in it is run. */
function drawProof(figure, proof) {
  figure.hidden = !proof;
  if (!proof) return;
  const img = figure.querySelector("img");
  attribute(img, "src", `data:image/svg+xml;charset=utf-8,${encodeURIComponent(proof.picture)}`);
  attribute(img, "alt", proof.words);
}

function drawLogs(body, all) {
  const end = Math.max(0, ...all.map(({ raft }) => raft?.last ?? 0));
  const leader = all.find(({ raft }) => leads(raft));
  keyed(body, all, ({ name }) => name,
    ({ name }) => el("tr", { "data-key": name }, el("th", { scope: "row" }, name), el("td"), el("td", { class: "held" }), ...Array.from({ length: 4 }, () => el("td"))), (row, member) => {
      const { raft } = member;
      if (!raft) return;
      row.dataset.role = raft.role;
      text(row.children[1], `${raft.role}, term ${raft.term}`);
      drawEntries(row.children[2], raft, end);
      text(row.children[3], String(raft.committed));
      text(row.children[4], String(raft.applied));
      text(row.children[5], raft.snapshot == null ? "–" : `at ${raft.snapshot}`);
      const matched = leader?.raft.matched?.[member.name];
      text(row.children[6], member.name === leader?.name ? "(itself)" : matched == null ? "–" : `up to ${matched}`);
    });
}

function drawEntries(cell, raft, end) {
  const range = (from, to) => Array.from({ length: Math.max(0, to - from + 1) }, (_, n) => Math.max(1, from) + n).filter((index) => index <= to);
  const from = end - SHOWN + 1;
  const shown = raft.last >= from ? range(from, end) : range(raft.last - SHOWN_OLD + 1, raft.last);
  const items = shown.map((index) => ({ key: String(index), index }));
  if (raft.last < from) items.push({ key: "lacks", lacks: end - raft.last });
  keyed(cell, items, ({ key }) => key, () => el("span"), (chip, { index, lacks }) => {
    const [state, sign, words] = lacks || index > raft.last ? ["rest", "·", "not there"] : index <= raft.committed ? ["good", "✓", "committed"] : ["writing", "✎", "not known to be committed"];
    attribute(chip, "class", `chip ${state}`);
    attribute(chip, "title", lacks ? `another one has ${lacks} more` : `entry ${index}: ${words}`);
    text(chip, lacks ? `lacks ${lacks}` : `${sign}${index}`);
  });
}

function drawKeys(section, all) {
  const names = all.map(({ name }) => name);
  keyed(section.querySelector("#raft-keys-head"), ["key", ...names], (name) => name, (name) => el("th", { scope: "col" }, name), () => {});
  const keys = [...new Set(all.flatMap(({ raft }) => Object.keys(raft?.keys ?? {})))].sort(byName);
  keyed(section.querySelector("#raft-keys"), keys, (key) => key, (key) => el("tr", { "data-key": key }), (row, key) => {
    const newest = Math.max(0, ...all.map(({ raft }) => raft?.keys?.[key]?.revision ?? 0));
    const cells = [{ name: "", words: key }, ...all.map(({ name, raft }) => ({ name, held: raft?.keys?.[key] }))];
    keyed(row, cells, ({ name }) => name, ({ name }) => el(name ? "td" : "th", name ? { "data-member": name } : { scope: "row" }), (cell, { words, held }) => {
      if (words !== undefined) return text(cell, words);
      attribute(cell, "class", held && held.revision < newest ? "hint" : null);
      text(cell, held ? `${held.value} (${held.revision})${held.revision < newest ? " old" : ""}` : "–");
    });
  });
}
