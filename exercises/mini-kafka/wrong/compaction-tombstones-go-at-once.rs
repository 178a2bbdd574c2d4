//! A tombstone goes as soon as it is met: a consumer that was away for an hour never hears that the key is gone.
//! caught-by: compaction::a_tombstone_stays_until_its_horizon

pub fn survivors<'a>(
    header: &BatchHeader,
    records: &[Record<'a>],
    is_obsolete: &dyn Fn(&[u8], i64) -> bool,
    keeps_empty: bool,
    now_ms: i64,
    delete_retention_ms: i64,
) -> Option<(BatchHeader, Vec<Record<'a>>)> {
    let stays = |record: &&Record<'a>| {
        let is_obsolete = (record.key).is_none_or(|key| is_obsolete(key, header.offset_of(record)));
        !(is_obsolete || record.value.is_none())
    };
    let mut kept: Vec<Record<'a>> = records.iter().filter(stays).cloned().collect();
    if kept.is_empty() && !keeps_empty {
        return None;
    }
    let mut new = *header;
    new.record_count = i32::try_from(kept.len()).unwrap_or(i32::MAX);
    let newest = kept.iter().map(|record| header.timestamp_of(record)).max();
    if !header.is_log_append_time() {
        new.max_timestamp = newest.unwrap_or(header.max_timestamp);
    }
    let has_tombstone = kept.iter().any(|record| record.value.is_none());
    if has_tombstone && header.delete_horizon().is_none() {
        new.set_delete_horizon(now_ms.saturating_add(delete_retention_ms));
        let moved = header.base_timestamp.saturating_sub(new.base_timestamp);
        for record in &mut kept {
            record.timestamp_delta = record.timestamp_delta.saturating_add(moved);
        }
    }
    Some((new, kept))
}
