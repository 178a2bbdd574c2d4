//! A good checksum is enough: it does not cover the offset, and a flipped bit there makes a record of the year 3000 of it.
//! caught-by: recovery::an_offset_out_of_order_ends_the_log

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
        segment.note(&batch.header, index_interval_bytes);
    }
}
