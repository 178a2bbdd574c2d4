//! The flags and the output of our tools, which are those of Kafka's.

use std::fs;

use crate::broker::Broker;

/// The words of each line that has some.
fn words(text: &str) -> Vec<Vec<&str>> {
    let lines = text.lines().map(|line| line.split_whitespace().collect());
    lines.filter(|words: &Vec<_>| !words.is_empty()).collect()
}

impl Broker {
    /// Runs a tool that must fail; what it said of that.
    fn fails(&self, args: &[&str]) -> String {
        let done = self.command(args).output().unwrap();
        assert!(!done.status.success(), "{args:?}");
        String::from_utf8(done.stdout).unwrap() + &String::from_utf8(done.stderr).unwrap()
    }

    /// So many records in the first partition of a topic.
    fn fill(&self, topic: &str, records: &str) {
        self.tool(&[
            "perf",
            "producer",
            "--topic",
            topic,
            "--num-records",
            records,
        ]);
    }

    /// A group that has read so many.
    fn read(&self, topic: &str, group: &str, records: &str) {
        let from = ["console-consumer", "--topic", topic, "--from-beginning"];
        let to = ["--group", group, "--max-messages", records];
        self.tool(&[&from[..], &to[..]].concat());
    }
}

#[test]
fn groups_are_listed_and_described() {
    let broker = Broker::start(&[]);
    for (topic, group) in [("t", "g"), ("u", "h")] {
        broker.fill(topic, "5");
        broker.read(topic, group, "2");
    }
    let groups = |args: &[&str]| broker.tool(&[&["consumer-groups"], args].concat());
    assert_eq!(groups(&["--list"]), "g\nh\n");
    let states = groups(&["--list", "--state"]);
    assert_eq!(
        words(&states),
        [["GROUP", "STATE"], ["g", "Empty"], ["h", "Empty"]]
    );
    let states = groups(&["--list", "--state", "stable,dead"]);
    assert_eq!(words(&states), [["GROUP", "STATE"]]);

    let header =
        "GROUP TOPIC PARTITION CURRENT-OFFSET LOG-END-OFFSET LAG CONSUMER-ID HOST CLIENT-ID";
    let header: Vec<&str> = header.split(' ').collect();
    let row = |group, topic| vec![group, topic, "0", "2", "5", "3", "-", "-", "-"];
    let (g, h) = (row("g", "t"), row("h", "u"));
    for which in [&["--all-groups"][..], &["--group", "g", "--group", "h"]] {
        let described = groups(&[&["--describe"], which].concat());
        let expected = [&header, &g, &header, &h];
        assert_eq!(words(&described).iter().collect::<Vec<_>>(), expected);
    }
    let state = groups(&["--describe", "--group", "g", "--state"]);
    let columns = "GROUP COORDINATOR (ID) ASSIGNMENT-STRATEGY STATE #MEMBERS";
    let row = ["g", &broker.address, "(1)", "-", "Empty", "0"];
    assert_eq!(words(&state), [columns.split(' ').collect(), row.to_vec()]);

    let said = broker.fails(&[
        "consumer-groups",
        "--delete",
        "--group",
        "g",
        "--group",
        "none",
    ]);
    assert!(
        said.contains("('g') was successful") && said.contains("1 of 2 groups failed"),
        "{said}"
    );
    assert_eq!(groups(&["--list"]), "h\n");
}

