//! What of topics is left when the disk refuses.

use node::{DiskFault, DiskFaults, Failing};
use tempfile::TempDir;

use super::*;
use crate::record::builder::BatchBuilder;
use crate::record::compression::Compression;

/// A broker on a disk with which something may be wrong.
fn open(root: &TempDir, faults: &DiskFaults) -> Broker {
    let dir = format!("log.dirs={}", root.path().display());
    let settings = Settings::parse(&[dir]).unwrap();
    let disk = FileDisk::open(root.path()).unwrap();
    let disk = disk.with_faults(faults.clone());
    Broker::open(settings, disk, "localhost".to_owned(), 9092).unwrap()
}

fn fault(full: Option<u64>, failing: Failing) -> DiskFault {
    DiskFault {
        full,
        failing,
        ..DiskFault::default()
    }
}

fn create(broker: &Broker, name: &str) -> Result<(), ErrorCode> {
    let created = broker.create_topic(name, 1, BTreeMap::new(), false);
    created.map_err(|refusal| refusal.code)
}

fn append(broker: &Broker, topic: &str) {
    let mut batch = BatchBuilder::new(Compression::None);
    batch.push(1, Some(b"k"), Some(b"v"), &[]);
    let mut batch = batch.build().unwrap();
    let partition = broker.partition(topic, 0).unwrap();
    partition.append(&mut batch, broker.now()).unwrap();
}

#[test]
fn what_a_full_disk_refused_has_not_happened() {
    let (root, faults) = (tempfile::tempdir().unwrap(), DiskFaults::default());
    let broker = open(&root, &faults);
    create(&broker, "t").unwrap();
    append(&broker, "t");
    faults.set(fault(Some(0), Failing::Nothing));
    let refused = Err(ErrorCode::KafkaStorageError);
    assert_eq!(broker.delete_topic("t", None), refused);
    assert_eq!(create(&broker, "u"), refused);
    let more = broker.create_partitions("t", 2, false);
    assert_eq!(more.map_err(|refusal| refusal.code), refused);
    let set = |configs: &mut BTreeMap<String, String>| {
        configs.insert("retention.ms".to_owned(), "1".to_owned());
        Ok(())
    };
    let altered = broker.alter_topic("t", set, false);
    assert_eq!(altered.map_err(|refusal| refusal.code), refused);
    assert!(broker.new_producer_id().is_err());
    assert!(!broker.dir.is_offline());
    faults.set(DiskFault::default());
    // Notes what else is thought to be, if anything is.
    create(&broker, "v").unwrap();
    assert_eq!(broker.new_producer_id(), Ok(0));
    drop(broker);
    let broker = open(&root, &faults);
    assert_eq!(broker.topic_names(), ["t", "v"]);
    let topic = broker.topic("t").unwrap();
    assert_eq!((topic.partitions.len(), topic.configs.len()), (1, 0));
    assert_eq!(topic.partitions[0].offsets().log_end, 1);
    create(&broker, "u").unwrap();
}

#[test]
fn a_catalogue_that_could_not_be_synced_takes_the_directory_offline() {
    let (root, faults) = (tempfile::tempdir().unwrap(), DiskFaults::default());
    let broker = open(&root, &faults);
    create(&broker, "t").unwrap();
    faults.set(fault(None, Failing::Syncs));
    let refused = Err(ErrorCode::KafkaStorageError);
    assert_eq!(broker.delete_topic("t", None), refused);
    faults.set(DiskFault::default());
    assert!(broker.dir.is_offline());
    assert_eq!(broker.delete_topic("t", None), refused);
    assert!(broker.topic("t").is_some());
}

#[test]
fn a_partition_that_could_not_be_synced_takes_the_directory_offline() {
    let refused = Err(ErrorCode::KafkaStorageError);
    let create_more = |broker: &Broker| {
        let more = broker.create_partitions("t", 2, false);
        more.map_err(|refusal| refusal.code)
    };
    for make in [create_more, |broker: &Broker| create(broker, "u")] {
        let (root, faults) = (tempfile::tempdir().unwrap(), DiskFaults::default());
        let broker = open(&root, &faults);
        create(&broker, "t").unwrap();
        faults.set(fault(None, Failing::Syncs));
        assert_eq!(make(&broker), refused);
        faults.set(DiskFault::default());
        assert!(broker.dir.is_offline());
        assert_eq!(make(&broker), refused, "it is not tried again");
    }
}
