//! Hands on a left value without a partner, with nothing behind the tab: that is an outer join, and its readers divide by nothing.
//! caught-by: join::a_key_on_one_side_alone_is_nothing

impl Reducer for Pairs {
    fn reduce(
        &mut self,
        (key, _): (Cow<'_, [u8]>, u64),
        values: &mut Values<'_, (Vec<u8>, u64), Vec<u8>>,
        out: &mut Emitter<'_, Vec<u8>, Vec<u8>>,
    ) -> Result<(), RecordError> {
        let mut rights: Vec<Vec<u8>> = Vec::new();
        while let Some(((_, side), value)) = values.next_pair()? {
            if side == RIGHT {
                rights.push(value.to_vec());
                continue;
            }
            if rights.is_empty() {
                out.emit(&key, &[value, b"\t"].concat())?;
            }
            for right in &rights {
                out.emit(&key, &[value, b"\t", right.as_slice()].concat())?;
            }
        }
        Ok(())
    }
}
