//! The examples, in Python, unchanged. Where there is no `python3` they say so and test nothing.

use super::*;

fn has_python() -> bool {
    let found = Command::new("python3").arg("--version").output();
    let is_there = found.is_ok_and(|found| found.status.success());
    if !is_there {
        eprintln!("python3 is missing: the examples are NOT tested");
    }
    is_there
}

/// The options that send examples along.
fn files(names: &[&str]) -> String {
    let paths: Vec<String> = names.iter().map(|name| example(name)).collect();
    paths.join(",")
}

#[test]
fn word_count_of_any_textbook() {
    if !has_python() {
        return;
    }
    let mut place = Place::new();
    let (text, counts) = text(5_000);
    place.write("in/text", text);
    let files = files(&["mapper.py", "reducer.py"]);
    // As tutorials spell it: generic options first; an interpreter, or the script itself.
    let tutorial = [
        "-D",
        "mapreduce.job.reduces=2",
        "-D",
        "mapreduce.input.fileinputformat.split.maxsize=50000",
        "-files",
        &files,
        "-mapper",
        "python3 mapper.py",
        "-reducer",
        "python3 reducer.py",
    ];
    let ran = place.run(&tutorial);
    assert_eq!(ran.parts().len(), 2);
    assert!(numbers(&String::from_utf8(ran.bytes()).unwrap()) == counts);
    ran.says("MAP_INPUT_RECORDS=5000");
    let older = [
        "-file",
        &example("mapper.py"),
        "-mapper",
        "./mapper.py",
        "-file",
        &example("reducer.py"),
        "-reducer",
        "reducer.py",
        "-combiner",
        "reducer.py",
    ];
    assert!(numbers(&place.output(&older)) == counts);
}

#[test]
fn maxima_means_an_index_and_a_join() {
    if !has_python() {
        return;
    }
    let mut place = Place::new();
    place.write(
        "in",
        "A,1950-01-01,0.5\nB,1949-03-01,11.1\nA,1950-07-01,22\nbad\nB,1949-04-01,7.8\nA,1951-01-01,-3\n",
    );
    let all = files(&[
        "max_temperature_map.py",
        "max_temperature_reduce.py",
        "average_reduce.py",
    ]);
    let (mapper, reducer) = (
        "python3 max_temperature_map.py",
        "python3 max_temperature_reduce.py",
    );
    let ran = place.run(&[
        "-files",
        &all,
        "-mapper",
        mapper,
        "-combiner",
        reducer,
        "-reducer",
        reducer,
    ]);
    assert_eq!(ran.bytes(), b"1949\t11.1\n1950\t22.0\n1951\t-3.0\n");
    ran.says("Temperature\n    Malformed=1\n");
    let average = place.output(&[
        "-files",
        &all,
        "-mapper",
        mapper,
        "-reducer",
        "python3 average_reduce.py",
    ]);
    assert_eq!(
        lines(&average),
        ["1949\t9.45", "1950\t11.25", "1951\t-3.00"]
    );

    place.write("books/a.txt", "The cat\nsat\n");
    place.write("books/b.txt", "the dog\n");
    let all = files(&["inverted_index_map.py", "inverted_index_reduce.py"]);
    let index = place.output(&[
        "-input",
        "books",
        "-files",
        &all,
        "-mapper",
        "inverted_index_map.py",
        "-reducer",
        "inverted_index_reduce.py",
    ]);
    assert_eq!(
        lines(&index),
        ["cat\ta.txt", "dog\tb.txt", "sat\ta.txt", "the\ta.txt,b.txt"]
    );

    place.write("customers", "1,Ada\n2,Bob\n3,Cy\n");
    place.write("orders", "10,2,5.00\n11,1,7.50\n12,9,1.00\n13,2,6.00\n");
    let all = files(&["join_map.py", "join_reduce.py"]);
    let ran = place.run(&[
        "-D",
        "stream.num.map.output.key.fields=2",
        "-D",
        "mapreduce.partition.keypartitioner.options=-k1,1",
        "-D",
        "mapreduce.job.reduces=3",
        "-input",
        "customers",
        "-input",
        "orders",
        "-files",
        &all,
        "-mapper",
        "join_map.py",
        "-reducer",
        "join_reduce.py",
        "-partitioner",
        "org.apache.hadoop.mapred.lib.KeyFieldBasedPartitioner",
    ]);
    let joined = String::from_utf8(ran.bytes()).unwrap();
    let mut joined = lines(&joined);
    joined.sort_unstable();
    assert_eq!(joined, ["Ada\t7.50", "Bob\t5.00", "Bob\t6.00"]);
    ran.says("OrdersWithoutCustomer=1");
}

#[test]
fn an_error_in_a_script_is_shown_as_python_says_it() {
    if !has_python() {
        return;
    }
    let mut place = Place::new();
    place.write("in", "one\ntwo\n");
    place.write(
        "bad.py",
        "import sys\nfor line in sys.stdin:\n    print(int(line))\n",
    );
    let error = place.error(&["-file", "bad.py", "-mapper", "python3 bad.py"]);
    assert!(
        error.contains("the mapper `python3 bad.py` exited with code 1"),
        "{error}"
    );
    assert!(
        error.contains("\n    ValueError: invalid literal for int()"),
        "{error}"
    );
    // Modules that are sent along are found beside the script.
    place.write("lib/helper.py", "def double(text):\n    return text * 2\n");
    place.write("good.py", "import sys\nfrom helper import double\nfor line in sys.stdin:\n    print(double(line.strip()))\n");
    let doubled = place.output(&[
        "-files",
        "good.py,lib/helper.py",
        "-mapper",
        "python3 good.py",
    ]);
    assert_eq!(doubled, "oneone\t\ntwotwo\t\n");
}
