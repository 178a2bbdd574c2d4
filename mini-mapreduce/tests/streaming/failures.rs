//! Commands that fail, hang, die, or do not what is expected.

use std::time::{Duration, Instant};

use super::*;

#[test]
fn a_command_that_exits_with_an_error_fails_with_all_that_is_known() {
    let mut place = Place::new();
    place.write("in", "good\nbad\n");
    place.write("picky.sh", "#!/bin/sh\nread line\necho \"cannot take $line\" >&2\necho reporter:status:reading >&2\nexit 3\n");
    let options = ["-file", "picky.sh", "-mapper", "picky.sh"];
    let error = place.error(&options);
    let path = place.path("in");
    let expected = format!(
        "the mapper `picky.sh` exited with code 3; it had been given 2 records, up to byte 5 of {}; \
         its status was \"reading\"; its standard error:\n    cannot take good",
        path.display()
    );
    assert!(error.contains(&expected), "{error}");
    assert!(
        error.contains("attempt_0001_m_000000_3") || error.contains("4 times"),
        "{error}"
    );
    let lenient = [
        &options[..],
        &["-D", "stream.non.zero.exit.is.failure=false"],
    ]
    .concat();
    assert_eq!(place.output(&lenient), "");
    let error = place.error(&["-mapper", "cat", "-reducer", "sh -c 'exit 5'"]);
    assert!(error.contains("the reducer `sh -c 'exit 5'` exited with code 5; it had been given 2 records; it wrote nothing"), "{error}");
    let error = place.error(&["-mapper", "cat", "-reducer", "cat", "-combiner", "false"]);
    assert!(
        error.contains("the combiner `false` exited with code 1"),
        "{error}"
    );
}

#[test]
fn a_command_that_is_killed_says_by_which_signal() {
    let mut place = Place::new();
    place.write("in", "x\n");
    let error = place.error(&["-mapper", "sh -c 'kill -9 $$'"]);
    assert!(
        error.contains("was killed (signal: 9 (SIGKILL))"),
        "{error}"
    );
}

#[test]
fn a_command_that_does_not_read_hangs_nobody() {
    let mut place = Place::new();
    place.write("in", "a\nb\n");
    // As in Hadoop: little input that is not read is no matter, much is a broken pipe.
    assert_eq!(place.output(&["-mapper", "true"]), "");
    assert_eq!(place.output(&["-mapper", "head -n 1"]), "a\t\n");
    let (text, _) = text(40_000);
    assert!(text.len() > 1 << 20);
    place.write("in", &text);
    for mapper in ["true", "head -n 1"] {
        let error = place.error(&["-mapper", mapper]);
        assert!(
            error.contains("before it had read all of its input (broken pipe)"),
            "{error}"
        );
    }
    let allowed = [
        "-mapper",
        "echo enough",
        "-D",
        "stream.minRecWrittenToEnableSkip_=0",
    ];
    assert_eq!(place.output(&allowed), "enough\t\n");
    // It may close its input, and go on.
    let closed = [
        "-mapper",
        "sh -c 'exec <&-; sleep 0.2; echo enough'",
        "-D",
        "stream.minRecWrittenToEnableSkip_=0",
    ];
    assert_eq!(place.output(&closed), "enough\t\n");
}

#[test]
fn floods_on_standard_error_do_no_harm() {
    let mut place = Place::new();
    place.write("in", "x\n");
    // Forty megabytes of lines, and forty without a line's end.
    place.write(
        "flood.sh",
        "#!/bin/sh\nyes 'a line of a flood' | head -c 40000000 >&2\nhead -c 40000000 /dev/zero >&2\necho >&2\necho the last >&2\ncat\n[ -z \"$FAIL\" ]\n",
    );
    let options = ["-file", "flood.sh", "-mapper", "flood.sh"];
    assert_eq!(place.output(&options), "x\t\n");
    let error = place.error(&[&options[..], &["-cmdenv", "FAIL=1"]].concat());
    assert!(
        error.contains("the end of its standard error:\n    a line of a flood\n"),
        "{error}"
    );
    assert!(error.contains("\n    the last"), "{error}");
    assert!(error.len() < 10_000, "{} bytes", error.len());
    let shown = place.run(&["-verbose", "-mapper", "sh -c 'cat; echo seen >&2'"]);
    shown.says("seen\n");
}

#[test]
fn a_silent_command_is_killed_with_all_that_it_started() {
    let mut place = Place::new();
    place.write("in", "x\n");
    place.write(
        "hang.sh",
        "#!/bin/sh\nsleep 1234 &\necho $! >> $PIDS\necho $$ >> $PIDS\nwait\n",
    );
    let pids = place.path("pids");
    let pids_is = format!("PIDS={}", pids.display());
    let begun = Instant::now();
    let error = place.error(&[
        "-file",
        "hang.sh",
        "-mapper",
        "hang.sh",
        "-cmdenv",
        &pids_is,
        "-D",
        "mapred.task.timeout=300",
    ]);
    let expected =
        "has neither read, written nor reported anything for 0.3 s (mapreduce.task.timeout)";
    assert!(error.contains(expected), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(60));
    let pids = fs::read_to_string(pids).unwrap();
    assert!(lines(&pids).len() >= 2);
    for pid in pids.lines() {
        until_gone(pid);
    }
}

