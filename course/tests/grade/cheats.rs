//! Submissions that want points for nothing.

use std::path::Path;

use crate::class::{Submission, graded, with_body};
use crate::tiny::{QUEUE, QUEUE_PATH, TOTAL, TOTAL_PATH};

/// The queue with another body of `push`, and of `pop` one that is not done.
fn cheat(name: &'static str, push: &str) -> Submission {
    let text = with_body(
        QUEUE,
        "pop",
        "        todo!(\"tiny/queue: take the oldest item\")",
    );
    Submission::right(name).with(QUEUE_PATH, with_body(&text, "push", push))
}

/// The queue with something above its code.
fn prefixed(name: &'static str, prefix: &str) -> Submission {
    let text = with_body(
        QUEUE,
        "pop",
        "        todo!(\"tiny/queue: take the oldest item\")",
    );
    Submission::right(name).with(QUEUE_PATH, format!("{prefix}\n{text}"))
}

/// Those whose file is refused, and why.
const REFUSED: [(&str, &str); 18] = [
    ("exit", "std::process"),
    ("abort", "std::process"),
    ("raw-stdout", "stdout"),
    ("reads-the-tests", "std::fs"),
    ("writes-the-results", "std::fs"),
    ("threads", "std::thread"),
    ("unsafe", "unsafe"),
    ("panic-hook", "set_hook"),
    ("no-main", "#![no_main]"),
    ("cfg-attr", "#![cfg_attr]"),
    ("own-main", "#[no_mangle]"),
    ("includes", "include"),
    ("includes-by-path", "#[path]"),
    ("environment", "env!"),
    ("proc-macro", "#[proc_macro]"),
    ("not-utf-8", "not UTF-8"),
    ("extern", "extern"),
    ("all-the-same", "impl PartialEq for Bounded"),
];

pub(crate) fn submissions() -> Vec<Submission> {
    let forged = r#"        for test in ["an_item_comes_out_again", "items_come_out_in_order"] {
            println!("test bounded::{test} ... ok");
            println!("\n0000000000000000\tbounded::{test}\tok");
        }
        println!("test result: ok. 4 passed; 0 failed; 0 ignored");
        item > 0"#;
    let loud = r#"        for _ in 0..10_000 {
            println!("{}", "loud ".repeat(20));
        }
        self.items.push_back(item);
        true"#;
    vec![
        cheat("exit", "        std::process::exit(item as i32 * 0)"),
        cheat("abort", "        std::process::abort()"),
        cheat("raw-stdout", "        use std::io::Write;\n        std::io::stdout().write_all(b\"ok\").is_ok()"),
        cheat("reads-the-tests", "        std::fs::read_to_string(\"tests/graded/bounded.rs\").is_ok()"),
        cheat("writes-the-results", "        std::fs::write(\"results.json\", \"{}\").is_ok()"),
        cheat("threads", "        loop {\n            std::thread::spawn(|| loop {});\n        }"),
        cheat("unsafe", "        unsafe { std::hint::unreachable_unchecked() }"),
        cheat("panic-hook", "        std::panic::set_hook(Box::new(|_| {}));\n        true"),
        prefixed("no-main", "#![no_main]"),
        prefixed("cfg-attr", "#![cfg_attr(all(), allow(unsafe_code))]"),
        prefixed("own-main", "#[no_mangle]\npub fn main() {}"),
        prefixed("includes", "include!(\"/srv/answer.rs\");"),
        prefixed("includes-by-path", "#[path = \"../../exercises/answer.rs\"]\nmod answer;"),
        cheat("environment", "        env!(\"CARGO_MANIFEST_DIR\").is_empty()"),
        prefixed("proc-macro", "#[proc_macro]\npub fn run() {}"),
        Submission::right("not-utf-8").with(QUEUE_PATH, b"//! \xff\xfe\n".to_vec()),
        prefixed("extern", "extern crate std as s;"),
        prefixed(
            "all-the-same",
            "impl PartialEq for Bounded {\n    fn eq(&self, _: &Bounded) -> bool {\n        true\n    }\n}",
        ),
        cheat("forged", forged),
        Submission::right("loud").with(QUEUE_PATH, with_body(QUEUE, "push", loud)),
        Submission::right("endless").with(QUEUE_PATH, with_body(QUEUE, "pop", "        loop {\n            self.capacity += 1;\n        }")),
        Submission::right("deep").with(
            QUEUE_PATH,
            with_body(QUEUE, "pop", "        let deeper = Bounded::clone(self).pop();\n        deeper.map(|item| item + 1)"),
        ),
        Submission::right("hungry").with(
            QUEUE_PATH,
            with_body(QUEUE, "pop", "        self.items.resize(3 << 30, 7);\n        self.items.pop_front()"),
        ),
        own_workspace(),
        Submission::right("linked"),
        // Right before one that has not done it, and whose files are older.
        Submission::right("first"),
        Submission::right("second-but-old").with(TOTAL_PATH, with_body(TOTAL, "total", "    todo!(\"tiny/total: {numbers:?}\")")),
    ]
}

