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

fn batch() -> Vec<u8> {
    let mut batch = BatchBuilder::new(Compression::None);
    batch.push(1, Some(b"k"), Some(b"v"), &[]);
    batch.build().unwrap()
}

fn append(broker: &Broker, topic: &str) {
    let partition = broker.partition(topic, 0).unwrap();
    partition.append(&mut batch(), broker.now()).unwrap();
}

#[test]
fn what_a_full_disk_refused_has_not_happened() {
    let (root, faults) = (tempfile::tempdir().unwrap(), DiskFaults::default());
    let broker = open(&root, &faults);
    create(&broker, "t").unwrap();
    append(&broker, "t");
    faults.set(fault(Some(0), Failing::Nothing));
    let refused = Err(ErrorCode::KafkaStorageError);
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

#[test]
fn a_broker_that_was_killed_on_a_full_disk_starts_and_reads_and_deletes() {
    let (root, faults) = (tempfile::tempdir().unwrap(), DiskFaults::default());
    let broker = open(&root, &faults);
    for topic in ["empty", "s", "t"] {
        create(&broker, topic).unwrap();
    }
    append(&broker, "t");
    drop(broker);
    faults.set(fault(Some(0), Failing::Nothing));
    for _ in 0..2 {
        let broker = open(&root, &faults);
        let partition = broker.partition("t", 0).unwrap();
        assert!(partition.read_bytes(0, 1).unwrap().is_some());
        assert_eq!(
            create(&broker, "u"),
            Err(ErrorCode::KafkaStorageError),
            "no room for what makes none"
        );
    }
    let broker = open(&root, &faults);
    assert_eq!(broker.delete_topic("empty", None), Ok(()));
    let partition = broker.partition("t", 0).unwrap();
    assert_eq!(partition.delete_records(1, broker.now()), Ok(1));
    drop(broker);
    let broker = open(&root, &faults);
    assert_eq!(broker.topic_names(), ["s", "t"]);
    let offsets = broker.partition("t", 0).unwrap().offsets();
    assert_eq!((offsets.log_start, offsets.log_end), (1, 1));
    assert!(!broker.dir.is_offline());
    faults.set(DiskFault::default());
    append(&broker, "s");
}

#[test]
fn what_a_deletion_needs_no_producer_takes() {
    let (root, faults) = (tempfile::tempdir().unwrap(), DiskFaults::default());
    let broker = open(&root, &faults);
    create(&broker, "t").unwrap();
    faults.set(fault(Some(0), Failing::Nothing));
    // Somebody else's file took the room that the reserve had.
    let taken = broker.dir.making_room(|| {
        faults.set(fault(Some(1000), Failing::Nothing));
        Err::<(), _>(ErrorCode::KafkaStorageError)
    });
    assert_eq!(taken, Err(ErrorCode::KafkaStorageError));
    assert_eq!(
        faults.get().full,
        Some(1000),
        "half a reserve holds nothing back"
    );
    let mut batch = batch();
    let partition = broker.partition("t", 0).unwrap();
    let refused = partition.append(&mut batch, broker.now());
    assert_eq!(refused.unwrap_err(), ErrorCode::KafkaStorageError);
    assert_eq!(broker.delete_topic("t", None), Ok(()), "it has that room");
    faults.set(DiskFault::default());
    create(&broker, "t").unwrap();
    append(&broker, "t");
}

#[test]
fn a_deletion_that_was_begun_is_finished_on_a_full_disk() {
    let (root, faults) = (tempfile::tempdir().unwrap(), DiskFaults::default());
    let broker = open(&root, &faults);
    create(&broker, "t").unwrap();
    drop(broker);
    let catalogue = root.path().join("catalogue.json");
    let noted = std::fs::read_to_string(&catalogue).unwrap();
    let noted = noted.replace(r#""deleted": false"#, r#""deleted": true"#);
    std::fs::write(&catalogue, noted).unwrap();
    faults.set(fault(Some(0), Failing::Nothing));
    for _ in 0..2 {
        assert_eq!(open(&root, &faults).topic_names(), [""; 0]);
    }
    assert!(!root.path().join("t-0").exists());
    faults.set(DiskFault::default());
    let broker = open(&root, &faults);
    create(&broker, "t").unwrap();
    append(&broker, "t");
}
