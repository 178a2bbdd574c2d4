//! A file has one writer: whoever is allowed to write it holds its lease, and nobody else ever did.

use std::collections::BTreeMap;

use mini_hdfs::block::InodeId;
use sim::{Invariant, World};

use crate::cluster::Member;
use crate::history::Shared;

/// The NameNode has let a client write: it gave him a block, a generation, or a pipeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Grant {
    /// The file.
    pub(crate) inode: InodeId,
    /// Who asked.
    pub(crate) client: String,
    /// Who held the lease then.
    pub(crate) holder: Option<String>,
}

/// Whether `grant` was right, where `before` was the file's writer so far.
fn judge(grant: &Grant, before: Option<&String>) -> Result<(), String> {
    let Grant {
        inode,
        client,
        holder,
    } = grant;
    if holder.as_ref() != Some(client) {
        return Err(format!(
            "{client} was let write inode {inode}, whose lease {holder:?} holds"
        ));
    }
    match before {
        Some(other) if other != client => Err(format!(
            "{client} was let write inode {inode}, after {other} was"
        )),
        _ => Ok(()),
    }
}

pub(crate) struct OneWriter {
    history: Shared,
    writers: BTreeMap<InodeId, String>,
}

impl OneWriter {
    pub(crate) fn new(history: Shared) -> OneWriter {
        OneWriter {
            history,
            writers: BTreeMap::new(),
        }
    }
}

impl Invariant<Member> for OneWriter {
    fn name(&self) -> &'static str {
        "a-file-has-one-writer"
    }

    fn sentence(&self) -> &'static str {
        "A file has one writer"
    }

    fn check(&mut self, _world: &World<Member>) -> Result<(), String> {
        for grant in std::mem::take(&mut self.history.borrow_mut().grants) {
            judge(&grant, self.writers.get(&grant.inode))?;
            self.writers.insert(grant.inode, grant.client);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_writer_is_noticed() {
        let grant = |client: &str, holder: Option<&str>| Grant {
            inode: InodeId(7),
            client: client.into(),
            holder: holder.map(str::to_owned),
        };
        let ada = "ada".to_owned();
        assert_eq!(judge(&grant("ada", Some("ada")), None), Ok(()));
        assert_eq!(judge(&grant("ada", Some("ada")), Some(&ada)), Ok(()));
        assert!(judge(&grant("bob", Some("bob")), Some(&ada)).is_err());
        assert!(judge(&grant("ada", Some("bob")), Some(&ada)).is_err());
        assert!(judge(&grant("ada", None), None).is_err());
    }
}
