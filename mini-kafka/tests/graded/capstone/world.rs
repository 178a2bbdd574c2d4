//! A directory that a cleaner works in, a disk that crashes, and what must be there.

use std::collections::BTreeMap;

use mini_kafka::capstone::cleaner::cleaner;
use mini_kafka::capstone::{Cleaner, Entry, Settings, base_offset, decode, encode, segment_name};
use node::{Disk, DiskErrorKind, Rng};
use sim::SimDisk;

pub(crate) const SETTINGS: Settings = Settings {
    delete_retention_ms: 100,
    segment_bytes: 400,
};

const DIR: &str = "t-0";

pub(crate) struct World {
    disk: SimDisk,
    rng: Rng,
    now_ms: i64,
    cleaner: Box<dyn Cleaner>,
    /// All that was ever appended, by offset.
    appended: BTreeMap<i64, Entry>,
    /// Of each tombstone, when the first pass that may have met it began, and when the first that succeeded did.
    met: BTreeMap<i64, (i64, Option<i64>)>,
    /// Segments that were appended larger than they should be.
    large: u64,
}

fn in_dir(name: &str) -> String {
    format!("{DIR}/{name}")
}

fn show(entry: &Entry) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let value = entry.value.as_deref().map_or("-".to_owned(), text);
    format!("{}:{}{value}", entry.offset, text(&entry.key))
}

impl World {
    pub(crate) fn new(seed: u64) -> World {
        World {
            disk: SimDisk::default(),
            rng: Rng::new(seed),
            now_ms: 1000,
            cleaner: cleaner(),
            appended: BTreeMap::new(),
            met: BTreeMap::new(),
            large: 0,
        }
    }

    /// The same directory, with a cleaner that has just started.
    pub(crate) fn clone_world(&self) -> World {
        World {
            disk: self.disk.clone(),
            rng: self.rng.clone(),
            cleaner: cleaner(),
            appended: self.appended.clone(),
            met: self.met.clone(),
            ..*self
        }
    }

    /// Appends a segment, whole and durable.
    pub(crate) fn append(&mut self, words: &str) {
        let first = self
            .appended
            .last_key_value()
            .map_or(0, |(offset, _)| offset + 1);
        let entries: Vec<Entry> = (first..)
            .zip(words.split(' '))
            .map(|(offset, word)| Entry {
                offset,
                key: word.as_bytes()[..1].to_vec(),
                value: (&word[1..] != "-").then(|| word.as_bytes()[1..].to_vec()),
                delete_at: None,
            })
            .collect();
        let bytes = encode(&entries);
        self.large = self.large.max(bytes.len() as u64);
        let file = in_dir(&segment_name(first));
        self.disk.write_at(&file, 0, &bytes).unwrap();
        self.disk.sync(&file).unwrap();
        self.disk.sync_dir(DIR).unwrap();
        self.appended
            .extend(entries.into_iter().map(|entry| (entry.offset, entry)));
    }

    pub(crate) fn append_any(&mut self, rng: &mut Rng) {
        let mut words = Vec::new();
        for _ in 0..=rng.below(5) {
            let key = char::from(b'a' + u8::try_from(rng.below(6)).unwrap());
            let value = if rng.percent(35) {
                "-".to_owned()
            } else {
                rng.below(1_000_000).to_string()
            };
            words.push(format!("{key}{value}"));
        }
        self.append(&words.join(" "));
    }

    pub(crate) fn pass_time(&mut self, ms: i64) {
        self.now_ms += ms;
    }

    /// A pass begins: every tombstone may be met.
    fn begin(&mut self) {
        for entry in self.appended.values().filter(|entry| entry.value.is_none()) {
            self.met.entry(entry.offset).or_insert((self.now_ms, None));
        }
    }

    pub(crate) fn clean_and_judge(&mut self) {
        self.begin();
        let cleaned = self
            .cleaner
            .clean(&mut self.disk, DIR, self.now_ms, SETTINGS);
        assert_eq!(cleaned, Ok(()), "nothing is wrong with the disk");
        for (_, succeeded) in self.met.values_mut() {
            succeeded.get_or_insert(self.now_ms);
        }
        self.judge("after a pass");
        self.judge_pass();
        let mut durable = self.clone_world();
        durable.disk.crash(&mut Rng::new(0));
        durable.judge("after a pass, and a power failure right behind it (rule 9)");
    }

    /// A pass that is cut off at the call after so many that change the disk; whether it came to its end before.
    pub(crate) fn clean_until(&mut self, calls: u32) -> bool {
        self.begin();
        self.disk.set_fuse(Some(calls));
        let cleaned = self
            .cleaner
            .clean(&mut self.disk, DIR, self.now_ms, SETTINGS);
        self.disk.set_fuse(None);
        if let Err(error) = &cleaned {
            assert_eq!(
                error.kind,
                DiskErrorKind::Crashed,
                "the disk does nothing but crash, but: {error}"
            );
        }
        cleaned.is_ok() && !self.disk.is_crashed()
    }

    /// A pass that may fill the disk with so many bytes more.
    pub(crate) fn clean_with_room(&mut self, bytes: u64) {
        self.begin();
        let used = self.disk.used();
        self.disk.set_capacity(Some(used + bytes));
        if let Err(error) = self
            .cleaner
            .clean(&mut self.disk, DIR, self.now_ms, SETTINGS)
        {
            assert_eq!(
                error.kind,
                DiskErrorKind::Full,
                "the disk is full, and nothing else is wrong with it, but: {error}"
            );
        }
        self.disk.set_capacity(None);
    }