#[test]
fn what_a_group_has_committed_is_moved_and_deleted() {
    let broker = Broker::start(&["num.partitions=2"]);
    broker.fill("t", "10");
    broker.read("t", "g", "4");
    let reset = |to: &[&str], does: &str| {
        let args = ["consumer-groups", "--reset-offsets", "--group", "g"];
        let said = broker.tool(&[&args[..], to, &[does]].concat());
        let rows = words(&said).into_iter();
        let rows = rows.map(|row| (format!("{}:{}", row[1], row[2]), row[3].to_owned()));
        let mut rows: Vec<_> = rows.collect();
        let header = ("TOPIC:PARTITION".to_owned(), "NEW-OFFSET".to_owned());
        assert_eq!(rows.remove(0), header, "{said}");
        rows
    };
    let rows = |offsets: &[(&str, &str)]| -> Vec<(String, String)> {
        let owned =
            |(partition, offset): &(&str, &str)| (partition.to_string(), offset.to_string());
        offsets.iter().map(owned).collect()
    };
    let both = |offset| rows(&[("t:0", offset), ("t:1", "0")]);
    for (to, offset) in [
        (&["--to-earliest"][..], "0"),
        (&["--to-latest"], "10"),
        (&["--to-offset", "7"], "7"),
        (&["--to-current"], "4"),
        (&["--shift-by", "-1"], "3"),
        (&["--shift-by", "100"], "10"),
        (&["--to-datetime", "2020-01-02T03:04:05.678"], "0"),
        (&["--to-datetime", "2100-01-02T03:04:05.678+02:00"], "10"),
        (&["--by-duration", "P1DT1H"], "0"),
    ] {
        let moved = reset(&[&["--topic", "t"], to].concat(), "--dry-run");
        assert_eq!(moved, both(offset), "{to:?}");
    }
    // Of that nothing was done.
    let first = reset(&["--topic", "t:0", "--to-current"], "--dry-run");
    assert_eq!(first, rows(&[("t:0", "4")]));
    let moved = reset(&["--all-topics", "--shift-by", "2"], "--execute");
    assert_eq!(moved, both("6"));
    let moved = reset(&["--topic", "t:0,1", "--to-current"], "--dry-run");
    assert_eq!(moved, both("6"));
    for (to, what) in [
        (
            ["--topic", "t:x", "--to-latest"].as_slice(),
            "expected TOPIC or TOPIC:PARTITION",
        ),
        (&["--topic", "t:9", "--to-latest"], "t-9"),
        (
            &["--topic", "t", "--to-datetime", "now"],
            "such as 2026-02-03T04:05:06.000",
        ),
        (&["--topic", "t", "--by-duration", "P1M"], "such as P1DT12H"),
        (&["--topic", "t"], "--to-earliest"),
        (&["--to-latest"], "--all-topics"),
    ] {
        let args = ["consumer-groups", "--reset-offsets", "--group", "g"];
        let said = broker.fails(&[&args[..], to].concat());
        assert!(said.contains(what), "{said}");
    }
    let delete = [
        "consumer-groups",
        "--delete-offsets",
        "--group",
        "g",
        "--topic",
    ];
    let said = broker.tool(&[&delete[..], &["t:0"]].concat());
    assert_eq!(
        words(&said)[1..],
        [["TOPIC", "PARTITION", "STATUS"], ["t", "0", "Successful"]]
    );
    assert_eq!(
        reset(&["--all-topics", "--to-current"], "--dry-run"),
        rows(&[("t:1", "0")])
    );
}

#[test]
fn topics_are_made_once_and_chosen_by_expressions() {
    let broker = Broker::start(&[]);
    let create = ["topics", "--create", "--topic", "t.1"];
    assert_eq!(broker.tool(&create), "Created topic t.1.\n");
    let again = broker.tool(&[&create[..], &["--if-not-exists"]].concat());
    assert_eq!(again, "");
    broker.fill("u", "1");
    broker.read("u", "g", "1");
    let list = |args: &[&str]| broker.tool(&[&["topics", "--list"], args].concat());
    assert_eq!(list(&[]), "__consumer_offsets\nt.1\nu\n");
    assert_eq!(list(&["--exclude-internal"]), "t.1\nu\n");
    assert_eq!(list(&["--topic", "t.*,v"]), "t.1\n");
    let described = broker.tool(&["topics", "--describe", "--topic", "t|u"]);
    assert!(described.starts_with("Topic: u\t"), "{described}");
    let said = broker.fails(&["topics", "--describe", "--topic", "("]);
    assert!(said.contains("not a regular expression"), "{said}");
}

