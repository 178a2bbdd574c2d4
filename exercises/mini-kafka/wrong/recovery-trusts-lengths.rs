//! Walks from batch to batch and compares no checksum: a batch whose middle never reached the disk is served to consumers.
//! caught-by: recovery::a_flipped_bit_ends_the_log_before_its_batch

pub fn recover_segment(
    reader: &mut BatchReader<'_>,
    segment: &mut Segment,
    index_interval_bytes: i64,
    may_have_holes: bool,
) -> Result<Option<String>, DiskError> {
    loop {
        let batch = match reader.next_batch() {
            Ok(Some(batch)) => batch,
            Ok(None) => return Ok(None),
            Err(error) => return Ok(Some(disk_error(error)?.to_string())),
        };
        let (offset, next) = (batch.header.base_offset, segment.next_offset);
        if offset < next || offset > next && !may_have_holes {
            return Ok(Some(format!("offset {offset} instead of {next}")));
        }
        segment.note(&batch.header, index_interval_bytes);
    }
}
