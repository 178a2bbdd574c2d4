//! A record that stands in two sub-keys is returned twice.
//! caught-by: salting::gathering_takes_each_record_once_and_the_newest

pub fn gather(parts: &[Vec<Record>]) -> Vec<Record> {
    let mut all: Vec<Record> = parts.concat();
    all.sort_by_key(|record| record.id);
    all
}
