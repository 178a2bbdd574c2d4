//! The program, as it is run: what it prints, draws and refuses. `UPDATE_EXPECT=1 cargo test -p consistent-hash --test cli` writes the expected
//! output anew, and the book's pictures.

#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use expect_test::{expect, expect_file};

/// Runs the program with this input.
fn run(args: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_consistent-hash"))
        .args(args)
        .env_remove("RUST_BACKTRACE")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A program that fails early may have closed its input.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn succeeds(args: &[&str], input: &str) -> String {
    let output = run(args, input);
    assert_eq!(text(&output.stderr), "", "{args:?}");
    assert!(output.status.success(), "{args:?}: {}", output.status);
    text(&output.stdout)
}

/// What it says on its error output, and nothing else.
fn fails(args: &[&str], input: &str, code: i32) -> String {
    let output = run(args, input);
    assert_eq!(output.status.code(), Some(code), "{args:?}: {output:?}");
    assert_eq!(text(&output.stdout), "", "{args:?}");
    text(&output.stderr)
}

fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

#[test]
fn a_ring_is_told() {
    let told = succeeds(&words("ring --nodes 4 --vnodes 16"), "");
    expect_file!["cli/ring.txt"].assert_eq(&told);
}

#[test]
fn a_ring_tells_what_moves() {
    let told = succeeds(
        &words("ring --nodes 4 --vnodes 4 --add n9*2@1 --remove n2 --ranges"),
        "",
    );
    expect_file!["cli/ring-moves.txt"].assert_eq(&told);
}

#[test]
fn shares_follow_weights_and_moves_add_up() {
    let told = succeeds(&words("ring --nodes n1*4,n2*1 --vnodes 400 --add n3*5"), "");
    let share = |node: &str, column: usize| -> f64 {
        let row = told.lines().find(|line| line.starts_with(node)).unwrap();
        words(row)[column].parse().unwrap()
    };
    // 400 virtual nodes for each unit of weight: a share is within a few percent.
    assert!(
        (share("n1", 3) - 80.0).abs() < 8.0 && (share("n3", 4) - 50.0).abs() < 5.0,
        "{told}"
    );
    assert_eq!(
        words(told.lines().find(|line| line.starts_with("n3")).unwrap())[3],
        "-"
    );
    assert!(told.contains("50.0 % is the least"), "{told}");
}

#[test]
fn keys_are_located() {
    let args = words("locate --nodes 6 --zones 3 --replicas 3 --keys -");
    let told = succeeds(&args, "user:1\nuser:2\r\n\nlast without an end");
    expect_file!["cli/locate.txt"].assert_eq(&told);
    let given = succeeds(&words("locate --nodes 6 --zones 3 --replicas 3 user:1"), "");
    assert_eq!(told.lines().next(), given.lines().next());
}

#[test]
fn every_strategy_locates() {
    for strategy in words("modulo ring jump rendezvous maglev anchor multi-probe bounded range") {
        let told = succeeds(
            &["locate", "--strategy", strategy, "--nodes", "5", "key"],
            "",
        );
        let node: u32 = told.strip_prefix("key\tn").unwrap().trim().parse().unwrap();
        assert!((1..=5).contains(&node), "{strategy}: {told}");
    }
}

const SMALL: &str = "compare --nodes 10 --draws 20000 --distinct 2000 --untimed";

#[test]
fn strategies_are_compared() {
    expect_file!["cli/compare.txt"].assert_eq(&succeeds(&words(SMALL), ""));
}

#[test]
fn the_same_as_json_with_times() {
    let args = words(
        "compare --nodes 10 --draws 2000 --distinct 500 --json --strategy ring --strategy jump",
    );
    let json: serde_json::Value = serde_json::from_str(&succeeds(&args, "")).unwrap();
    let strategies = json["strategies"].as_array().unwrap();
    assert_eq!(strategies.len(), 2);
    assert_eq!(json["joins"], "n11");
    for figures in strategies {
        assert!(figures["lookup_ns"].as_f64().unwrap() > 0.0);
        assert_eq!(figures["join"]["needless"].as_f64(), Some(0.0));
    }
    assert!(
        strategies[1]["leave"]["refused"]
            .as_str()
            .unwrap()
            .contains("jump")
    );
}

#[test]
fn who_cannot_take_the_nodes_is_left_out_unless_asked_for() {
    let nodes = "compare --nodes n1*2,n2 --draws 500 --untimed";
    let told = succeeds(&words(nodes), "");
    let rows = told
        .lines()
        .filter(|line| line.contains(" B ") || line.ends_with('B'));
    assert_eq!(rows.count(), 8, "{told}");
    assert!(
        told.contains("\nbounded is left out: n1 has the weight 2"),
        "{told}"
    );
    let json = succeeds(&words(&format!("{nodes} --json")), "");
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["strategies"].as_array().unwrap().len(), 8);
    assert_eq!(json["left_out"][0]["strategy"], "bounded");
    let told = fails(&words(&format!("{nodes} --strategy bounded")), "", 1);
    assert!(
        told.starts_with("consistent-hash: --strategy bounded: n1"),
        "{told}"
    );
    // Nobody can.
    let told = fails(&words("compare --nodes n1*0,n2 --draws 500"), "", 1);
    assert!(told.contains("n1 has the weight 0"), "{told}");
}

