//! The length counts its own byte: every other program finds the records one byte too long.
//! caught-by: record::a_record_is_written_field_by_field

impl<'a> Record<'a> {
    pub fn encode(&self, out: &mut Vec<u8>) {
        put_varlong(self.encoded_len() as i64, out);
        out.push(0);
        put_varlong(self.timestamp_delta, out);
        put_varlong(i64::from(self.offset_delta), out);
        put_bytes(self.key, out);
        put_bytes(self.value, out);
        put_varlong(self.headers.len() as i64, out);
        for header in &self.headers {
            put_bytes(Some(header.key.as_bytes()), out);
            put_bytes(header.value, out);
        }
    }
}