#[test]
fn counters_without_end_are_an_error() {
    let mut place = Place::new();
    place.write("in", "500\n");
    let mapper =
        "awk '{for (i = 0; i < $1; i++) print \"reporter:counter:g,\" i \",1\" > \"/dev/stderr\"}'";
    let error = place.error(&["-mapper", mapper]);
    assert!(
        error.contains("is one more than 120 (mapreduce.job.counters.max)"),
        "{error}"
    );
    let more = ["-mapper", mapper, "-D", "mapreduce.job.counters.max=500"];
    place.run(&more).says("    499=1\n");
}

#[test]
fn a_slow_command_that_gives_signs_of_life_is_not_killed() {
    let mut place = Place::new();
    place.write("in", "x\n");
    let slow = "sh -c 'cat; for i in 1 2 3 4 5 6; do sleep 0.3; echo reporter:status:$i >&2; done'";
    let options = ["-mapper", slow, "-D", "mapreduce.task.timeout=1200"];
    assert_eq!(place.output(&options), "x\t\n");
}

/// Waits until there is no process of this number, or only a dead one that nobody has waited for.
pub(crate) fn until_gone(pid: &str) {
    let begun = Instant::now();
    loop {
        let status = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let lives = Command::new("kill")
            .args(["-0", pid])
            .output()
            .unwrap()
            .status
            .success();
        if !lives || status.contains(") Z ") {
            return;
        }
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "{pid} lives: {status}"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn what_cannot_be_started_says_where_it_was_looked_for() {
    let mut place = Place::new();
    place.write("in", "x\n");
    place.write("other.sh", "#!/bin/sh\r\ncat\n");
    let error = place.error(&["-mapper", "mapper.py -x", "-file", "other.sh"]);
    assert!(
        error.contains("the mapper `mapper.py -x` cannot be started: there is no program mapper.py: neither in the task's working directory, which has other.sh, nor in PATH (/"),
        "{error}"
    );
    assert!(
        error.contains("has to be sent along, with -file mapper.py"),
        "{error}"
    );
    let error = place.error(&["-mapper", "/no/such/program"]);
    assert!(error.contains("/no/such/program: No such file"), "{error}");
    let error = place.error(&["-mapper", "other.sh", "-file", "other.sh"]);
    assert!(error.contains("without a CR at the line's end"), "{error}");
    // What was not executable is, and the user's own file is left as it was.
    place.write("plain.sh", "#!/bin/sh\ncat\n");
    assert_eq!(
        place.output(&["-mapper", "plain.sh", "-file", "plain.sh"]),
        "x\t\n"
    );
    use std::os::unix::fs::PermissionsExt;
    let mode = fs::metadata(place.path("plain.sh"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o111, 0);
}

#[test]
fn what_is_not_there_is_refused_before_anything_runs() {
    let mut place = Place::new();
    place.write("in", "x\n");
    let mut check = |options: &[&str], expected: &str| {
        let error = place.error(options);
        assert!(error.contains(expected), "no {expected:?} in: {error}");
        assert!(!error.contains("attempt"), "something ran: {error}");
    };
    check(
        &["-mapper", "cat", "-partitioner", "TotalOrderPartitioner"],
        "there are HashPartitioner and KeyField",
    );
    check(
        &["-mapper", "cat", "-inputformat", "NLineInputFormat"],
        "-inputformat NLineInputFormat: there are",
    );
    check(
        &["-mapper", "org.apache.hadoop.mapred.lib.RegexMapper"],
        "Java classes do not run here",
    );
    check(
        &["-reducer", "cat"],
        "keys would be positions in files; use -mapper cat",
    );
    check(
        &["-mapper", "cat", "-file", "gone.py"],
        "gone.py: No such file",
    );
    check(&["-mapper", "''"], "the command \"''\" is empty");
    check(
        &["-mapper", "cat", "-files", "in,in"],
        "the name in is taken; use ",
    );
    check(
        &["-mapper", "cat", "-file", "in#tmp"],
        "the name tmp is taken",
    );
    let comparator = "mapreduce.job.output.key.comparator.class=";
    check(
        &["-mapper", "cat", "-D", &format!("{comparator}Mine")],
        "there is KeyFieldBasedComparator",
    );
    let options = "mapreduce.partition.keycomparator.options=-k1x";
    check(
        &[
            "-mapper",
            "cat",
            "-D",
            &format!("{comparator}KeyFieldBasedComparator"),
            "-D",
            options,
        ],
        "it takes -kFIELD",
    );
    check(
        &[
            "-mapper",
            "cat",
            "-D",
            "mapreduce.output.fileoutputformat.compress=true",
        ],
        "cannot be compressed",
    );
    check(
        &["-mapper", "cat", "-D", "mapreduce.task.timeout=soon"],
        "mapreduce.task.timeout=soon has to be",
    );
    check(
        &["-mapper", "cat", "-input", "nothing"],
        "nothing: No such file",
    );
    let help = Command::new(PROGRAM)
        .args(["streaming", "-help"])
        .output()
        .unwrap();
    assert!(
        help.status.success()
            && String::from_utf8(help.stdout)
                .unwrap()
                .contains("-numReduceTasks")
    );
}
