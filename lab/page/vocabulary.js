// The words of the simulator's traces: what a fault is called and does, and how a message is called in short.
// The lab uses the same words for real processes (book: "Faults").

/** What kind of message it is, where the trace does not say: the innermost name that its text begins with. */
export function labelOf(text) {
  const inner = /\b(?:request|result|frame|message|body): (?:Ok\(|Err\(|Some\()?([A-Z]\w*)/.exec(text);
  const name = inner?.[1] ?? /^\W*(\w+)/.exec(text)?.[1] ?? "message";
  return name.replace(/([a-z0-9])([A-Z])/g, "$1 $2").toLowerCase();
}

/** What a fault of a simulated run does to the state document, as a merge patch. `names` are of all nodes. */
export function faultPatch(fault, name, names) {
  const process = (value) => ({ nodes: { [name(fault.node)]: { process: value } } });
  switch (fault.fault) {
    case "pause": return process("paused");
    case "resume": return process("up");
    case "cut": return { links: { [`${name(fault.from)}>${name(fault.to)}`]: { cut: true } } };
    case "partition": {
      const group = new Set(fault.group.map(name));
      const across = names.flatMap((a) => names.filter((b) => group.has(a) !== group.has(b)).map((b) => `${a}>${b}`));
      return { links: Object.fromEntries(across.map((link) => [link, { cut: true }])) };
    }
    case "heal": return { links: null };
    case "link": {
      const { delay_us_min: least, delay_us_max: most, drop_percent: drop } = fault.link;
      const wrong = { delay_ms: Math.round((least + most) / 2000), drop_percent: drop };
      return { links: { [`${name(fault.from)}>${name(fault.to)}`]: wrong } };
    }
    case "disk_full": return { disks: { [name(fault.node)]: { full: true } } };
    case "disk_freed": return { disks: { [name(fault.node)]: null } };
    default: return {};
  }
}

/** A fault of a simulated run as a sentence, without its full stop. */
export function faultText(fault, name) {
  const node = () => name(fault.node);
  const link = ({ delay_us_min: least, delay_us_max: most, drop_percent: drop, duplicate_percent: twice, reorder_percent: order }) =>
    [`${least / 1000}–${most / 1000} ms`, drop && `${drop} % are lost`, twice && `${twice} % arrive twice`, order && `${order} % overtake`]
      .filter(Boolean).join(", ");
  switch (fault.fault) {
    case "crash": return `${node()} is made to crash${fault.fuse === "now" ? "" : ", a few steps from here"}`;
    case "restart": return `${node()} is started again`;
    case "pause": return `${node()} is paused`;
    case "resume": return `${node()} goes on`;
    case "cut": return `Nothing gets from ${name(fault.from)} to ${name(fault.to)}`;
    case "partition": return `${fault.group.map(name).join(", ")} ${fault.group.length === 1 ? "is" : "are"} cut off from all others`;
    case "heal": return "Every cut is mended";
    case "network": return `The network: ${link(fault.link)}`;
    case "link": return `From ${name(fault.from)} to ${name(fault.to)}: ${link(fault.link)}`;
    case "flip_bit": return `A bit flips on the disk of ${node()}, in ${fault.within}`;
    case "disk_full": return `The disk of ${node()} is full but for ${fault.free} bytes`;
    case "disk_freed": return `The disk of ${node()} has room again`;
    case "lose_disk": return `${node()} crashes and loses its disk`;
    default: return `${fault.fault ?? "A fault"}${fault.node === undefined ? "" : ` on ${node()}`}`;
  }
}

/** What is wrong with one direction of a link, in words; empty if nothing is. */
export function linkWords({ cut, delay_ms, bytes_per_second, drop_percent }) {
  if (cut) return "cut";
  return [delay_ms && `${delay_ms} ms late`, bytes_per_second && `${Math.round(bytes_per_second / 1024)} KiB/s`,
    drop_percent && `${drop_percent} % lost`].filter(Boolean).join(", ");
}
