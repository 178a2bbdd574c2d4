//! What is written can be read again; what cannot be read says so, and never panics.

use proptest::prelude::*;
use vector_clocks::log::read::{Format, guess, read};
use vector_clocks::log::{Kind, Log, ProcessId, ReadError, check, json, shiviz, stamp, trace};
use vector_clocks::vector_clock::VectorClock;

/// Any log whatever, true or not.
fn any_log() -> impl Strategy<Value = Log> {
    let clock = prop::option::of(prop::collection::btree_map(0..4_usize, 1..u64::MAX, 0..4));
    let event = (
        0..4_usize,
        any::<String>(),
        0..3_u8,
        0..5_u8,
        clock,
        prop::option::of(any::<u64>()),
    );
    let names = prop::collection::btree_set(any::<String>(), 4)
        .prop_map(Vec::from_iter)
        .prop_shuffle();
    (names, prop::collection::vec(event, 0..12)).prop_map(|(names, events)| {
        let mut log = Log::default();
        log.files.push("log".to_owned());
        for (number, (process, text, kind, message, clock, time_us)) in (1..).zip(events) {
            // Clocks name processes before their first event does, in the order of names.
            let clock = clock.map(|counts| {
                let mut counts: Vec<(&String, u64)> = counts
                    .iter()
                    .map(|(p, count)| (&names[*p], *count))
                    .collect();
                counts.sort_unstable();
                counts
                    .into_iter()
                    .map(|(name, count)| (log.process(name), count))
                    .collect()
            });
            let kind = match kind {
                0 => Kind::Inner,
                1 => Kind::Send(message.to_string()),
                _ => Kind::Receive(message.to_string()),
            };
            let event = log.add(&names[process], kind);
            (event.text, event.clock, event.time_us, event.line) = (text, clock, time_us, number);
        }
        log
    })
}

/// Logs that could be: some processes, and messages that arrive some time after they were sent, or never, or twice.
fn true_log() -> impl Strategy<Value = Log> {
    let step = (0..3_usize, 0..3_u8, any::<prop::sample::Index>());
    prop::collection::vec(step, 1..25).prop_map(|steps| {
        let mut log = Log::default();
        log.files.push("log".to_owned());
        let mut sent = 0_usize;
        for (process, kind, which) in steps {
            let name = ["ada", "bob", "cy"][process];
            let (kind, text) = match kind {
                1 => {
                    sent += 1;
                    (Kind::Send(sent.to_string()), format!("sends {sent}"))
                }
                2 if sent > 0 => {
                    let message = 1 + which.index(sent);
                    (
                        Kind::Receive(message.to_string()),
                        format!("gets {message}"),
                    )
                }
                _ => (Kind::Inner, "thinks".to_owned()),
            };
            log.add(name, kind).text = text;
        }
        log
    })
}