#[test]
fn hot_keys_are_found() {
    let stream: String = (0..3000)
        .map(|i| {
            if i % 3 == 0 {
                "hot\n".to_owned()
            } else {
                format!("{i}\n")
            }
        })
        .collect();
    expect_file!["cli/hot.txt"]
        .assert_eq(&succeeds(&words("hot --counters 50 --top 2 -"), &stream));
    let json = succeeds(&words("hot --counters 50 --top 1 --json"), &stream);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        (&json["keys"], &json["top"][0]["key"]),
        (&3000.into(), &"hot".into())
    );
}

#[test]
fn what_would_move_the_cursor_is_not_shown_as_it_is() {
    let told = succeeds(&words("hot"), "a\u{1b}[2Jb\tc\n");
    assert!(told.contains(r"a\u{1b}[2Jb\tc"), "{told:?}");
}

/// One way around the ring, and not one for each node.
#[test]
fn a_ring_of_many_nodes_is_shown_at_once() {
    let told = succeeds(&words("ring --nodes 100000 --vnodes 1 --remove n5"), "");
    assert_eq!(
        told.lines().filter(|line| line.contains(" %  ")).count(),
        100_000
    );
}

#[test]
fn drawn_keys_can_be_read_back() {
    let zipf = "--draws 3000 --distinct 300 --exponent 1.2 --zipf-seed 9";
    let keys = succeeds(&words(&format!("keys {zipf}")), "");
    assert_eq!(keys.lines().count(), 3000);
    let compare = |from: &str| {
        let args = format!("compare --untimed --json --strategy ring {from}");
        succeeds(&words(&args), &keys)
    };
    assert_eq!(compare(zipf), compare("--keys -"), "drawn, or read");
}

#[test]
fn errors_say_what_to_do() {
    let errors = [
        ("ring --nodes 0", ""),
        ("ring --nodes 99999999999", ""),
        ("ring --nodes n1,n1", ""),
        ("ring --nodes n1*0", ""),
        ("ring --nodes 4,x", ""),
        ("ring --nodes 2 --add n2", ""),
        ("ring --nodes 2 --remove n3", ""),
        ("ring --nodes 1 --remove n1", ""),
        ("ring --nodes 1000 --vnodes 160 --svg never.svg", ""),
        ("ring --nodes 2 --svg no/such/directory/ring.svg", ""),
        ("locate", ""),
        ("locate --keys no-such-file", ""),
        ("locate --keys -", "\n\n"),
        ("locate --strategy anchor --nodes n1*0 key", ""),
        ("compare --draws 0", ""),
        ("keys --draws 999999999999", ""),
        ("compare --strategy ring --vnodes 99999999", ""),
        ("compare --strategy maglev --nodes 9 --table 4", ""),
        ("compare --strategy maglev --nodes 100000", ""),
        ("compare --distinct 0", ""),
        ("compare --exponent 99", ""),
        ("hot", ""),
        ("hot", &"x".repeat((1 << 20) + 1)),
    ];
    let told = errors.map(|(args, input)| {
        let words = words(args);
        format!("$ {args}\n{}", fails(&words, input, 1))
    });
    expect_file!["cli/errors.txt"].assert_eq(&told.join("\n"));
}

#[test]
fn an_unknown_strategy_is_told_the_nearest() {
    let told = fails(&words("compare --strategy rong"), "", 2);
    assert!(told.contains("a similar value exists: 'ring'"), "{told}");
    let told = fails(&words("ring --vnodes 0"), "", 2);
    assert!(told.contains("--vnodes"), "{told}");
    let told = fails(&words("ring --add x9"), "", 2);
    expect![[r#"
        error: invalid value 'x9' for '--add <NODE>': no number of a node in `x9`: a node is written n9, n9*2 with a weight, n9@3 with a zone, n9*2@3 with both

        For more information, try '--help'.
    "#]]
    .assert_eq(&told);
}

/// Who reads our output has enough after a line.
#[test]
fn a_closed_pipe_is_no_error() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_consistent-hash"))
        .args(words("keys --draws 2000000"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(text(&output.stderr), "");
    assert!(output.status.success(), "{}", output.status);
}

fn picture(args: &str) -> String {
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let unique: String = args
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    let file = directory.join(format!("{unique}.svg"));
    let mut words = words(args);
    let path = file.to_str().unwrap();
    words.extend(["--svg", path]);
    succeeds(&words, "");
    std::fs::read_to_string(&file).unwrap()
}

/// The commands that stand in the book above its pictures.
#[test]
fn the_pictures_in_the_book_are_what_the_program_draws() {
    let pictures = [
        (
            "problem-compare",
            "compare --nodes 4 --strategy modulo --strategy ring --distinct 2000",
        ),
        ("problem-ring", "ring --nodes 4 --vnodes 8 --add n5"),
        ("ring-64", "ring --nodes 8 --vnodes 64 --add n9"),
        ("compare", "compare --nodes 10"),
    ];
    let book = Path::new(env!("CARGO_MANIFEST_DIR")).join("../book/src/hash/img");
    for (name, args) in pictures {
        let drawn = picture(args);
        assert_eq!(drawn, picture(args), "the same picture every time");
        if book.exists() {
            expect_test::expect_file![book.join(format!("{name}.svg"))].assert_eq(&drawn);
        }
    }
}
