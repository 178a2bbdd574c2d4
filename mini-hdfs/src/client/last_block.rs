//! How long a file is that is being written (`DFSInputStream.readBlockLength`).
//!
//! The NameNode knows the length of finished blocks only. How much of the last one can be read, its DataNodes know. A reader
//! that asks them must tell three things apart: a node that shows so many bytes; nodes that have no replica at all yet, since the pipeline
//! is just being set up, so that there is nothing to read; and silence or any other refusal, which says nothing about the bytes that others were
//! promised. Whoever takes the third for the second shows a file that has lost its end.

/// How often fresh locations are asked for when no node knows the length (`dfs.client.retry.times.get-last-block-length`).
pub const LENGTH_RETRIES_MAX: u32 = 3;

/// What one node says of a block that is being written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// So many bytes of it can be read here.
    Visible(u64),
    /// There is no replica of it here.
    NoReplica,
    /// Nothing, or that it has one and cannot show it.
    Unknown,
}

/// How much of a block that is being written can be read, from what the nodes that the NameNode named say, asked one after the
/// other until it is clear. None where it is not: then the NameNode is asked again who has it, after a while. It is not where
/// no node is named either, as after a restart of the NameNode, when the DataNodes have not reported yet.
pub fn visible_len(answers: impl IntoIterator<Item = Answer>) -> Option<u64> {
    let mut verdict = None;
    let mut doubtful = false;
    for answer in answers {
        match answer {
            Answer::Visible(len) => return Some(len),
            Answer::NoReplica => verdict = Some(0),
            Answer::Unknown => doubtful = true,
        }
    }
    verdict.filter(|_| !doubtful)
}

#[cfg(test)]
mod tests {
    use super::Answer::*;
    use super::*;

    /// A torture of real processes found that the flushed bytes of the last block were missing while the NameNode came back.
    #[test]
    fn nobody_knows_is_not_nothing() {
        assert_eq!(visible_len([NoReplica, Visible(7)]), Some(7));
        assert_eq!(visible_len([Unknown, Visible(7)]), Some(7));
        assert_eq!(visible_len([NoReplica, NoReplica]), Some(0));
        assert_eq!(visible_len([NoReplica, Unknown]), None);
        assert_eq!(visible_len([]), None);
    }
}
