//! Steps over a bad batch to the good one behind it: the log has a hole, and the file is cut in the wrong place.
//! caught-by: recovery::what_stands_behind_a_bad_batch_is_not_looked_at

pub fn recover_segment(
    reader: &mut BatchReader<'_>,
    segment: &mut Segment,
    index_interval_bytes: i64,
    may_have_holes: bool,
) -> Result<Option<String>, DiskError> {
    let mut reason = None;
    loop {
        let batch = match reader.next_batch() {
            Ok(Some(batch)) => batch,
            Ok(None) => return Ok(reason),
            Err(error) => return Ok(Some(disk_error(error)?.to_string())),
        };
        if let Err(error) = batch.check_crc() {
            reason = Some(error.to_string());
            continue;
        }
        let (offset, next) = (batch.header.base_offset, segment.next_offset);
        if offset < next || offset > next && !may_have_holes && reason.is_none() {
            return Ok(Some(format!("offset {offset} instead of {next}")));
        }
        segment.note(&batch.header, index_interval_bytes);
    }
}
