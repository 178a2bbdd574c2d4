//! The jobs that come with the crate, each against what it is to say.

use std::collections::BTreeMap;

use mini_mapreduce::counters::Counters;
use mini_mapreduce::jobs::loganalysis::{Entry, parse};
use proptest::prelude::*;

use crate::bench::run_steps;

/// The output as lines, of all files one after another.
fn lines(outputs: &[Vec<u8>]) -> Vec<String> {
    let text = String::from_utf8(outputs.concat()).unwrap();
    text.lines().map(str::to_owned).collect()
}

/// The same where no order over files is promised.
fn sorted_lines(outputs: &[Vec<u8>]) -> Vec<String> {
    let mut lines = lines(outputs);
    lines.sort_unstable();
    lines
}

fn run(
    program: &str,
    args: &[&str],
    inputs: &[(&str, &[u8])],
    reduces: u32,
) -> (Vec<Vec<u8>>, Counters) {
    run_steps(program, args, inputs, reduces, 40).unwrap()
}

#[cfg(feature = "server")]
#[test]
fn grep_counts_what_matches_and_sorts_by_how_often() {
    let text = b"cat hat\nbat cat\n\xffmat cat hat\n";
    let (outputs, _) = run("grep", &["[chb]at"], &[("in", text)], 3);
    assert_eq!(lines(&outputs), ["cat\t3", "hat\t2", "bat\t1"]);
    let error = |args: &[&str]| {
        run_steps("grep", args, &[("in", b"")], 1, 9)
            .unwrap_err()
            .to_string()
    };
    assert_eq!(error(&[]), "grep: its argument is a PATTERN");
    assert!(error(&["("]).contains("unclosed group"));
}

#[test]
fn the_inverted_index_names_files_in_order() {
    let inputs: [(&str, &[u8]); 2] = [
        ("b", b"Fox, fox!\ndog\n"),
        ("a", "the \u{e4}sop fox".as_bytes()),
    ];
    let (outputs, _) = run("invertedindex", &[], &inputs, 2);
    let expected = ["dog\tb:1", "fox\ta:1 b:2", "the\ta:1", "\u{e4}sop\ta:1"];
    assert_eq!(sorted_lines(&outputs), expected);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_join_is_each_pair_of_values_of_a_key(
        left in prop::collection::vec(("[abc\u{0}]{0,2}", "[xyz]{0,3}"), 0..30),
        right in prop::collection::vec(("[abc\u{0}]{0,2}", "[xyz]{0,3}"), 0..30),
        reduces in 1_u32..4, block in 1_u64..60, salt in 0_u16..5,
    ) {
        let text = |rows: &[(String, String)]| -> String {
            rows.iter().map(|(key, value)| format!("{key}\t{value}\n")).collect()
        };
        let inputs = [("in/left", text(&left)), ("in/right", text(&right))];
        let inputs = inputs.each_ref().map(|(path, text)| (*path, text.as_bytes()));
        let salt = (salt > 0).then(|| salt.to_string());
        let args: Vec<&str> = salt.iter().map(String::as_str).collect();
        let (outputs, _) = run_steps("join", &args, &inputs, reduces, block).unwrap();
        let mut expected = Vec::new();
        for (key, l) in &left {
            let matching = right.iter().filter(|(other, _)| other == key);
            expected.extend(matching.map(|(_, r)| format!("{key}\t{l}\t{r}")));
        }
        expected.sort_unstable();
        prop_assert_eq!(sorted_lines(&outputs), &expected[..]);

        let (outputs, counters) = run_steps("join", &["broadcast"], &inputs, reduces, block).unwrap();
        prop_assert_eq!(sorted_lines(&outputs), expected);
        prop_assert_eq!(counters.get_task("MAP_INPUT_RECORDS"), left.len() as u64, "the right side is no split");
        prop_assert_eq!(counters.get_task("SHUFFLED_MAPS"), 0);
    }

    #[test]
    fn terasort_sorts_over_all_files_and_loses_nothing(rows in 1_u64..3000, reduces in 1_u32..6, seed: u64) {
        let args = [rows.to_string(), seed.to_string()];
        let args = args.each_ref().map(String::as_str);
        let (generated, _) = run_steps("teragen", &args, &[], 0, 1).unwrap();
        let generated = generated.concat();
        prop_assert_eq!(generated.len() as u64, rows * 100);
        let (sorted, _) = run_steps("terasort", &[], &[("in", &generated)], reduces, 20_000).unwrap();
        let mut expected: Vec<&[u8]> = generated.chunks(100).collect();
        expected.sort_by_key(|row| &row[..10]);
        prop_assert!(sorted.concat() == expected.concat());

        let files: Vec<String> = (0..).map(|i| format!("in/{i}")).take(sorted.len()).collect();
        let files: Vec<(&str, &[u8])> =
            files.iter().zip(&sorted).map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
        let validate = |files: &[(&str, &[u8])]| {
            lines(&run_steps("teravalidate", &[], files, 1, 7_777).unwrap().0)
        };
        let valid = validate(&files);
        prop_assert_eq!(valid.len(), 1, "{:?}", valid);
        let before = validate(&[("in", &generated)]);
        prop_assert_eq!(before.last(), valid.last(), "the checksum is that of the rows, in any order");
        if expected.len() > 1 && expected.windows(2).any(|pair| pair[0][..10] != pair[1][..10]) {
            let backwards = expected.iter().rev().copied().collect::<Vec<_>>().concat();
            let found = validate(&[("in", &backwards)]);
            prop_assert!(found.iter().any(|line| line.starts_with("misorder\t")), "{:?}", found);
        }
    }
}

