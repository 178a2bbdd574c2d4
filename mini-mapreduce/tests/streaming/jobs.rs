//! What jobs of commands do.

use super::*;

#[test]
fn lines_are_cut_at_tabs_and_written_with_tabs() {
    let mut place = Place::new();
    place.write("in", "b\t2\r\na\n\nc\t\t3\nlast");
    // Without reduces, lines go out as they come, in order; each has a tab, since an empty value is one.
    let only = ["-mapper", "cat", "-numReduceTasks", "0"];
    let ran = place.run(&only);
    assert!(ran.output.join("part-m-00000").exists());
    assert_eq!(ran.bytes(), b"b\t2\na\t\n\t\nc\t\t3\nlast\t\n");
    assert_eq!(
        place
            .output(&["-mapper", "cat", "-reducer", "NONE"])
            .as_bytes(),
        ran.bytes()
    );
    // A reducer sees key, tab, value, also where the mapper wrote no tab.
    let shown = place.output(&["-mapper", "cat", "-reducer", "sed 's/\\t/|/g'"]);
    assert_eq!(shown, "|\t\na|\t\nb|2\t\nc||3\t\nlast|\t\n");
    // Without a reducer, or with an identity, lines are sorted.
    let sorted = "\t\na\t\nb\t2\nc\t\t3\nlast\t\n";
    assert_eq!(place.output(&["-mapper", "cat"]), sorted);
    let identity = "org.apache.hadoop.mapred.lib.IdentityReducer";
    assert_eq!(
        place.output(&["-mapper", "cat", "-reducer", identity]),
        sorted
    );
    let identity = [
        "-inputformat",
        "KeyValueTextInputFormat",
        "-mapper",
        "IdentityMapper",
    ];
    assert_eq!(place.output(&identity), sorted);
    // The mapper sees the key of keys and values, with its tab.
    let both = [
        "-inputformat",
        "KeyValueTextInputFormat",
        "-mapper",
        "sed 's/\\t/|/'",
        "-numReduceTasks",
        "0",
    ];
    assert_eq!(place.output(&both), "b|2\t\na|\t\n|\t\nc|\t3\nlast|\t\n");
}

#[test]
fn separators_and_numbers_of_fields_are_what_settings_say() {
    let mut place = Place::new();
    place.write(
        "in",
        "11.12.1.2\n11.14.2.3\n11.11.4.1\n11.12.1.1\n11.14.2.2\n",
    );
    let cut = place.output(&[
        "-D",
        "stream.map.output.field.separator=.",
        "-D",
        "stream.num.map.output.key.fields=2",
        "-D",
        "stream.reduce.input.field.separator=|",
        "-D",
        "stream.reduce.output.field.separator=|",
        "-D",
        "mapred.textoutputformat.separator= = ",
        "-mapper",
        "cat",
        "-reducer",
        "cat",
    ]);
    assert_eq!(
        lines(&cut),
        [
            "11.11 = 4.1",
            "11.12 = 1.2",
            "11.12 = 1.1",
            "11.14 = 2.3",
            "11.14 = 2.2"
        ]
    );
}

#[test]
fn a_secondary_sort_partitions_by_one_part_and_sorts_by_more() {
    let mut place = Place::new();
    let mut input = String::new();
    for number in 0..3_000_u32 {
        // Scattered, and with as many digits as it has.
        let value = number * 7919 % 3_000;
        input += &format!("year{}\t{value}\tv{number}\n", number % 10);
    }
    place.write("in", input);
    let options = [
        "-D",
        "stream.num.map.output.key.fields=2",
        "-D",
        "mapreduce.partition.keypartitioner.options=-k1,1",
        "-partitioner",
        "org.apache.hadoop.mapred.lib.KeyFieldBasedPartitioner",
        "-D",
        "mapreduce.job.output.key.comparator.class=org.apache.hadoop.mapreduce.lib.partition.KeyFieldBasedComparator",
        "-D",
        "mapreduce.partition.keycomparator.options=-k1,1 -k2,2nr",
        "-D",
        "mapreduce.input.fileinputformat.split.maxsize=9000",
        "-numReduceTasks",
        "3",
        "-mapper",
        "cat",
        "-reducer",
        "cat",
    ];
    let mut years = BTreeMap::new();
    let ran = place.run(&options);
    let parts = ran.parts();
    assert_eq!(parts.len(), 3);
    for (number, part) in parts.iter().enumerate() {
        let mut last: Option<(String, u32)> = None;
        for line in std::str::from_utf8(part).unwrap().lines() {
            let fields: Vec<&str> = line.split('\t').collect();
            let [year, value, _] = fields[..] else {
                panic!("{line}");
            };
            assert_eq!(
                *years.entry(year.to_owned()).or_insert(number),
                number,
                "{year} is in two parts"
            );
            let value: u32 = value.parse().unwrap();
            if let Some((last_year, last_value)) = last {
                assert!(
                    *last_year < *year || last_year == year && last_value >= value,
                    "{line}"
                );
            }
            last = Some((year.to_owned(), value));
        }
    }
    assert_eq!(years.len(), 10);
    let lines: usize = parts
        .iter()
        .map(|part| part.iter().filter(|byte| **byte == b'\n').count())
        .sum();
    assert_eq!(lines, 3_000);
}

