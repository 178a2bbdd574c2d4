//! Whose a volume is: its `VERSION` file.

use std::collections::BTreeMap;

use node::{Disk, DiskError, DiskErrorKind, Rng};

use super::{LAYOUT_VERSION, StorageError, VERSION_FILE, find};
use crate::atomic_file::write_whole;
use crate::block::{DatanodeId, StorageId};

/// Who a DataNode is, and which of its volumes this is, as the volume's `VERSION` file says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The DataNode's name for ever.
    pub id: DatanodeId,
    /// The volume's (`storageID`).
    pub storage: StorageId,
    /// The file system that its replicas belong to (`namespaceID`); none before it first registered.
    pub namespace_id: Option<u64>,
}

/// Reads who this DataNode is; in an empty directory, draws and writes it.
///
/// # Errors
/// When the directory is not a DataNode's, or the disk refuses.
pub fn load_or_format(disk: &mut dyn Disk, rng: &mut Rng) -> Result<Identity, StorageError> {
    let loaded = load_volumes(&mut [disk], rng)?.pop();
    let nothing = || StorageError::BadVersion(String::new());
    Ok(loaded.ok_or_else(nothing)??)
}

/// The same for all volumes of one DataNode, an identity for each. Empty ones join the others: a disk that was
/// replaced. What the disk refused is in its own place: that volume has failed, and the others have not.
///
/// # Errors
/// When a directory is not a DataNode's, or not the same one's, or not of the same file system.
pub fn load_volumes(
    disks: &mut [&mut dyn Disk],
    rng: &mut Rng,
) -> Result<Vec<Result<Identity, DiskError>>, StorageError> {
    let versions: Vec<_> = disks.iter().map(|disk| read_version(*disk)).collect();
    let mut known: Vec<Version> = Vec::new();
    for version in &versions {
        match version {
            Ok(version) => known.extend(version),
            Err(StorageError::Disk(_)) => {}
            Err(e) => return Err(e.clone()),
        }
    }
    let id = known.first().map(|version| version.id);
    let id = id.unwrap_or_else(|| DatanodeId(rng.next_u64()));
    let namespace_id = known.iter().find_map(|version| version.namespace_id);
    for version in &known {
        if version.id != id {
            let (ours, theirs) = (id, version.id);
            return Err(StorageError::OtherDatanode { ours, theirs });
        }
        if let (Some(ours), Some(theirs)) = (namespace_id, version.namespace_id)
            && ours != theirs
        {
            return Err(StorageError::OtherNamespace { ours, theirs });
        }
    }
    let mut identities = Vec::new();
    for (disk, version) in disks.iter_mut().zip(versions) {
        let version = match version {
            Err(StorageError::Disk(e)) => {
                identities.push(Err(e));
                continue;
            }
            version => version?,
        };
        let storage = version.and_then(|version| version.storage);
        let identity = Identity {
            id,
            storage: storage.unwrap_or_else(|| StorageId(rng.next_u64())),
            namespace_id,
        };
        let written = version.is_some_and(|version| version == Version::of(&identity));
        identities.push(if written {
            Ok(identity)
        } else {
            write_version(&identity, *disk).map(|()| identity)
        });
    }
    Ok(identities)
}

/// Takes note of the file system whose NameNode has accepted this DataNode. From then on the directory belongs to it.
///
/// # Errors
/// [`StorageError::OtherNamespace`] when it belongs to another one already; the disk's.
pub fn join_namespace(
    identity: &mut Identity,
    namespace_id: u64,
    disk: &mut dyn Disk,
) -> Result<(), StorageError> {
    match identity.namespace_id {
        Some(ours) if ours == namespace_id => Ok(()),
        Some(ours) => Err(StorageError::OtherNamespace {
            ours,
            theirs: namespace_id,
        }),
        None => {
            identity.namespace_id = Some(namespace_id);
            Ok(write_version(identity, disk)?)
        }
    }
}

fn write_version(identity: &Identity, disk: &mut dyn Disk) -> Result<(), DiskError> {
    let Identity {
        id,
        storage,
        namespace_id,
    } = identity;
    let mut text =
        format!("layoutVersion={LAYOUT_VERSION}\ndatanodeUuid={id}\nstorageID={storage}\n");
    if let Some(namespace_id) = namespace_id {
        text += &format!("namespaceID={namespace_id}\n");
    }
    write_whole(VERSION_FILE, disk, &|file, disk| {
        disk.write_at(file, 0, text.as_bytes())
    })
}

/// A `VERSION` file. One from before a DataNode had several volumes has no `storageID`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Version {
    id: DatanodeId,
    storage: Option<StorageId>,
    namespace_id: Option<u64>,
}

impl Version {
    fn of(identity: &Identity) -> Version {
        Version {
            id: identity.id,
            storage: Some(identity.storage),
            namespace_id: identity.namespace_id,
        }
    }