#[test]
fn reduces_of_terasort_get_equal_shares() {
    let (generated, _) = run_steps("teragen", &["20000", "1"], &[], 0, 1).unwrap();
    let (sorted, _) =
        run_steps("terasort", &[], &[("in", &generated.concat())], 4, 200_000).unwrap();
    for part in &sorted {
        let share = part.len() / 100;
        assert!((4_000..6_000).contains(&share), "{share} of 20,000 rows");
    }
}

const LOG: &str = "\
10.0.0.1 - - [28/Nov/2026:23:50:00 +0100] \"GET /a?q=1 HTTP/1.1\" 200 5 \"-\" \"x\"
10.0.0.2 - ann [28/Nov/2026:23:05:00 +0100] \"GET /b HTTP/1.1\" 404 -
not a line of a log
10.0.0.1 - - [29/Nov/2026:00:10:00 +0100] \"GET /a HTTP/1.1\" 200 5
10.0.0.1 - - [29/Nov/2026:00:45:01 +0100] \"POST /b HTTP/1.1\" 200 5
10.0.0.1 - - [29/Nov/2026:00:45:09 +0100] \"GET /a HTTP/1.1\" 304 0
";

#[test]
fn logs_are_analysed() {
    let log = |what: &str| run("loganalysis", &[what], &[("in", LOG.as_bytes())], 2);
    assert_eq!(lines(&log("paths").0), ["/a\t3", "/b\t2"]);
    let (hours, counters) = log("hours");
    let expected = [
        "2026-11-28T22\t200\t1",
        "2026-11-28T22\t404\t1",
        "2026-11-28T23\t200\t2",
        "2026-11-28T23\t304\t1",
    ];
    assert_eq!(sorted_lines(&hours), expected);
    assert_eq!(counters.get("LogAnalysis", "MALFORMED"), 1);
    let begin = 1_795_906_200;
    let expected = [
        format!("10.0.0.1\t{begin}\t1200\t2"),
        format!("10.0.0.1\t{}\t8\t2", begin + 1200 + 2101),
        format!("10.0.0.2\t{}\t0\t1", begin - 2700),
    ];
    assert_eq!(sorted_lines(&log("sessions").0), expected);
}

#[test]
fn a_line_of_a_log_is_parsed() {
    let line =
        r#"127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] "GET /apache_pb.gif HTTP/1.0" 200 2326"#;
    let expected = Entry {
        host: "127.0.0.1",
        time: 971_211_336,
        path: "/apache_pb.gif",
        status: "200",
    };
    assert_eq!(parse(line), Some(expected));
    for bad in [
        "",
        "x [",
        "h - - [32/Oct/2000:13:55:36 -0700] \"GET / H\" 200 1",
        "h - - [10/Oct/2000:13:55:36 -0700] \"-\" 400 1",
    ] {
        assert_eq!(parse(bad), None, "{bad}");
    }
}

proptest! {
    #[test]
    fn any_line_is_an_entry_or_none(line in "\\PC*", cut in 0_usize..120) {
        let _ = parse(&line);
        let known = LOG.lines().next().unwrap();
        let _ = parse(known.get(..cut).unwrap_or(known));
    }
}