proptest! {
    #[test]
    fn our_own_lines_come_back_as_they_were(log in any_log()) {
        let text = json::write(&log);
        let mut back = Log::default();
        json::read_into(&mut back, "log", &text).unwrap();
        prop_assert_eq!(back, log);
    }

    #[test]
    fn what_shiviz_is_given_comes_back_with_the_same_clocks_and_messages(log in true_log()) {
        let text = shiviz::write(&log).unwrap();
        let mut back = Log::default();
        shiviz::read_into(&mut back, "log", &text, shiviz::DEFAULT).unwrap();
        prop_assert_eq!(check(&back), vec![]);
        // A clock by names, whatever the order in which they came up.
        let stamps = |log: &Log, clocks: &[VectorClock<ProcessId>]| {
            let events = log.events.iter().zip(clocks);
            let mut stamps: Vec<(String, String, String)> = events
                .map(|(event, clock)| {
                    (log.name(event.process).to_owned(), log.show(clock), event.text.clone())
                })
                .collect();
            stamps.sort();
            stamps
        };
        let expected = stamps(&log, &stamp(&log).unwrap());
        let theirs: Vec<VectorClock<ProcessId>> = back.events.iter().map(|event| event.clock.clone().unwrap()).collect();
        prop_assert_eq!(stamps(&back, &theirs), expected.clone());
        prop_assert_eq!(stamps(&back, &stamp(&back).unwrap()), expected);
        prop_assert_eq!(shiviz::write(&back).unwrap(), text);
    }

    #[test]
    fn garbage_is_an_error_or_a_log(text in "(?s).{0,200}", expression in ".{0,30}") {
        look(&text, None);
        look(&text, Some(&expression));
    }

    #[test]
    fn half_broken_lines_are_an_error_or_a_log(
        log in any_log(),
        at in any::<prop::sample::Index>(),
        with in prop::sample::select(vec!["", "{", "\"", "}", "\n", "clock", "-1", "1e400", "\u{0}", ","])
    ) {
        for text in [json::write(&log), shiviz::write(&log).unwrap_or_default()] {
            let places: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
            if let Some(at) = places.get(at.index(places.len().max(1))) {
                let mut broken = text.clone();
                broken.insert_str(*at, with);
                look(&broken, None);
            }
        }
    }
}

/// Reads a text in all formats, and does with it all that can be done.
fn look(text: &str, expression: Option<&str>) {
    let files = [("garbage".to_owned(), text.to_owned())];
    for format in [
        None,
        Some(Format::Json),
        Some(Format::Trace),
        Some(Format::Shiviz),
    ] {
        if let Ok(log) = read(&files, format, expression) {
            let _ = check(&log);
            if let Ok(clocks) = stamp(&log) {
                let options = vector_clocks::log::svg::Options::default();
                vector_clocks::log::svg::draw(&log, &clocks, &options).unwrap();
                let _ = shiviz::write(&log);
            }
        }
    }
}

fn json_error(text: &str) -> String {
    json::read_into(&mut Log::default(), "run.jsonl", text)
        .unwrap_err()
        .to_string()
}

#[test]
fn errors_name_the_file_the_line_and_what_to_do() {
    let good = "{\"process\":\"ada\"}\n\n";
    let said = json_error(&format!("{good}{{\"process\":\"ada\",\"recieve\":1}}"));
    assert!(
        said.starts_with("run.jsonl:3: not an event: unknown field `recieve`, expected one of"),
        "{said}"
    );
    let said = json_error(&format!(
        "{good}{{\"process\":\"ada\",\"send\":1,\"receive\":2}}"
    ));
    assert_eq!(
        said,
        "run.jsonl:3: an event sends or receives, not both; write two lines, the receipt first"
    );
    assert!(json_error("{\"event\":\"x\"}").contains("missing field `process`"));
    assert!(
        json_error("{\"process\":\"ada\",\"clock\":{\"ada\":-1}}").starts_with("run.jsonl:1: ")
    );

    let shiviz = |text: &str, expression: &str| -> ReadError {
        shiviz::read_into(&mut Log::default(), "run.txt", text, expression).unwrap_err()
    };
    let error = shiviz(
        "a\nada {\"ada\":1}\n\nb\nada {\"ada\":x}\n",
        shiviz::DEFAULT,
    );
    assert_eq!(error.line, 4, "{error}");
    assert!(error.to_string().contains("no JSON object of counts"));
    assert!(
        shiviz("a", "(?<event>.*)")
            .to_string()
            .contains("has no group (?<host>…)")
    );
    assert!(shiviz("a", "(").to_string().contains("cannot be used"));
    assert!(
        shiviz("nothing here", shiviz::DEFAULT)
            .to_string()
            .contains("give the one that fits with --regex")
    );

    let error = trace::read_into(
        &mut Log::default(),
        "t.jsonl",
        "{\"time\":1,\"kind\":\"send\",\"from\":0,\"to\":1}",
    )
    .unwrap_err();
    assert_eq!(
        error.to_string(),
        "t.jsonl:1: a record of kind `send` has a field `message`"
    );
    let trace = (
        "t.jsonl".to_owned(),
        "{\"time\":0,\"kind\":\"end\"}\n".to_owned(),
    );
    let error = read(&[trace.clone(), trace], None, None).unwrap_err();
    assert!(error.to_string().contains("a second trace"));
}

