//! One function says what is wrong with a batch; the loop asks it.

pub fn recover_segment(
    reader: &mut BatchReader<'_>,
    segment: &mut Segment,
    index_interval_bytes: i64,
    may_have_holes: bool,
) -> Result<Option<String>, DiskError> {
    let mut fault = None;
    while fault.is_none() {
        match reader.next_batch() {
            Err(WalkError::Disk(error)) => return Err(error),
            Err(WalkError::Bad(error)) => fault = Some(error.to_string()),
            Ok(None) => break,
            Ok(Some(batch)) => {
                let jump = batch.header.base_offset - segment.next_offset;
                fault = if let Err(error) = batch.check_crc() {
                    Some(error.to_string())
                } else if jump < 0 {
                    Some("an offset comes twice".to_owned())
                } else if jump > 0 && !may_have_holes {
                    Some(format!("{jump} offsets are missing"))
                } else {
                    segment.note(&batch.header, index_interval_bytes);
                    None
                };
            }
        }
    }
    Ok(fault)
}