#[test]
fn a_combiner_makes_fewer_pairs_and_no_other_result() {
    let mut place = Place::new();
    let (text, counts) = text(40_000);
    place.write("in", text);
    let sum = "awk -F \\t '$1 != word {if (NR > 1) print word \"\\t\" sum; word = $1; sum = 0} {sum += $2} END {if (NR) print word \"\\t\" sum}'";
    // A small buffer, so that there are several spills to combine.
    let small = ["-D", "mapreduce.task.io.sort.mb=1", "-numReduceTasks", "2"];
    let options = [&WORDS[..2], &small, &["-combiner", sum, "-reducer", sum]].concat();
    let ran = place.run(&options);
    assert!(numbers(&String::from_utf8(ran.bytes()).unwrap()) == counts);
    let counter = |name: &str| -> u64 {
        let at = ran.text.find(&format!(" {name}=")).unwrap() + name.len() + 2;
        let digits: String = ran.text[at..]
            .chars()
            .take_while(char::is_ascii_digit)
            .collect();
        digits.parse().unwrap()
    };
    assert_eq!(counter("MAP_OUTPUT_RECORDS"), 160_000);
    assert!(counter("COMBINE_INPUT_RECORDS") >= 160_000);
    assert!(counter("REDUCE_INPUT_RECORDS") < 40_000, "{}", ran.text);
    // A combiner that gives keys out of order would spoil the merge: that is found.
    let reverse = [&WORDS[..2], &["-combiner", "sort -r", "-reducer", sum]].concat();
    let error = place.error(&reverse);
    assert!(
        error.contains("a combiner has to emit the keys that it is given"),
        "{error}"
    );
}

#[test]
fn the_environment_tells_the_job_the_task_and_the_split() {
    let mut place = Place::new();
    place.write("in", "x\n");
    place.write("show.sh", "#!/bin/sh\ncat > /dev/null\nenv\necho \"HERE=$(ls | tr '\\n' ' ')\"\necho \"DIR=$(pwd)\"\n");
    let options = [
        "-D",
        "my.own-setting=a b",
        "-D",
        "mapred.job.name=mine",
        "-cmdenv",
        "COLOUR=deep blue",
        "-file",
        "show.sh#shown",
        "-mapper",
        "shown",
        "-numReduceTasks",
        "0",
    ];
    let map = place.output(&options);
    let has = |text: &str, line: &str| {
        assert!(
            lines(text).contains(&&*format!("{line}\t")),
            "no {line} in {text}"
        );
    };
    let input = place.path("in");
    for line in [
        "my_own_setting=a b",
        "COLOUR=deep blue",
        "mapreduce_job_name=mine",
        "mapred_job_name=mine",
        "mapreduce_job_id=job_0001",
        "mapred_job_id=job_0001",
        "mapreduce_task_id=task_0001_m_000000",
        "mapred_tip_id=task_0001_m_000000",
        "mapreduce_task_partition=0",
        "mapreduce_task_ismap=true",
        "mapreduce_job_reduces=0",
        "mapreduce_map_input_start=0",
        "map_input_length=2",
        "HERE=shown tmp ",
        "stream_map_streamprocessor=shown",
    ] {
        has(&map, line);
    }
    has(
        &map,
        &format!("mapreduce_map_input_file={}", input.display()),
    );
    has(&map, &format!("map_input_file={}", input.display()));
    let attempt = |name: &str| {
        let found = map.lines().find_map(|line| line.strip_prefix(name));
        assert!(
            found.unwrap().starts_with("=attempt_0001_m_000000_"),
            "{map}"
        );
    };
    attempt("mapreduce_task_attempt_id");
    attempt("mapred_task_id");
    let reduce = place.output(&[
        "-mapper",
        "cat",
        "-reducer",
        "show.sh",
        "-file",
        "show.sh",
        "-numReduceTasks",
        "2",
    ]);
    for line in [
        "mapreduce_task_ismap=false",
        "mapreduce_task_partition=1",
        "mapreduce_task_id=task_0001_r_000001",
        "mapreduce_job_reduces=2",
        "mapred_reduce_tasks=2",
    ] {
        has(&reduce, line);
    }
    assert!(!reduce.contains("map_input_file"), "a reduce has no split");
    // Where it was is gone.
    let dir = map
        .lines()
        .find_map(|line| line.strip_prefix("DIR="))
        .unwrap();
    assert!(!Path::new(dir.trim_end()).exists(), "{dir} is still there");
}