#[test]
fn expressions_of_javascript_are_understood() {
    // The layout of GoVector's logs: the host first.
    let text = "ada {\"ada\":1}\nstarts\nada {\"ada\":2}\nsends\n";
    let mut log = Log::default();
    shiviz::read_into(
        &mut log,
        "log",
        text,
        r"(?<host>\S*) (?<clock>{.*})\n(?<event>.*)",
    )
    .unwrap();
    assert_eq!(log.events.len(), 2);
    assert_eq!(log.events[1].text, "sends");
    assert_eq!(check(&log), vec![]);
    // A host's own counts are its order; `^` is the beginning of a line.
    let text = "x {\"x\":2} b\nx {\"x\":1} a\n";
    let mut log = Log::default();
    shiviz::read_into(
        &mut log,
        "log",
        text,
        r"^(?<host>\S*) (?<clock>{.*}) (?<event>.*)$",
    )
    .unwrap();
    assert_eq!(log.events[0].text, "a");
    // Other groups, repetitions, classes with braces, and escapes.
    let text = "[17:03] ada says {hi} {\"ada\":1}\n";
    let expression =
        r"\[(?<time>\d{2}:\d{2,})\] (?<host>[^{} ]*) (?<event>[^{]*{hi\}) (?<clock>{.*})";
    let mut log = Log::default();
    shiviz::read_into(&mut log, "log", text, expression).unwrap();
    assert_eq!(log.events[0].text, "says {hi}");
}

#[test]
fn the_format_is_guessed_from_the_first_line() {
    assert_eq!(guess("\n {\"process\":\"ada\"}"), Format::Json);
    assert_eq!(guess("{\"time\":0,\"kind\":\"begin\"}"), Format::Trace);
    assert_eq!(guess("asks\nada {\"ada\":1}"), Format::Shiviz);
    assert_eq!(guess(""), Format::Shiviz);
}

#[test]
fn two_names_that_would_be_one_host_are_refused() {
    let mut log = Log::default();
    log.add("node 1", Kind::Inner);
    assert!(
        shiviz::write(&log)
            .unwrap()
            .contains("node_1 {\"node_1\":1}")
    );
    log.add("node_1", Kind::Inner);
    assert!(shiviz::write(&log).unwrap_err().contains("`node_1`"));
}

#[test]
fn a_trace_of_the_simulator_is_a_log() {
    for seed in 0..5 {
        let records = sim::Trace::on();
        sim::run(&crate::chat::Chat, seed, &records).unwrap();
        let text = records.to_json_lines();
        let mut log = Log::default();
        trace::read_into(&mut log, "trace", &text).unwrap();
        let count = |kind: &str| {
            text.lines()
                .filter(|line| line.contains(&format!("\"kind\":\"{kind}\"")))
                .count()
        };
        let receipts = log
            .events
            .iter()
            .filter(|event| matches!(event.kind, Kind::Receive(_)));
        assert_eq!(receipts.count(), count("deliver"));
        let sends = log
            .events
            .iter()
            .filter(|event| matches!(event.kind, Kind::Send(_)));
        assert_eq!(sends.count(), count("send"));
        assert_eq!(check(&log), vec![], "seed {seed}");
        // Happened before is never later in virtual time.
        let run = log.run();
        for message in &run.messages {
            let time = |id: vector_clocks::log::EventId| log.events[id.0].time_us;
            assert!(time(message.send) <= time(message.receive));
        }
        assert_eq!(run.messages.len(), count("deliver"));
    }
}
