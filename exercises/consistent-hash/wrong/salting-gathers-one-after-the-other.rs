//! The lists are put one behind the other: each is sorted, the whole is not.
//! caught-by: salting::gathering_keeps_the_order

pub fn gather(parts: &[Vec<Record>]) -> Vec<Record> {
    let mut seen = BTreeMap::new();
    for (place, record) in parts.iter().flatten().enumerate() {
        let newest = seen.entry(record.id).or_insert((place, record));
        if newest.1.version < record.version {
            newest.1 = record;
        }
    }
    let mut found: Vec<(usize, &Record)> = seen.into_values().collect();
    found.sort_by_key(|(place, _)| *place);
    found
        .into_iter()
        .map(|(_, record)| record.clone())
        .collect()
}
