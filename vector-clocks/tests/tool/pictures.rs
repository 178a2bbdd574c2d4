//! Pictures: the same log, the same bytes; and those of the book are what the tool draws.

use std::fs;
use std::path::Path;

use expect_test::expect_file;
use vector_clocks::log::svg::{Options, draw};
use vector_clocks::log::{Kind, Log, read, stamp};

/// The book's pictures: the log, the file, the title, how many events.
const PICTURES: [(&str, &str, &str, Option<usize>); 5] = [
    (
        "chat.jsonl",
        "chat.svg",
        "An answer that overtakes its question",
        None,
    ),
    (
        "hearsay.jsonl",
        "happened-before.svg",
        "A broken build, and who knew of it when",
        None,
    ),
    (
        "held-back.jsonl",
        "causal.svg",
        "An answer that waits for its question",
        None,
    ),
    (
        "two-in-the-room.jsonl",
        "two-in-the-room.svg",
        "The end of the replay: two in the room",
        Some(17),
    ),
    (
        "two-phase-commit.txt",
        "two-phase-commit.svg",
        "Two-phase commit, from a log with clocks alone",
        None,
    ),
];

fn drawn(log: &str, title: &str, last: Option<usize>) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("logs").join(log);
    let files = [(log.to_owned(), fs::read_to_string(path).unwrap())];
    let log = read::read(&files, None, None).unwrap();
    let title = title.to_owned();
    draw(&log, &stamp(&log).unwrap(), &Options { title, last }).unwrap()
}

/// With `UPDATE_EXPECT=1` in the environment the book gets what is drawn now.
#[test]
fn the_books_pictures_are_what_the_tool_draws() {
    for (log, file, title, last) in PICTURES {
        let path = format!(
            "{}/../book/src/clocks/img/{file}",
            env!("CARGO_MANIFEST_DIR")
        );
        expect_file![path].assert_eq(&drawn(log, title, last));
    }
}

#[test]
fn the_log_of_the_warm_up_is_its_replay() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let ours = fs::read_to_string(root.join("logs/two-in-the-room.jsonl")).unwrap();
    // A handout may be without the warm-up.
    if let Ok(theirs) = fs::read_to_string(root.join("../warm-up/replays/two-in-the-room.jsonl")) {
        assert!(
            ours == theirs,
            "copy warm-up/replays/two-in-the-room.jsonl to vector-clocks/logs"
        );
    }
}

#[test]
fn whatever_a_log_says_the_picture_is_xml() {
    let mut log = Log::default();
    log.add("<a & \"b\">", Kind::Send("1".to_owned())).text =
        "x < y && \u{0}\u{b}\u{ffff} z >".to_owned();
    log.add(&"long ".repeat(100), Kind::Receive("1".to_owned()))
        .text = "ä".repeat(300);
    log.add("", Kind::Send("2".to_owned()));
    let svg = draw(&log, &stamp(&log).unwrap(), &Options::default()).unwrap();
    assert!(svg.contains("&lt;a &amp; &quot;b&quot;&gt;"));
    assert!(
        !svg.chars().any(|c| c.is_control() && c != '\n'),
        "no character that XML forbids"
    );
    assert!(!svg.contains('\u{ffff}'));
    // What opens closes: a little of what a parser would say.
    for tag in [
        "svg", "title", "desc", "style", "defs", "marker", "text", "circle",
    ] {
        let count = |what: String| svg.matches(&what).count();
        let (opened, closed) = (
            count(format!("<{tag} ")) + count(format!("<{tag}>")),
            count(format!("</{tag}>")),
        );
        assert_eq!(opened, closed, "{tag}");
    }
    assert!(svg.contains("class=\"lost\""), "nobody receives message 2");
}

#[test]
fn an_empty_log_is_an_empty_picture() {
    let svg = draw(&Log::default(), &[], &Options::default()).unwrap();
    assert!(svg.contains("0 events, 0 messages"));
}

#[test]
fn nothing_stands_above_what_happened_before_it() {
    let svg = drawn("chat.jsonl", "", None);
    let number = |line: &str, name: &str| -> i64 {
        let (_, rest) = line.split_once(&format!("{name}=\"")).unwrap();
        rest.split_once('"').unwrap().0.parse().unwrap()
    };
    let dots: Vec<(i64, i64)> = (svg.lines())
        .filter(|line| line.starts_with("<circle"))
        .map(|line| (number(line, "cx"), number(line, "cy")))
        .collect();
    assert_eq!(dots.len(), 9);
    let mut places = dots.clone();
    places.sort_unstable();
    places.dedup();
    assert_eq!(places.len(), 9, "no two events share a place: {dots:?}");
    for arrow in svg
        .lines()
        .filter(|line| line.starts_with("<path class=\"a\""))
    {
        let (from, to) = arrow.split_once('Q').unwrap();
        let y = |point: &str| -> i64 {
            let point = point.split('"').next().unwrap();
            point.rsplit_once(' ').unwrap().1.parse().unwrap()
        };
        assert!(y(from.rsplit_once('M').unwrap().1) < y(to), "{arrow}");
    }
}

/// An event's text stands to the right of its dot, where the heads of arrows from there are, 8 wide: it makes room for them.
#[test]
fn no_text_covers_the_head_of_an_arrow() {
    let svg = drawn("chat.jsonl", "", None);
    let place_of = |text: &str| -> (usize, usize) {
        let lines: Vec<&str> = svg.lines().collect();
        let at = lines.iter().rposition(|line| line.ends_with(text)).unwrap();
        let number = |line: &str, name: &str| -> usize {
            let (_, rest) = line.split_once(name).unwrap();
            rest.split_once('"').unwrap().0.parse().unwrap()
        };
        (number(lines[at - 1], "cx=\""), number(lines[at], " x=\""))
    };
    // What bob answers comes to ada from the right; what she asks, to cy from the left.
    let (dot, text) = place_of(">reads: pizza</text>");
    assert!(text >= dot + 5 + 8, "{dot}, {text}");
    let (dot, text) = place_of(">reads: lunch?</text>");
    assert!(text < dot + 5 + 8, "{dot}, {text}");
}