#[test]
fn the_files_of_a_partition_are_shown() {
    let broker = Broker::start(&[]);
    let create = ["topics", "--create", "--topic", "t"];
    let small = [
        "--config",
        "segment.bytes=1000",
        "--config",
        "index.interval.bytes=1",
    ];
    broker.tool(&[&create[..], &small[..]].concat());
    let send = ["perf", "producer", "--topic", "t", "--num-records", "40"];
    broker.tool(&[&send[..], &["--producer-props", "batch.size=200"]].concat());
    let dir = broker.log_dir().join("t-0");
    let mut names: Vec<String> = fs::read_dir(&dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort_unstable();
    let dump = |name: &str| {
        let file = dir.join(name).display().to_string();
        let said = broker.tool(&["dump-log", "--files", &file]);
        let (title, rest) = said.split_once('\n').unwrap();
        assert_eq!(title, format!("Dumping {file}"));
        rest.to_owned()
    };
    // The second segment: its file's name tells from where offsets count.
    let second = names.iter().filter(|name| name.ends_with(".index")).nth(1);
    let second = second.unwrap().trim_end_matches(".index");
    let base: u64 = second.parse().unwrap();
    let batches = dump(&format!("{second}.log"));
    let of = |line: &str, name: &str| -> u64 {
        let words: Vec<&str> = line.split_whitespace().collect();
        let at = words.iter().position(|word| *word == name).unwrap();
        words[at + 1].parse().unwrap()
    };
    let found: Vec<(u64, u64)> = (batches.lines())
        .map(|line| (of(line, "baseOffset:"), of(line, "position:")))
        .collect();
    assert_eq!(found[0], (base, 0));
    let index = dump(&format!("{second}.index"));
    assert!(!index.is_empty());
    for line in index.lines() {
        assert!(
            found.contains(&(of(line, "offset:"), of(line, "position:"))),
            "{index}"
        );
    }
    let times = dump(&format!("{second}.timeindex"));
    let last = times.lines().last().unwrap();
    assert!(
        last.starts_with("timestamp: ") && of(last, "offset:") >= base,
        "{times}"
    );
    let snapshot = names
        .iter()
        .rfind(|name| name.ends_with(".snapshot"))
        .unwrap();
    let next: u64 = snapshot.trim_end_matches(".snapshot").parse().unwrap();
    let producers = dump(snapshot);
    assert!(
        producers.starts_with("producerId: 0 producerEpoch: 0 "),
        "{producers}"
    );
    assert_eq!(of(&producers, "lastOffset:"), next - 1);
    let damaged = dir.join("00000000000000000000.index");
    fs::write(&damaged, "damaged").unwrap();
    let said = broker.fails(&["dump-log", "--files", damaged.to_str().unwrap()]);
    assert!(said.contains("the broker makes it anew"), "{said}");
    let said = broker.fails(&[
        "dump-log",
        "--files",
        dir.join("leader-epoch-checkpoint").to_str().unwrap(),
    ]);
    assert!(said.contains("expected a .log, .index"), "{said}");
}

#[test]
fn a_producers_rate_is_measured_and_with_a_limit_its_latencies() {
    let broker = Broker::start(&[]);
    let perf = ["perf", "producer", "--topic", "t", "--num-records", "100"];
    let free = broker.tool(&[&perf[..], &["--throughput", "-1"]].concat());
    assert!(
        free.starts_with("100 records sent, ") && free.ends_with(" MB/sec).\n"),
        "{free}"
    );
    let held = broker.tool(&[&perf[..], &["--throughput", "1000"]].concat());
    let rate: f64 = words(&held)[0][3].parse().unwrap();
    assert!(rate < 1020.0, "{held}");
    for part in [
        "ms avg latency, ",
        "ms max latency, ",
        "ms 50th, ",
        "ms 95th, ",
        "ms 99th, ",
        "ms 99.9th.\n",
    ] {
        assert!(held.contains(part), "{held}");
    }
}

#[test]
fn records_before_an_offset_are_deleted() {
    let broker = Broker::start(&[]);
    broker.fill("t", "10");
    broker.fill("u", "10");
    let file = broker.log_dir().with_file_name("offsets.json");
    let args = [
        "delete-records",
        "--offset-json-file",
        file.to_str().unwrap(),
    ];
    let json = r#"{"partitions":[{"topic":"t","partition":0,"offset":3},{"topic":"u","partition":0,"offset":-1}],"version":1}"#;
    fs::write(&file, json).unwrap();
    let said = "Executing records delete operation\nRecords delete operation completed:\n\
         partition: t-0\tlow_watermark: 3\npartition: u-0\tlow_watermark: 10\n";
    assert_eq!(broker.tool(&args), said);
    for (json, what) in [
        ("{", "not what --help shows"),
        (
            r#"{"partitions":[],"version":2}"#,
            "version 2, but only 1 is known",
        ),
        (
            r#"{"partitions":[{"topic":"t","partition":0,"offset":1},{"topic":"t","partition":0,"offset":2}]}"#,
            "t-0 stands there twice",
        ),
        (
            r#"{"partitions":[{"topic":"t","partition":0,"offset":99}]}"#,
            "t-0\terror: OffsetOutOfRange",
        ),
    ] {
        fs::write(&file, json).unwrap();
        let said = broker.fails(&args);
        assert!(said.contains(what), "{said}");
    }
    fs::remove_file(&file).unwrap();
    assert!(broker.fails(&args).contains("cannot read"));
}