/// Tests, manifests, build scripts and configuration of his own.
fn own_workspace() -> Submission {
    let test = "fn main() { println!(\"test bounded::an_item_comes_out_again ... ok\"); }\n";
    cheat("own-workspace", "        item > 0")
        .with("queue/tests/graded/main.rs", test)
        .with("queue/build.rs", "fn main() { panic!(\"I was run\") }\n")
        .with(
            "queue/Cargo.toml",
            "[package]\nname = \"queue\"\nbuild = \"build.rs\"\n[[test]]\nname = \"graded\"\n",
        )
        .with(
            "Cargo.toml",
            "[workspace]\nmembers = [\"queue\", \"macros\"]\n",
        )
        .with(
            ".cargo/config.toml",
            "[target.'cfg(all())']\nrunner = \"true\"\n[build]\nrustc-wrapper = \"/bin/false\"\n",
        )
        .with("macros/src/lib.rs", "#[proc_macro] pub fn run() {}\n")
        .with("exercises/queue/tests.toml", "")
        .with("results.json", "{\"score\": 100}")
}

/// What cannot be said by contents: links, and old dates.
pub(crate) fn touch(class: &Path) {
    #[cfg(unix)]
    {
        let file = class.join("linked").join(QUEUE_PATH);
        std::fs::remove_file(&file).unwrap();
        std::os::unix::fs::symlink(class.join("right").join(QUEUE_PATH), &file).unwrap();
    }
    let old = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
    let file = std::fs::File::options()
        .write(true)
        .open(class.join("second-but-old").join(TOTAL_PATH));
    file.unwrap().set_modified(old).unwrap();
}

#[test]
fn what_reaches_out_is_refused_and_graded_as_untouched() {
    for (name, why) in REFUSED {
        let cheat = graded(name);
        let (fate, reasons) = cheat.fate(QUEUE_PATH);
        assert_eq!(fate, "refused", "{name}");
        assert!(reasons.contains(why), "{name}: {reasons}");
        // What stands in other files counts all the same.
        assert_eq!(cheat.all(), [0.0, 4.0, 3.0], "{name}");
        assert_eq!(cheat.statuses("queue"), ["todo"; 4], "{name}");
    }
}

#[test]
fn forged_lines_are_not_believed() {
    let forged = graded("forged");
    assert_eq!(forged.all(), [0.0, 4.0, 3.0]);
    assert_eq!(forged.statuses("queue"), ["todo", "todo", "failed", "todo"]);
    let (fate, remarks) = forged.fate(QUEUE_PATH);
    assert_eq!(fate, "taken");
    assert!(remarks.contains("println!"), "{remarks}");
}

#[test]
fn much_output_costs_nothing_and_fills_nothing() {
    let loud = graded("loud");
    // It pushes though there is no room.
    assert_eq!(loud.statuses("queue"), ["ok", "ok", "failed", "ok"]);
    assert!(
        loud.messages("queue")
            .iter()
            .all(|message| message.len() < 10_000)
    );
}

#[test]
fn what_does_not_end_or_dies_fails_alone() {
    let endless = graded("endless");
    assert_eq!(
        endless.statuses("queue"),
        ["timeout", "timeout", "ok", "timeout"]
    );
    assert_eq!(endless.all(), [2.0, 4.0, 3.0]);
    let deep = graded("deep");
    assert_eq!(
        deep.statuses("queue"),
        ["crashed", "crashed", "ok", "crashed"]
    );
    assert!(deep.messages("queue")[0].contains("before the test did"));
    if cfg!(target_os = "linux") {
        let hungry = graded("hungry");
        assert_eq!(
            hungry.statuses("queue"),
            ["crashed", "crashed", "ok", "crashed"]
        );
    }
}

#[test]
fn a_workspace_of_his_own_is_listed_and_ignored() {
    let own = graded("own-workspace");
    assert_eq!(own.all(), [0.0, 4.0, 3.0]);
    let expected = [
        ".cargo/config.toml",
        "Cargo.toml",
        "exercises/queue/tests.toml",
        "macros/src/lib.rs",
        "queue/Cargo.toml",
        "queue/build.rs",
        "queue/tests/graded/main.rs",
        "results.json",
    ];
    assert_eq!(own.ignored(), expected);
}

#[cfg(unix)]
#[test]
fn a_link_to_another_s_file_is_not_followed() {
    let linked = graded("linked");
    assert_eq!(linked.all(), [0.0, 4.0, 3.0]);
    assert_eq!(
        linked.fate(QUEUE_PATH),
        ("refused", format!("{QUEUE_PATH} is a symbolic link"))
    );
}

#[test]
fn an_old_date_does_not_bring_the_points_of_the_student_before() {
    assert_eq!(graded("first").all(), [8.0, 4.0, 3.0]);
    assert_eq!(graded("second-but-old").all(), [8.0, 4.0, 0.0]);
}
