//! The scenes of the small systems, each played to its end by the lab's own program.

#![allow(clippy::unwrap_used)] // Also in the helpers of tests.

use std::process::Command;

#[cfg_attr(
    not(any(feature = "clocks", feature = "hash")),
    expect(dead_code, reason = "this lab has none of them")
)]
fn play(scene: &str) {
    let dir = tempfile::tempdir().unwrap();
    let played = Command::new(env!("CARGO_BIN_EXE_lab"))
        .args(["scene", scene, "--dir"])
        .arg(dir.path())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&played.stdout);
    let failed = String::from_utf8_lossy(&played.stderr);
    assert!(played.status.success(), "{told}\n{failed}");
    assert!(told.contains("every expectation was met"), "{told}");
}

#[cfg(feature = "hash")]
#[test]
fn a_store_joins() {
    play("hash/add-node");
}

#[cfg(feature = "clocks")]
#[test]
fn two_writers_are_in_conflict() {
    play("clocks/conflict");
}
