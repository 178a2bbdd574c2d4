//! Remembers the last right value alone: of two addresses of a customer, one is lost.
//! caught-by: join::each_left_value_meets_each_right_one

impl Reducer for Pairs {
    fn reduce(
        &mut self,
        (key, _): (Cow<'_, [u8]>, u64),
        values: &mut Values<'_, (Vec<u8>, u64), Vec<u8>>,
        out: &mut Emitter<'_, Vec<u8>, Vec<u8>>,
    ) -> Result<(), RecordError> {
        let mut last = None;
        while let Some(((_, side), value)) = values.next_pair()? {
            if side == RIGHT {
                last = Some(value.to_vec());
            } else if let Some(right) = &last {
                out.emit(&key, &[value, b"\t", right.as_slice()].concat())?;
            }
        }
        Ok(())
    }
}
