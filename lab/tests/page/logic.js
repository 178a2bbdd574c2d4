// Tests of the page's pure logic: one expression, a function that is given how to load a module of the page, and returns the
// sentences of what failed. `tests/browser.rs` runs it in a browser; so does, without one:
//   node --input-type=module -e "import fs from 'fs'; console.log(await eval(fs.readFileSync('lab/tests/page/logic.js', 'utf8'))((name) => import(process.cwd() + '/lab/page/' + name)))"
(async (load) => {
  const { Recording, parse, merge } = await load("recording.js");
  const { Player } = await load("player.js");
  const { position } = await load("marks.js");
  const failures = [];
  let test = "";
  const same = (found, expected, sentence) => {
    const [a, b] = [JSON.stringify(found), JSON.stringify(expected)];
    if (a !== b) failures.push(`${test}: ${sentence}: ${a} instead of ${b}`);
  };
  const random = ((seed) => (below) => (seed = (seed * 48271) % 0x7fffffff) % below)(20_240_229);
  const begin = { time: 0, kind: "begin", version: 2, system: "", scenario: "", seed: "", clock: "virtual" };
  const start = (node, name, life = 1) => ({ time: 0, kind: "start", node, name, life });
  const state = (time, patch) => ({ time, kind: "state", patch });

  test = "merge patches";
  // The examples of RFC 7396, appendix A.
  for (const [doc, patch, result] of [
    [{ a: "b" }, { a: "c" }, { a: "c" }], [{ a: "b" }, { b: "c" }, { a: "b", b: "c" }], [{ a: "b" }, { a: null }, {}],
    [{ a: "b", b: "c" }, { a: null }, { b: "c" }], [{ a: ["b"] }, { a: "c" }, { a: "c" }], [{ a: "c" }, { a: ["b"] }, { a: ["b"] }],
    [{ a: { b: "c" } }, { a: { b: "d", c: null } }, { a: { b: "d" } }], [{ a: [{ b: "c" }] }, { a: [1] }, { a: [1] }],
    [["a", "b"], ["c", "d"], ["c", "d"]], [{ a: "b" }, ["c"], ["c"]], [{ a: "foo" }, null, null], [{ a: "foo" }, "bar", "bar"],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }], [[1, 2], { a: "b", c: null }, { a: "b" }], [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ]) {
    const before = JSON.stringify(doc);
    same(merge(doc, patch), result, JSON.stringify([doc, patch]));
    same(JSON.stringify(doc), before, "what is patched stays as it was");
  }

  test = "nodes";
  {
    const recording = Recording.of([begin, start(0, "client"), start(1, "a"), state(5, { nodes: { a: { role: "x" } } }), state(6, { nodes: { b: { role: "x" } } })]);
    same(Object.keys(recording.stateAt(4).nodes), ["client", "a"], "who starts is a node");
    same(Object.keys(recording.stateAt(6).nodes), ["a", "b"], "until the system says which they are");
  }

  test = "states";
  {
    const patches = Array.from({ length: 500 }, (_, n) => state(n * 10, { [`k${random(9)}`]: random(4) ? { [`m${random(5)}`]: random(100) } : null }));
    const recording = Recording.of([begin, ...patches]);
    const truth = [];
    let doc = {};
    for (const { patch } of patches) truth.push((doc = merge(doc, patch)));
    for (let n = 0; n < 300; n += 1) {
      const at = random(500);
      same(recording.stateAt(at * 10 + random(10)), truth[at], `the state at patch ${at}, whatever was asked for before`);
    }
    if (recording.stateAt(70) !== recording.stateAt(79)) failures.push(`${test}: an unchanged state is the same object`);
  }

  test = "folding";
  {
    const recording = Recording.of([begin, start(0, "a"), start(1, "b")]);
    let highest = 0;
    for (let n = 1; n <= 230_000; n += 10_000) {
      const lot = [];
      for (let k = n; k < n + 10_000; k += 1) {
        lot.push({ time: k * 100, kind: "send", from: 0, to: 1, message: k, text: "x", label: "x" }, { time: k * 100 + 50, kind: "deliver", from: 0, to: 1, message: k });
        if (k % 5 === 0) lot.push(state(k * 100, { value: k }));
      }
      recording.append(lot);
      highest = Math.max(highest, recording.messages.length);
    }
    if (highest > 210_000 || recording.foldedTo === 0) failures.push(`${test}: ${highest} messages are kept, folded to ${recording.foldedTo}`);
    same(recording.latest.value, 230_000, "the last state");
    same(recording.perSecond.reduce((sum, n) => sum + n, 0), 230_000, "folded messages are still counted");
    for (let n = 0; n < 200; n += 1) {
      const time = random(23_000_000);
      const { value = 0 } = recording.stateAt(time);
      if (value * 100 > time) failures.push(`${test}: at ${time} it is ${value}, which comes later`);
      if (time > 15_000_000 && time - value * 100 >= 500) failures.push(`${test}: at ${time} it is still ${value}`);
    }
  }

  test = "messages";
  {
    const records = [begin, start(0, "a"), start(1, "b")];
    const all = [];
    for (let n = 0; n < 400; n += 1) {
      const time = n * 20_000;
      const end = random(10) ? time + random(3_000_000) : Infinity;
      all.push({ time, end });
      records.push({ time, kind: "send", from: 0, to: 1, message: n, text: "Call { request: Heartbeat(1) }" });
      if (end < Infinity) records.push({ time: end, kind: "deliver", from: 0, to: 1, message: n });
    }
    records.sort((a, b) => a.time - b.time);
    const recording = Recording.of(records);
    same([...recording.labels.keys()], ["heartbeat"], "a label is found where there is none");
    for (let n = 0; n < 100; n += 1) {
      const time = random(12_000_000);
      const seen = new Set();
      recording.visitMessages(time, 1000, (message) => {
        if (seen.has(message.time)) failures.push(`${test}: the one of ${message.time} is visited twice at ${time}`);
        seen.add(message.time);
      });
      const missing = all.filter((message) => message.time <= time && message.end > time && !seen.has(message.time));
      same(missing, [], `what is on its way at ${time} is visited`);
    }
    let [steps, time] = [0, -1];
    for (let next; (next = recording.nextMoment(time, true)) !== undefined; time = next) steps += next > time ? 1 : NaN;
    const moments = new Set(all.flatMap(({ time, end }) => [time, end]).filter((t) => t < Infinity));
    same(steps, moments.size, "steps forward");
    for (let next; (next = recording.nextMoment(time, false)) !== undefined; time = next) steps -= next < time ? 1 : NaN;
    same(steps, 1, "as many back to the first");
  }

  test = "marks";
  for (const [message, sentence] of [
    [{ time: 0, end: 100 }, "a quick one"], [{ time: 0, end: 2_000_000, cut: true }, "one that waited at a cut"], [{ time: 0, end: 2_000_000 }, "one that waited at a door"],
    [{ time: 0, end: 100, lost: "cut" }, "a lost one"], [{ time: 0, end: Infinity, cut: true }, "one that still waits"],
  ]) {
    let last = 0;
    same(position(message, -1, 700_000), null, `${sentence} is not seen before`);
    for (let time = 0; time < 4_000_000; time += 10_000) {
      const p = position(message, time, 700_000);
      if (p !== null && (p < last - 1e-9 || p > 1)) failures.push(`${test}: ${sentence} is at ${p} after ${last}`);
      last = p ?? last;
    }
    const after = position(message, 4_000_000, 700_000);
    same(after, message.end === Infinity ? 0.5 : null, `${sentence}, later`);
  }
  same(position({ time: 0, end: 2_000_000, cut: true }, 1_900_000, 700_000), 0.5, "it waits in the middle of the link");
  same(position({ time: 0, end: 1000 }, 500, 700), 0.5, "in slow motion it takes its own time");

  test = "faults of version 1";
  {
    const recording = Recording.of([{ ...begin, version: 1 }, start(0, "a"), start(1, "b"), start(2, "c"),
      { time: 10, kind: "fault", fault: "partition", group: [0] }, { time: 20, kind: "fault", fault: "pause", node: 1 }, { time: 30, kind: "crash", node: 2, text: "now" },
      { time: 40, kind: "fault", fault: "heal" }, { time: 50, kind: "violation", invariant: "promise", text: "broken" }]);
    same(Object.keys(recording.stateAt(10).links).sort(), ["a>b", "a>c", "b>a", "c>a"], "a partition cuts both ways");
    same([recording.stateAt(25).nodes.b.process, recording.stateAt(35).nodes.c.process, recording.stateAt(29).nodes.c.process], ["paused", "down", "up"], "processes");
    same(recording.stateAt(45).links, undefined, "healing mends");
    same([recording.stateAt(49).lamps, recording.latest.lamps.promise.holds], [undefined, false], "a violation is a lamp from then on");
    same(recording.nextEntry(45, true, (entry) => entry.fault), 50, "the next fault");
  }

  test = "what the system says counts";
  {
    const recording = Recording.of([begin, start(0, "a"), state(5, { nodes: { a: { process: "up" } } }), { time: 9, kind: "crash", node: 0, text: "x" }, { time: 9, kind: "unheard-of" }]);
    same(recording.latest.nodes.a.process, "up", "a crash does not overrule it");
  }

  test = "what is not a trace";
  for (const [lines, sentence] of [
    ["hello", "line 1 is not JSON"], ["", "no lines"], ['{"time":1,"kind":"end"}', "begin"], ["[1]", '"time" and "kind"'],
    [`${JSON.stringify(begin)}\nnull\n`, "line 2"], [JSON.stringify({ ...begin, time: 1e16 }), "line 1"], [JSON.stringify({ ...begin, time: -1 }), "line 1"], [JSON.stringify({ ...begin, version: 3 }), "version 3"],
  ]) {
    try {
      Recording.of(parse(lines));
      failures.push(`${test}: ${lines} is taken for one`);
    } catch (error) {
      if (!error.message.includes(sentence)) failures.push(`${test}: ${lines}: ${error.message}`);
    }
  }
  same(Recording.of(parse(`${JSON.stringify(begin)}\n{"time":1,"ki`)).end, 0, "a last line that was cut off is left out");

  test = "player";
  {
    const recording = Recording.of([{ ...begin, clock: "wall" }, state(10_000_000, {})]);
    const player = new Player(recording);
    player.growing = true;
    player.arrived(0);
    player.follow(false);
    player.tick(0);
    player.tick(100);
    const behind = recording.end + 100_000 - player.cursor;
    if (behind < 0 || behind > 500_000) failures.push(`${test}: live looks ${behind} µs behind`);
    player.setSpeed(0.1);
    for (let now = 100; now <= 1100; now += 20) player.tick(now);
    if (Math.abs(recording.end + 1_100_000 - behind - player.cursor - 900_000) > 50_000) failures.push(`${test}: slow motion does not fall behind`);
    player.follow();
    for (let now = 1100; now <= 4000; now += 20) player.tick(now);
    same(Math.round((recording.end + 4_000_000 - player.cursor) / 1e5), Math.round(behind / 1e5), "it catches up");
    player.seek(5_000_000, 4000);
    same([player.mode, player.cursor], ["paused", 5_000_000], "who scrubs stands");
    player.setSpeed(4);
    player.play(false, 4000);
    for (let now = 4000; now <= 6000; now += 100) player.tick(now);
    same([player.mode, player.cursor], ["paused", 0], "backwards it ends at the beginning");
  }
  return failures;
})
