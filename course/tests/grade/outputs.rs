//! What other programs read.

use std::fs;
use std::io::Write;

use serde_json::{Value, json};

use crate::class::{Submission, with_body};
use crate::tiny::{self, QUEUE, QUEUE_PATH};

/// Grades one submission, of which the queue is half done, as a zip archive.
fn grade_half(dir: &std::path::Path) -> (Value, Value, String) {
    let half = with_body(QUEUE, "push", "        let _ = item;\n        false");
    let archive = dir.join("ada.zip");
    let mut zip = zip::ZipWriter::new(fs::File::create(&archive).unwrap());
    for (path, contents) in Submission::right("").with(QUEUE_PATH, half).files {
        zip.start_file(
            format!("ada/{path}"),
            zip::write::SimpleFileOptions::default(),
        )
        .unwrap();
        zip.write_all(&contents).unwrap();
    }
    zip.finish().unwrap();
    let (gradescope, classroom) = (dir.join("results.json"), dir.join("classroom.json"));
    let paths = [&archive, &gradescope, &classroom].map(|path| path.to_str().unwrap().to_owned());
    let output = tiny::grade(&[
        &paths[0],
        "--gradescope",
        &paths[1],
        "--classroom",
        &paths[2],
        "--only",
        "queue",
    ]);
    let said = String::from_utf8_lossy(&[output.stderr, output.stdout].concat()).into_owned();
    assert!(output.status.success(), "{said}");
    let read = |path| serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    (read(gradescope), read(classroom), said)
}

#[test]
fn one_submission_is_written_for_gradescope_classroom_and_a_person() {
    let dir = tempfile::tempdir().unwrap();
    let (gradescope, classroom, said) = grade_half(dir.path());

    assert_eq!(gradescope["score"], json!(6.0));
    assert_eq!(gradescope["stdout_visibility"], "hidden");
    let tests = gradescope["tests"].as_array().unwrap();
    assert_eq!(tests.len(), 2);
    assert_eq!(tests[0]["name"], "The queue (tiny/queue)");
    assert_eq!(
        (&tests[0]["score"], &tests[0]["max_score"]),
        (&json!(2.0), &json!(8))
    );
    assert_eq!(
        (&tests[0]["status"], &tests[1]["status"]),
        (&json!("failed"), &json!("passed"))
    );
    let output = tests[0]["output"].as_str().unwrap();
    assert!(
        output.contains("bounded::an_item_comes_out_again ... FAILED"),
        "{output}"
    );
    assert!(
        output.contains("bounded::an_empty_queue_has_nothing ... ok"),
        "{output}"
    );

    assert_eq!(classroom["version"], 1);
    assert_eq!(
        (&classroom["status"], &classroom["max_score"]),
        (&json!("fail"), &json!(12))
    );
    assert_eq!(classroom["tests"][0]["status"], "fail");
    assert_eq!(
        classroom["tests"][1],
        json!({
            "name": "The journal (tiny/journal)",
            "status": "pass",
            "score": 4.0,
            "message": null,
            "test_code": "cargo test -p queue --test graded journal::",
            "filename": "",
            "line_no": 0,
            "duration": classroom["tests"][1]["duration"],
        })
    );

    assert!(said.contains("━━ ada"), "{said}");
    assert!(
        said.contains("tiny/queue        2 of 8   1 of 4 tests"),
        "{said}"
    );
    assert!(
        said.contains("    bounded::an_item_comes_out_again failed"),
        "{said}"
    );
    assert!(
        said.contains("total             6 of 12 points (50 %)"),
        "{said}"
    );
}

#[test]
fn what_cannot_be_graded_is_said() {
    let error = |args: &[&str]| {
        let output = tiny::grade(args);
        assert!(!output.status.success());
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    assert!(
        error(&["/no/such/directory"]).contains("cannot open the submission /no/such/directory")
    );
    assert!(
        error(&["a", "b", "--gradescope", "x"])
            .contains("--gradescope and --classroom are about one submission")
    );
    assert!(
        error(&["a", "--only", "lab"])
            .contains("no exercise belongs to \"lab\"; the crates are queue, sums")
    );
}

#[test]
fn an_export_has_submissions_stubs_and_suspects() {
    let dir = tempfile::tempdir().unwrap();
    let (ada, bob, out) = (
        dir.path().join("ada"),
        dir.path().join("bob"),
        dir.path().join("out"),
    );
    for (path, contents) in Submission::right("").files {
        tiny::write(&ada.join(path), &contents);
    }
    tiny::write(&ada.join("notes.txt"), b"not to be compared");
    tiny::write(&bob.join("bounded.rs"), QUEUE.as_bytes());
    let export = |dir: &std::path::Path| {
        tiny::course(&[
            "export",
            dir.to_str().unwrap(),
            ada.to_str().unwrap(),
            bob.to_str().unwrap(),
        ])
    };
    assert!(export(&out).status.success());
    let read = |path: &str| fs::read_to_string(out.join(path)).unwrap();
    assert_eq!(read(&format!("submissions/ada/{QUEUE_PATH}")), QUEUE);
    assert_eq!(read(&format!("submissions/bob/{QUEUE_PATH}")), QUEUE);
    assert!(!out.join("submissions/ada/notes.txt").exists());
    assert!(read(&format!("base/{QUEUE_PATH}")).contains("todo!(\"tiny/queue: "));
    assert!(read(&format!("suspects/reference/{QUEUE_PATH}")).contains("self.items.pop_front()"));
    let wrong = read(&format!(
        "suspects/queue-wrong-queue-off-by-one/{QUEUE_PATH}"
    ));
    assert!(
        wrong.contains("self.items.len() > self.capacity")
            && wrong.contains("self.items.pop_front()")
    );
    assert!(
        !wrong.contains("self.items.len() == self.capacity"),
        "{wrong}"
    );
    assert!(
        read("README.md")
            .contains("--language rust --base-code base --new submissions --old suspects")
    );

    let again = export(&out);
    assert!(String::from_utf8_lossy(&again.stderr).contains("is not empty; choose another name"));
}