    fn parse(text: &str) -> Option<Version> {
        let mut values = BTreeMap::new();
        for line in text.lines() {
            let (key, value) = line.split_once('=')?;
            values.insert(key, value);
        }
        if values.remove("layoutVersion")? != LAYOUT_VERSION.to_string() {
            return None;
        }
        let hex = |text: &str| u64::from_str_radix(text, 16).ok();
        let storage = values.remove("storageID");
        let namespace_id = values.remove("namespaceID");
        let version = Version {
            id: DatanodeId(hex(values.remove("datanodeUuid")?)?),
            storage: match storage {
                Some(storage) => Some(StorageId(hex(storage.strip_prefix("DS-")?)?)),
                None => None,
            },
            namespace_id: match namespace_id {
                Some(namespace_id) => Some(namespace_id.parse().ok()?),
                None => None,
            },
        };
        // A key that is not known may forbid what we are about to do.
        values.is_empty().then_some(version)
    }
}

/// None in an empty directory.
fn read_version(disk: &dyn Disk) -> Result<Option<Version>, StorageError> {
    let text = match disk.read(VERSION_FILE) {
        Err(e) if e.kind == DiskErrorKind::NotFound => {
            let empty = find(disk)?.is_empty();
            return if empty {
                Ok(None)
            } else {
                Err(StorageError::NoVersion)
            };
        }
        text => String::from_utf8_lossy(&text?).into_owned(),
    };
    match Version::parse(&text) {
        Some(version) => Ok(Some(version)),
        None => Err(StorageError::BadVersion(text)),
    }
}

#[cfg(test)]
mod tests {
    use node::MemDisk;

    use super::*;

    #[test]
    fn a_directory_belongs_to_the_first_file_system_that_took_it() {
        let (mut disk, mut rng) = (MemDisk::default(), Rng::new(1));
        let mut identity = load_or_format(&mut disk, &mut rng).unwrap();
        assert_eq!(identity.namespace_id, None);
        join_namespace(&mut identity, 7, &mut disk).unwrap();
        let mut again = load_or_format(&mut disk, &mut rng).unwrap();
        assert_eq!(again, identity, "as it was before the restart");
        join_namespace(&mut again, 7, &mut disk).unwrap();
        let refusal = join_namespace(&mut again, 8, &mut disk).unwrap_err();
        assert_eq!(refusal, StorageError::OtherNamespace { ours: 7, theirs: 8 });

        disk.files
            .insert(VERSION_FILE.into(), b"layoutVersion=9\n".to_vec());
        let refusal = load_or_format(&mut disk, &mut rng).unwrap_err();
        assert!(matches!(refusal, StorageError::BadVersion(_)), "{refusal}");
    }

    #[test]
    fn volumes_of_one_datanode_know_each_other() {
        let (mut a, mut b, mut rng) = (MemDisk::default(), MemDisk::default(), Rng::new(1));
        let mut load = |a: &mut MemDisk, b: &mut MemDisk| load_volumes(&mut [a, b], &mut rng);
        let ok = |loaded: Vec<Result<Identity, DiskError>>| -> Vec<Identity> {
            loaded.into_iter().map(Result::unwrap).collect()
        };
        let mut first = ok(load(&mut a, &mut b).unwrap());
        assert_eq!(first[0].id, first[1].id);
        assert_ne!(first[0].storage, first[1].storage);
        join_namespace(&mut first[0], 7, &mut a).unwrap();
        // The second disk is replaced by a new one.
        let second = ok(load(&mut a, &mut MemDisk::default()).unwrap());
        assert_eq!((second[0], second[1].id), (first[0], first[0].id));
        assert_eq!(second[1].namespace_id, Some(7), "it joins what is there");

        let mut stranger = MemDisk::default();
        load_or_format(&mut stranger, &mut Rng::new(2)).unwrap();
        let refusal = load(&mut a, &mut stranger).unwrap_err();
        assert!(matches!(refusal, StorageError::OtherDatanode { .. }));
        join_namespace(&mut first[1], 8, &mut b).unwrap();
        let refusal = load(&mut a, &mut b).unwrap_err();
        assert_eq!(refusal, StorageError::OtherNamespace { ours: 7, theirs: 8 });
    }

    #[test]
    fn a_directory_from_before_there_were_volumes_gets_a_storage_id() {
        let (mut disk, mut rng) = (MemDisk::default(), Rng::new(1));
        let old = "layoutVersion=1\ndatanodeUuid=00000000000000ab\nnamespaceID=7\n";
        disk.files.insert(VERSION_FILE.into(), old.into());
        let identity = load_or_format(&mut disk, &mut rng).unwrap();
        assert_eq!(identity.id, DatanodeId(0xab));
        assert_eq!(identity.namespace_id, Some(7));
        assert_eq!(load_or_format(&mut disk, &mut rng).unwrap(), identity);
    }
}
