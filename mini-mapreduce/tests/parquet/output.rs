//! Tables that jobs leave.

use super::*;

const SCHEMA: &str = "parquet.example.schema";

/// What the job fails with; it leaves nothing.
fn failure(job: &JobSpec) -> String {
    let error = local::run(job, 1, |_| {}).unwrap_err().to_string();
    assert!(!Path::new(&job.output).exists(), "{error}");
    error
}

#[test]
fn words_are_counted_from_table_to_table() {
    let dir = TempDir::new().unwrap();
    for compression in ["uncompressed", "snappy", "gzip", "ZSTD"] {
        let out = dir.path().join(format!("{compression}.parquet"));
        let mut job = spec("wordcount", &[&data("words.parquet#word")], &out);
        set(
            &mut job,
            SCHEMA,
            "message counts { required binary word (STRING); required int64 count; }",
        );
        set(&mut job, "parquet.compression", compression);
        set(&mut job, "parquet.block.size", "200");
        local::run(&job, 2, |_| {}).unwrap();
        let groups = read(&job.output).unwrap();
        assert!(groups.len() > 2, "row groups of 200 bytes");
        let expected = words(&data("words.parquet#word")).into_iter();
        let expected: Vec<String> = expected
            .map(|(word, count)| format!("{word}\t{count}"))
            .collect();
        assert_eq!(groups.concat(), expected);
        let counts = read(&format!("{}#count", job.output)).unwrap();
        assert!(counts.concat().iter().all(|count| count == "50"));
    }
}

#[cfg(unix)]
#[test]
fn strings_come_out_as_they_went_in_and_nulls_too() {
    let dir = TempDir::new().unwrap();
    let out = dir.path().join("copy.parquet");
    let columns = "word+odd+count+part+good+bytes";
    let mut job = spec(
        "streaming",
        &[&data(&format!("mixed.parquet#{columns}"))],
        &out,
    );
    job.args = ["-mapper", "cat", "-reducer", "NONE"]
        .map(str::to_owned)
        .to_vec();
    job.reduces = 0;
    set(
        &mut job,
        SCHEMA,
        "message copy { optional binary word (STRING); optional binary odd (STRING); optional int64 count; \
         optional double part; optional boolean good; optional binary bytes; }",
    );
    local::run(&job, 2, |_| {}).unwrap();
    let files = FileSystems::default();
    let bytes = |path: &str| {
        let mut bytes = Vec::new();
        for file in files.list(path).unwrap() {
            files
                .open(&file.path, 0)
                .unwrap()
                .read_to_end(&mut bytes)
                .unwrap();
        }
        bytes
    };
    let (first, copied) = (bytes(&job.inputs[0]), bytes(&job.output));
    assert_eq!(
        copied.escape_ascii().to_string(),
        first.escape_ascii().to_string()
    );
}

#[test]
fn pairs_are_text_where_nothing_else_is_said() {
    let dir = TempDir::new().unwrap();
    let (text, out) = (dir.path().join("in"), dir.path().join("out.parquet"));
    fs::write(&text, "b a b\n").unwrap();
    local::run(
        &spec("wordcount", &[text.to_str().unwrap()], &out),
        1,
        |_| {},
    )
    .unwrap();
    assert!(fs::read(part(&out)).unwrap().starts_with(b"PAR1"));
    let rows = read(&format!("{}#value+key", out.to_str().unwrap())).unwrap();
    assert_eq!(rows.concat(), ["1\ta", "2\tb"]);
}

#[test]
fn what_cannot_become_a_table_is_refused_and_leaves_nothing() {
    let dir = TempDir::new().unwrap();
    let (text, out) = (dir.path().join("in"), dir.path().join("out.parquet"));
    fs::write(&text, b"word \xff\n").unwrap();
    let job = spec("wordcount", &[text.to_str().unwrap()], &out);
    for (setting, value, expected) in [
        (
            SCHEMA,
            "a, b",
            "has to be a message of required or optional columns",
        ),
        (
            SCHEMA,
            "message m { required int96 a; }",
            "has to be a message of",
        ),
        (SCHEMA, "message m { }", "has to be a message of"),
        (
            SCHEMA,
            "message m { repeated int32 a; }",
            "has to be a message of",
        ),
        (
            "parquet.compression",
            "lzo",
            "has to be uncompressed, snappy, gzip or zstd",
        ),
        ("parquet.block.size", "16m", "has to be a whole number"),
        (
            SCHEMA,
            "message m { required binary a; required int32 b; required int32 c; }",
            "row 0 of the table, \"word\\t1\": it has fewer fields than the table has columns, 3",
        ),
        (
            SCHEMA,
            "message m { required int32 a; required int32 b; }",
            "the column a is of i32, and this is \"word\"",
        ),
        (
            SCHEMA,
            "message m { required binary a (STRING); required int32 b; }",
            "the column a is a STRING, and this is no UTF-8",
        ),
    ] {
        let mut job = job.clone();
        set(&mut job, setting, value);
        let said = failure(&job);
        assert!(said.contains(expected), "{value}: {said}");
    }
    let mut job = spec("teragen", &[], &out);
    job.args = ["10", "1"].map(str::to_owned).to_vec();
    let said = failure(&job);
    assert!(
        said.contains("teragen writes no lines, so no table"),
        "{said}"
    );
}