#[test]
fn directories_are_sent_and_long_settings_are_cut() {
    let mut place = Place::new();
    place.write("in", "x\n");
    place.write("tables/words", "one\n");
    let shown = [
        "-files",
        "tables#t",
        "-mapper",
        "cat t/words",
        "-numReduceTasks",
        "0",
    ];
    assert_eq!(place.output(&shown), "one\t\n");
    let long = format!("my.setting={}", "äöü".repeat(20));
    let settings = ["-D", &long, "-D", "stream.jobconf.truncate.limit=5"];
    let mapper = [
        "-mapper",
        "sh -c 'cat; echo $my_setting'",
        "-numReduceTasks",
        "0",
    ];
    assert_eq!(
        place.output(&[&settings[..], &mapper].concat()),
        "x\t\näö\t\n"
    );
}

#[test]
fn reports_on_standard_error_are_taken() {
    let mut place = Place::new();
    place.write("in/a", "1\n2\n");
    place.write("in/b", "3\n");
    let mapper = "awk '{print \"reporter:counter:Lines,seen,\" $1 > \"/dev/stderr\"; print \"reporter:status:at \" $1 > \"/dev/stderr\"}'";
    let reducer = "sh -c 'cat; echo reporter:counter:Lines,reduces,1 >&2'";
    let ran = place.run(&[
        "-mapper",
        mapper,
        "-reducer",
        reducer,
        "-numReduceTasks",
        "2",
    ]);
    assert!(ran.bytes().is_empty());
    ran.says("Lines\n    reduces=2\n    seen=6\n");
}

#[test]
fn bytes_that_are_no_text_pass_unharmed() {
    let mut place = Place::new();
    let mut input: Vec<u8> = Vec::new();
    for first in [0_u8, 0x80, 0xc3, 0xff, 0xfe] {
        input.extend([
            first, 0xff, 0x0d, 0xed, 0xa0, 0x80, b'\t', 0xf5, first, b'\n',
        ]);
    }
    place.write("in", &input);
    let sorted = ["-mapper", "cat", "-reducer", "cat"];
    let mut expected: Vec<&[u8]> = input.split_inclusive(|byte| *byte == b'\n').collect();
    expected.sort();
    assert_eq!(place.run(&sorted).bytes(), expected.concat());
}

#[test]
fn a_million_values_of_one_key_stream_by() {
    let mut place = Place::new();
    place.write("in", "1000000\n");
    let many = "awk '{for (i = 0; i < $1; i++) print \"key\\t\" i}'";
    let sum = "awk '{sum += $2; n++} END {if (n) printf(\"%s\\t%d %.0f\", $1, n, sum)}'";
    let ran = place.run(&[
        "-mapper",
        many,
        "-reducer",
        sum,
        "-numReduceTasks",
        "3",
        "-D",
        "mapreduce.task.io.sort.mb=2",
    ]);
    assert_eq!(ran.bytes(), b"key\t1000000 499999500000\n");
    ran.says("REDUCE_INPUT_GROUPS=1\n");
}

#[test]
fn one_key_with_everything_is_one_line_as_well() {
    let mut place = Place::new();
    // A line of three megabytes, longer than any buffer on its way.
    let mut long = vec![b'k', b'\t'];
    long.resize(3 << 20, b'x');
    long.push(b'\n');
    place.write("in", &long);
    assert_eq!(
        place.run(&["-mapper", "cat", "-reducer", "cat"]).bytes(),
        long
    );
}

#[test]
fn a_command_may_write_before_it_reads() {
    let mut place = Place::new();
    let (text, _) = text(20_000);
    place.write("in", &text);
    // Far more than pipes hold, both ways.
    place.write("first.sh", "#!/bin/sh\nyes before | head -n 500000\ncat\n");
    let ran = place.run(&[
        "-file",
        "first.sh",
        "-mapper",
        "first.sh",
        "-numReduceTasks",
        "0",
    ]);
    let expected = ["before\t\n".repeat(500_000), text.replace('\n', "\t\n")].concat();
    assert!(ran.bytes() == expected.as_bytes());
}

#[test]
fn hadoops_own_reducer_aggregates() {
    let mut place = Place::new();
    place.write(
        "in",
        "LongValueSum:a\t1\nLongValueSum:a\t41\nLongValueMax:m\t-5\nLongValueMax:m\t-7\nLongValueMin:m\t-7\n\
         UniqValueCount:u\tx\nUniqValueCount:u\ty\nUniqValueCount:u\tx\nDoubleValueSum:d\t0.5\nDoubleValueSum:d\t1\n\
         StringValueMax:s\tabc\nStringValueMax:s\tabd\n",
    );
    let output = place.output(&["-mapper", "cat", "-reducer", "aggregate"]);
    assert_eq!(
        lines(&output),
        ["d\t1.5", "m\t-5", "m\t-7", "a\t42", "s\tabd", "u\t2"]
    );
    let error = place.error(&["-mapper", "echo x", "-reducer", "aggregate"]);
    assert!(error.contains("takes keys FUNCTION:KEY"), "{error}");
}
