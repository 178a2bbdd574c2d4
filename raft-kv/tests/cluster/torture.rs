//! A short run of `raft-kv torture`.

use raft_kv::server::torture::{self, Options};

use super::program;

#[test]
fn members_that_are_killed_and_stopped_keep_their_promises() {
    let options = Options {
        minutes: 0.1,
        seed: Some(1),
        members: 3,
        clients: 4,
        dir: None,
        flags: vec!["--snapshot-count=100".to_owned()],
    };
    torture::run(program(), &options).unwrap();
}
