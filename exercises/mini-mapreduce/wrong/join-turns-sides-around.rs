//! Writes the right value first: whoever reads the third column as the customer reads an order.
//! caught-by: join::a_key_on_both_sides_is_a_pair

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
            for right in &rights {
                out.emit(&key, &[right.as_slice(), b"\t", value].concat())?;
            }
        }
        Ok(())
    }
}
