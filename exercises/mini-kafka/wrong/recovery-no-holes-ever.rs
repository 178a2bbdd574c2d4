//! A hole is damage everywhere: after a lost checkpoint a compacted log is cut off at its first hole.
//! caught-by: recovery::compaction_leaves_holes_and_they_are_no_damage

pub fn recover_segment(
    reader: &mut BatchReader<'_>,
    segment: &mut Segment,
    index_interval_bytes: i64,
    may_have_holes: bool,
) -> Result<Option<String>, DiskError> {
    let _ = may_have_holes;
    loop {
        let batch = match reader.next_batch() {
            Ok(Some(batch)) => batch,
            Ok(None) => return Ok(None),
            Err(error) => return Ok(Some(disk_error(error)?.to_string())),
        };
        if let Err(error) = batch.check_crc() {
            return Ok(Some(error.to_string()));
        }
        if batch.header.base_offset != segment.next_offset {
            return Ok(Some("a hole".to_owned()));
        }
        segment.note(&batch.header, index_interval_bytes);
    }
}