#[test]
fn pages_rank_as_the_formula_says() {
    let text = b"a\tb c\nb\tc\nc\ta\nd\tc\n";
    let (outputs, _) = run("pagerank", &["30"], &[("in", text)], 3);
    let ranks: Vec<(String, f64)> = lines(&outputs)
        .iter()
        .map(|line| {
            let (page, rank) = line.split_once('\t').unwrap();
            (page.to_owned(), rank.parse().unwrap())
        })
        .collect();
    let order: Vec<&str> = ranks.iter().map(|(page, _)| page.as_str()).collect();
    assert_eq!(order, ["c", "a", "b", "d"]);

    let links = BTreeMap::from([
        ("a", vec!["b", "c"]),
        ("b", vec!["c"]),
        ("c", vec!["a"]),
        ("d", vec!["c"]),
    ]);
    let mut expected: BTreeMap<&str, f64> = links.keys().map(|page| (*page, 1.0)).collect();
    for _ in 0..30 {
        let mut next: BTreeMap<&str, f64> = links.keys().map(|page| (*page, 0.15)).collect();
        for (page, to) in &links {
            for link in to {
                *next.get_mut(link).unwrap() +=
                    0.85 * expected[page] / f64::from(u32::try_from(to.len()).unwrap());
            }
        }
        expected = next;
    }
    for (page, rank) in &ranks {
        assert!(
            (rank - expected[page.as_str()]).abs() < 1e-9,
            "{page} has {rank}"
        );
    }
}

#[test]
fn a_job_says_what_it_takes() {
    let error = |program: &str, args: &[&str]| {
        run_steps(program, args, &[("in", b"")], 1, 9)
            .unwrap_err()
            .to_string()
    };
    let unknown = error("wordcout", &[]);
    assert!(
        unknown.starts_with("there is no program \"wordcout\"; there are "),
        "{unknown}"
    );
    assert_eq!(
        error("teragen", &["10"]),
        "teragen: its arguments are ROWS SEED, all numbers, and not \"10\""
    );
    assert_eq!(
        error("loganalysis", &[]),
        "loganalysis: its argument is paths, hours or sessions"
    );
    assert_eq!(
        error("join", &[]),
        "join: it takes two inputs, the left and the right one"
    );
    let sides: [(&str, &[u8]); 2] = [("in/left", b""), ("in/right", b"")];
    let salted = run_steps("join", &["0"], &sides, 1, 9).unwrap_err();
    assert_eq!(
        salted.to_string(),
        "join: its one argument is broadcast or SALT, into how many each key is divided, 1 to 1000, and not \"0\""
    );
}

#[test]
fn a_right_side_that_is_too_large_for_every_map_is_refused() {
    // In the file it is small enough, in memory it is not: the first is known before any map runs.
    for (rows, is_known_before) in [(400_000, true), (50_000, false)] {
        let right: String = (0..rows).map(|n| format!("{n}\tx\n")).collect();
        let mut bench = crate::bench::Bench::new("join", &["broadcast"], 1, 1 << 20);
        bench.set("mapreduce.join.broadcast.max.mb", "1");
        bench.files.put("left", b"1\ta\n");
        bench.files.put("right", right.as_bytes());
        bench.spec.inputs = vec!["left".to_owned(), "right".to_owned()];
        let mut spec = bench.spec.clone();
        let prepared = mini_mapreduce::jobs::prepare(&mut spec, &bench.files);
        assert_eq!(prepared.is_err(), is_known_before);
        let error = match prepared {
            Err(error) => error.to_string(),
            Ok(()) => {
                bench.spec = spec;
                let program = mini_mapreduce::jobs::program(&bench.spec).unwrap();
                bench.run(&*program).unwrap_err().to_string()
            }
        };
        assert_eq!(
            error,
            "right: every map would keep it in memory, and it takes more than 1 MB (mapreduce.join.broadcast.max.mb); \
             join in the reduce, without -a broadcast"
        );
    }
}

#[test]
fn zipfs_text_is_the_same_however_it_is_split() {
    let words = |maps: &str| {
        let mut bench = crate::bench::Bench::new("zipftext", &["500", "1000", "7"], 0, 1);
        bench.set("mapreduce.job.maps", maps);
        let program = mini_mapreduce::jobs::program(&bench.spec).unwrap();
        bench.run(&*program).unwrap().0.concat()
    };
    let text = words("1");
    assert!(text == words("7"), "rows do not depend on splits");
    let (counts, _) = run("wordcount", &[], &[("in", &text)], 1);
    let mut counts: Vec<u64> = lines(&counts)
        .iter()
        .map(|line| line.split_once('\t').unwrap().1.parse().unwrap())
        .collect();
    counts.sort_unstable_by(|a, b| b.cmp(a));
    assert_eq!(counts.iter().sum::<u64>(), 500 * 12);
    let (first, tenth) = (counts[0], counts[9]);
    assert!(
        first > 5 * tenth,
        "{first} of the first word, {tenth} of the tenth"
    );
}
