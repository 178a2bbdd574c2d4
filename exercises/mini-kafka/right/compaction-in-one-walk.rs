//! One walk over the records, which are pushed with timestamps; the deltas are made at the end for whatever base there is.

pub fn survivors<'a>(
    header: &BatchHeader,
    records: &[Record<'a>],
    is_obsolete: &dyn Fn(&[u8], i64) -> bool,
    keeps_empty: bool,
    now_ms: i64,
    delete_retention_ms: i64,
) -> Option<(BatchHeader, Vec<Record<'a>>)> {
    let may_go = header.delete_horizon().unwrap_or(i64::MAX) <= now_ms;
    let mut kept = Vec::new();
    let (mut newest, mut has_tombstone) = (None, false);
    for record in records {
        let Some(key) = record.key else { continue };
        let is_tombstone = record.value.is_none();
        if is_obsolete(key, header.offset_of(record)) || is_tombstone && may_go {
            continue;
        }
        let timestamp = header.timestamp_of(record);
        let absolute = header.base_timestamp + record.timestamp_delta;
        newest = newest.max(Some(timestamp));
        has_tombstone |= is_tombstone;
        kept.push((absolute, record.clone()));
    }
    let count = i32::try_from(kept.len()).unwrap_or(i32::MAX);
    if count == 0 && !keeps_empty {
        return None;
    }
    let mut new = BatchHeader {
        record_count: count,
        max_timestamp: newest.unwrap_or(header.max_timestamp),
        ..*header
    };
    if has_tombstone && new.delete_horizon().is_none() {
        new.set_delete_horizon(now_ms + delete_retention_ms);
    }
    let based = |(absolute, record): (i64, Record<'a>)| Record {
        timestamp_delta: absolute - new.base_timestamp,
        ..record
    };
    let kept = kept.into_iter().map(based).collect();
    Some((new, kept))
}
