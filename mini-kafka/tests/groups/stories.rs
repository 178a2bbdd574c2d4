//! What clients live through, one story a test. `UPDATE_EXPECT=1` writes down what happens now.

mod ends;
mod rebalance;
mod stored;

use expect_test::Expect;
use mini_kafka::group::partition_for;

use crate::script::tell;

#[allow(clippy::needless_pass_by_value)]
fn check(script: &str, told: Expect) {
    told.assert_eq(&tell(script));
}

#[test]
fn the_partition_of_a_group_is_that_of_javas_hash() {
    // "polygenelubricants".hashCode() is the smallest integer, which has no positive counterpart.
    assert_eq!(partition_for("polygenelubricants", 50), 0);
    assert_eq!(partition_for("my-group", 50), 12);
    assert_eq!(partition_for("", 50), 0);
}
