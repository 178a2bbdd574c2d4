//! Safe mode: what must be reported before anything is judged.

use std::time::Duration;

use autograder::{Test, tests};
use mini_hdfs::namenode::safe_mode::{Progress, SafeMode};
use node::Time;

pub(crate) const TESTS: &[Test] = tests![
    safe_mode_waits_for_blocks_and_datanodes_and_then_a_while,
    safe_mode_rounds_the_threshold_up,
    safe_mode_begins_its_extension_anew_after_a_setback,
    safe_mode_without_an_extension_ends_at_once,
    safe_mode_obeys_the_administrator,
    safe_mode_says_what_is_missing,
];

const EXTENSION: Duration = Duration::from_secs(30);

fn at(seconds: u64) -> Time {
    Time::from_millis(seconds * 1000)
}

fn progress(reported: u64, blocks: u64, datanodes: usize) -> Progress {
    Progress {
        blocks,
        reported,
        datanodes,
    }
}

fn started() -> SafeMode {
    SafeMode::new(999, 2, EXTENSION)
}

fn safe_mode_waits_for_blocks_and_datanodes_and_then_a_while() {
    let mut safe_mode = started();
    assert!(safe_mode.is_on(), "a NameNode starts in safe mode");
    assert!(
        !safe_mode.update(&progress(998, 1000, 2), at(0)),
        "998 of 1000 blocks are below 99.9 %"
    );
    assert!(
        !safe_mode.update(&progress(999, 1000, 1), at(100)),
        "the blocks are there, and of two DataNodes one is missing"
    );
    assert!(safe_mode.is_on(), "a DataNode is missing");
    assert!(
        !safe_mode.update(&progress(999, 1000, 2), at(200)),
        "both thresholds are reached now, so the extension only begins"
    );
    assert!(
        !safe_mode.update(&progress(1000, 1000, 3), at(229)),
        "29 s of the extension are over"
    );
    assert!(safe_mode.is_on(), "29 s of the extension are over");
    assert!(
        safe_mode.update(&progress(1000, 1000, 3), at(230)),
        "30 s are"
    );
    assert!(!safe_mode.is_on());
    assert!(
        !safe_mode.update(&progress(0, 1000, 0), at(999)),
        "it was off already"
    );
    assert!(
        !safe_mode.is_on(),
        "what is lost later does not turn it on again"
    );
}

fn safe_mode_rounds_the_threshold_up() {
    for (reported, blocks, enough) in [
        (0, 1, false),
        (1, 1, true),
        (4, 5, false),
        (5, 5, true),
        (1998, 2000, true),
        (1998, 2001, false),
        (0, 0, true),
    ] {
        let mut safe_mode = SafeMode::new(999, 0, Duration::ZERO);
        safe_mode.update(&progress(reported, blocks, 0), at(1));
        assert_eq!(
            !safe_mode.is_on(),
            enough,
            "{reported} of {blocks} blocks are reported"
        );
    }
}

fn safe_mode_begins_its_extension_anew_after_a_setback() {
    let mut safe_mode = started();
    safe_mode.update(&progress(10, 10, 2), at(0));
    safe_mode.update(&progress(5, 10, 1), at(20));
    safe_mode.update(&progress(10, 10, 2), at(25));
    assert!(
        !safe_mode.update(&progress(10, 10, 2), at(40)),
        "reached for 15 s only"
    );
    assert!(safe_mode.update(&progress(10, 10, 2), at(55)));
}

fn safe_mode_without_an_extension_ends_at_once() {
    let mut safe_mode = SafeMode::new(999, 1, Duration::ZERO);
    assert!(
        !safe_mode.update(&progress(5, 5, 0), at(7)),
        "all blocks are there, and the DataNode that is asked for is not"
    );
    assert!(
        safe_mode.update(&progress(5, 5, 1), at(7)),
        "both thresholds are reached, and there is nothing to wait for"
    );
    assert!(!safe_mode.is_on());
}

fn safe_mode_obeys_the_administrator() {
    let mut safe_mode = started();
    safe_mode.leave();
    assert!(
        !safe_mode.is_on(),
        "it is left at once, whatever is missing"
    );
    safe_mode.enter();
    assert!(safe_mode.is_on());
    for now in [0, 1000, 2000] {
        assert!(
            !safe_mode.update(&progress(10, 10, 5), at(now)),
            "it was turned on by hand, and should not be left at {now} s"
        );
    }
    assert!(
        safe_mode.is_on(),
        "what was turned on by hand does not turn itself off"
    );
    safe_mode.leave();
    assert!(!safe_mode.is_on());

    let mut safe_mode = started();
    safe_mode.enter();
    safe_mode.update(&progress(10, 10, 5), at(0));
    safe_mode.update(&progress(10, 10, 5), at(100));
    assert!(
        safe_mode.is_on(),
        "entered by hand while it was on anyway, it stays"
    );
}

fn safe_mode_says_what_is_missing() {
    let mut safe_mode = started();
    let says = |safe_mode: &SafeMode, progress: Progress, now| {
        safe_mode.status(&progress, at(now)).expect("it is on")
    };
    let status = says(&safe_mode, progress(90, 1000, 1), 0);
    assert!(
        status.contains("909"),
        "909 of 999 blocks are missing: {status}"
    );
    assert!(
        status.contains('1') && status.contains('2'),
        "1 of 2 DataNodes is there: {status}"
    );
    safe_mode.update(&progress(1000, 1000, 2), at(100));
    let status = says(&safe_mode, progress(1000, 1000, 2), 112);
    assert!(
        status.contains("18"),
        "18 s of the extension are left: {status}"
    );
    safe_mode.enter();
    let status = says(&safe_mode, progress(1000, 1000, 2), 112);
    assert!(
        status.contains("-safemode leave"),
        "how to turn it off: {status}"
    );
    safe_mode.leave();
    assert_eq!(safe_mode.status(&progress(0, 10, 0), at(200)), None);
}