    /// The power fails, and a new cleaner recovers.
    pub(crate) fn restart(&mut self) {
        self.disk.crash(&mut self.rng);
        self.cleaner = cleaner();
        let recovered = self.cleaner.recover(&mut self.disk, DIR);
        assert_eq!(recovered, Ok(()), "nothing is wrong with the disk any more");
    }

    /// The power fails, and again while a new cleaner recovers.
    pub(crate) fn crash_while_recovering(&mut self, calls: u32) {
        self.disk.crash(&mut self.rng);
        self.disk.set_fuse(Some(calls));
        let _ = cleaner().recover(&mut self.disk, DIR);
        self.disk.set_fuse(None);
    }

    /// The names of all segments.
    pub(crate) fn segments(&self) -> Vec<String> {
        let names = self.disk.list(DIR).unwrap();
        names
            .into_iter()
            .filter(|name| base_offset(name).is_some())
            .collect()
    }

    /// All entries, as words.
    pub(crate) fn told(&self) -> String {
        let words: Vec<String> = self.entries("to tell").iter().map(show).collect();
        words.join(" ")
    }

    /// All entries as a reader sees them (rules 1 and 2).
    fn entries(&self, when: &str) -> Vec<Entry> {
        let mut entries: Vec<Entry> = Vec::new();
        for name in self.segments() {
            let bytes = self.disk.contents(&in_dir(&name)).unwrap();
            let found =
                decode(bytes).unwrap_or_else(|| panic!("{when}: {name} is not whole (rule 1)"));
            for entry in found {
                let base = base_offset(&name).unwrap();
                assert!(
                    entry.offset >= base,
                    "{when}: {} stands in {name} (rule 2)",
                    show(&entry)
                );
                let last = entries.last();
                assert!(
                    last.is_none_or(|last| last.offset < entry.offset),
                    "{when}: {} in {name} stands behind {} (rule 2)",
                    show(&entry),
                    last.map_or(String::new(), show)
                );
                entries.push(entry);
            }
        }
        entries
    }

    /// Rules 1 to 5, and that no tombstone has gone before its time.
    pub(crate) fn judge(&self, when: &str) {
        for name in self.disk.list(DIR).unwrap() {
            assert!(
                base_offset(&name).is_some(),
                "{when}: {name} is left behind (rule 1)"
            );
        }
        self.judge_readers(when);
    }

    /// Rules 2 to 5, and that no tombstone has gone before its time.
    pub(crate) fn judge_readers(&self, when: &str) {
        let entries = self.entries(when);
        let is_same = |a: &Entry, b: &Entry| (&a.key, &a.value) == (&b.key, &b.value);
        for entry in &entries {
            let original = self.appended.get(&entry.offset);
            assert!(
                original.is_some_and(|original| is_same(entry, original)),
                "{when}: {} was never appended like that (rule 3)",
                show(entry)
            );
        }
        let mut last: BTreeMap<&[u8], &Entry> = BTreeMap::new();
        for entry in self.appended.values() {
            last.insert(&entry.key, entry);
        }
        let shown = || entries.iter().map(show).collect::<Vec<_>>().join(" ");
        for (key, last) in last {
            let newest = entries.iter().rfind(|entry| entry.key == key);
            if newest.is_some_and(|newest| newest.offset == last.offset) {
                continue;
            }
            assert!(
                last.value.is_none(),
                "{when}: {} is the last of its key, and missing (rule 4): {}",
                show(last),
                shown()
            );
            assert!(
                newest.is_none(),
                "{when}: {} was deleted by {}, and is back (rule 5): {}",
                newest.map_or(String::new(), show),
                show(last),
                shown()
            );
            let (met, _) = self
                .met
                .get(&last.offset)
                .copied()
                .unwrap_or((self.now_ms, None));
            let until = met + SETTINGS.delete_retention_ms;
            assert!(
                self.now_ms >= until,
                "{when}: {} may have been met first at {met} ms, so it stays until {until} ms, but now is {} (rule 7)",
                show(last),
                self.now_ms
            );
        }
    }

    /// Rules 6 to 8.
    fn judge_pass(&self) {
        let entries = self.entries("after a pass");
        for (i, entry) in entries.iter().enumerate() {
            let later = entries[i + 1..].iter().find(|later| later.key == entry.key);
            assert!(
                later.is_none(),
                "after a pass {} is obsolete by {} (rule 6)",
                show(entry),
                later.map_or(String::new(), show)
            );
            if let Some((_, Some(succeeded))) = self.met.get(&entry.offset) {
                let until = succeeded + SETTINGS.delete_retention_ms;
                assert!(
                    *succeeded == self.now_ms || self.now_ms < until,
                    "a pass succeeded at {succeeded} ms, so the time of {} was over at {until} ms, but at {} it is still there (rule 7)",
                    show(entry),
                    self.now_ms
                );
            }
        }
        let sizes: Vec<u64> = (self.segments().iter())
            .map(|name| self.disk.contents(&in_dir(name)).unwrap().len() as u64)
            .collect();
        let half = SETTINGS.segment_bytes / 2;
        assert!(
            sizes
                .windows(2)
                .all(|pair| pair[0] >= half || pair[1] >= half),
            "two neighbours have less than half of {} bytes (rule 8): {sizes:?}",
            SETTINGS.segment_bytes
        );
        let limit = SETTINGS.segment_bytes.max(self.large);
        assert!(
            sizes.iter().all(|size| *size <= limit),
            "a segment has more than {limit} bytes (rule 8): {sizes:?}"
        );
    }
}
