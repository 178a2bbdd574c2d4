//! Gathers both sides before it pairs them: one customer with a million orders, and memory is full.
//! caught-by: join::left_values_are_never_all_in_memory

impl Reducer for Pairs {
    fn reduce(
        &mut self,
        (key, _): (Cow<'_, [u8]>, u64),
        values: &mut Values<'_, (Vec<u8>, u64), Vec<u8>>,
        out: &mut Emitter<'_, Vec<u8>, Vec<u8>>,
    ) -> Result<(), RecordError> {
        let (mut lefts, mut rights) = (Vec::new(), Vec::new());
        while let Some(((_, side), value)) = values.next_pair()? {
            let list = if side == RIGHT { &mut rights } else { &mut lefts };
            list.push(value.to_vec());
        }
        for left in &lefts {
            for right in &rights {
                out.emit(&key, &[left.as_slice(), b"\t", right.as_slice()].concat())?;
            }
        }
        Ok(())
    }
}
