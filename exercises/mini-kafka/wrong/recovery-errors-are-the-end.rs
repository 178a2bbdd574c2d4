//! A disk that cannot be read counts as a torn tail: a cable that is loose for a moment costs the log.
//! caught-by: recovery::a_disk_that_fails_is_no_torn_tail

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
            Err(error) => return Ok(Some(format!("{error:?}"))),
        };
        if let Err(error) = batch.check_crc() {
            return Ok(Some(error.to_string()));
        }
        let (offset, next) = (batch.header.base_offset, segment.next_offset);
        if offset < next || offset > next && !may_have_holes {
            return Ok(Some(format!("offset {offset} instead of {next}")));
        }
        segment.note(&batch.header, index_interval_bytes);
    }
}
