// From records (see the book's page on traces) to what is drawn: the state document, patched, and events.

let epoch = 0;
let document_ = {};
let nodes = new Map();

/** RFC 7396. */
function patched(target, patch) {
  if (patch === null || typeof patch !== "object" || Array.isArray(patch)) return patch;
  const result = target !== null && typeof target === "object" && !Array.isArray(target) ? { ...target } : {};
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete result[name];
    else result[name] = patched(result[name], value);
  }
  return result;
}

const byName = new Intl.Collator("en", { numeric: true });
const list = (members) => Object.entries(members ?? {}).map(([name, value]) => ({ name, ...value }));
const byOrder = (members) => list(members).sort((a, b) => a.order - b.order);

/** Takes records in. Returns the events among them, and the state if it has changed. */
export function take(records) {
  const events = [];
  let changed = false, fresh = false;
  for (const record of records) {
    if (record.kind === "begin") {
      [epoch, document_, nodes, changed, fresh] = [record.epoch_ms ?? 0, {}, new Map(), true, true];
      events.length = 0;
    } else if (record.kind === "start") {
      nodes.set(record.node, record.name);
    } else if (record.kind === "state") {
      document_ = patched(document_, record.patch);
      changed = true;
    } else if (record.kind === "event") {
      events.push({ kind: record.level, at_ms: epoch + record.time / 1000, node: nodes.get(record.node), text: record.text, command: record.command });
    }
  }
  return { events, fresh, state: changed ? state() : null };
}

function state() {
  const links = Object.entries(document_.links ?? {}).map(([key, rule]) => ({ from: key.split(">")[0], to: key.split(">")[1], ...rule }));
  const files = list(document_.files).map(({ name, blocks, ...file }) => ({
    ...file,
    path: name,
    blocks: list(blocks).map(({ name: id, replicas, ...block }) => ({
      ...block, id, replicas: Object.entries(replicas ?? {}).map(([node, health]) => ({ node, health })),
    })).sort((a, b) => a.index - b.index),
  }));
  return {
    nodes: list(document_.nodes).filter((node) => node.role !== "client").sort((a, b) => byName.compare(a.name, b.name)),
    lamps: byOrder(document_.lamps).map(({ name, ...lamp }) => ({ id: name, holds: null, ...lamp })),
    links, files,
  };
}
