//! Of a record that stands in two sub-keys the first one that is met is taken: perhaps an old version.
//! caught-by: salting::gathering_takes_each_record_once_and_the_newest

pub fn gather(parts: &[Vec<Record>]) -> Vec<Record> {
    let mut all: Vec<Record> = parts.concat();
    all.sort_by_key(|record| record.id);
    all.dedup_by_key(|record| record.id);
    all
}
