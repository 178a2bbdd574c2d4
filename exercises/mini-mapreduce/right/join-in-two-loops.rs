//! First a loop over the right side, then one over the left side.

impl Reducer for Pairs {
    fn reduce(
        &mut self,
        (key, _): (Cow<'_, [u8]>, u64),
        values: &mut Values<'_, (Vec<u8>, u64), Vec<u8>>,
        out: &mut Emitter<'_, Vec<u8>, Vec<u8>>,
    ) -> Result<(), RecordError> {
        let mut rights: Vec<Vec<u8>> = Vec::new();
        let mut line = Vec::new();
        loop {
            match values.next_pair()? {
                None => return Ok(()),
                Some(((_, side), value)) if side == LEFT => {
                    line.extend_from_slice(value);
                    break;
                }
                Some((_, value)) => rights.push(value.to_vec()),
            }
        }
        loop {
            let left = line.len();
            for right in &rights {
                line.truncate(left);
                line.push(b'\t');
                line.extend_from_slice(right);
                out.emit(&key, &line)?;
            }
            line.clear();
            match values.next_value()? {
                Some(value) => line.extend_from_slice(value),
                None => return Ok(()),
            }
        }
    }
}
