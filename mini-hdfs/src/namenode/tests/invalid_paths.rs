//! The tree takes valid paths for granted, so every call has to stop the others at the door.

use super::{NOW, Rig, permission, request};
use crate::error::FsError;

#[test]
fn every_call_refuses_an_invalid_path() {
    let mut rig = Rig::new();
    rig.create("/d/f", "ada");
    let last = rig.namenode.last_txid();
    let rng = &mut rig.rng;
    let nn = &mut rig.namenode;
    for bad in ["", "d/f", "/d/f/", "//d/f", "/d/../d/f", "/d/f:"] {
        let answers = [
            ("get_file_info", nn.get_file_info(bad).err()),
            ("get_listing", nn.get_listing(bad, "").err()),
            ("get_content_summary", nn.get_content_summary(bad).err()),
            (
                "get_block_locations",
                nn.get_block_locations(bad, 0, 1, None, NOW, rng).err(),
            ),
            ("fsck", nn.fsck(bad, "", 1, NOW).err()),
            ("mkdirs", nn.mkdirs(bad, true, &permission(), NOW).err()),
            ("rename from", nn.rename(bad, "/e", NOW).err()),
            ("rename to", nn.rename("/d/f", bad, NOW).err()),
            ("delete", nn.delete(bad, true, NOW).err()),
            ("set_replication", nn.set_replication(bad, 2).err()),
            (
                "create",
                nn.create(&request(bad, "ada", true), NOW).map(|_| ()).err(),
            ),
        ];
        for (call, answer) in answers {
            assert!(
                matches!(&answer, Some(FsError::InvalidPath { path, .. }) if path == bad),
                "{call} of {bad:?}: {answer:?}"
            );
        }
    }
    let after = nn.fsck("/", "/d//f", 1, NOW);
    assert!(
        matches!(after, Err(FsError::InvalidPath { .. })),
        "{after:?}"
    );
    assert_eq!(rig.namenode.last_txid(), last, "nothing was logged");
}
