//! Writes null as an empty value: in a compacted topic no key can be deleted any more.
//! caught-by: record::null_is_not_empty

impl<'a> Record<'a> {
    pub fn encode(&self, out: &mut Vec<u8>) {
        let key = self.key.unwrap_or_default();
        let value = self.value.unwrap_or_default();
        let whole = Record {
            key: Some(key),
            value: Some(value),
            ..self.clone()
        };
        put_varlong(whole.body_len() as i64, out);
        out.push(0);
        put_varlong(whole.timestamp_delta, out);
        put_varlong(i64::from(whole.offset_delta), out);
        put_bytes(whole.key, out);
        put_bytes(whole.value, out);
        put_varlong(whole.headers.len() as i64, out);
        for header in &whole.headers {
            put_bytes(Some(header.key.as_bytes()), out);
            put_bytes(header.value, out);
        }
    }
}
