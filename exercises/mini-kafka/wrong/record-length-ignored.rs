//! Reads the fields and never compares with the record's length: one wrong byte, and all records behind are read from the wrong place.
//! caught-by: record::a_length_that_lies_is_refused

impl<'a> Record<'a> {
    pub fn decode(bytes: &mut &'a [u8]) -> Result<Record<'a>, RecordError> {
        let _length = take_len("a record's length", bytes)?;
        let (_attributes, rest) = bytes
            .split_first()
            .ok_or(RecordError::Truncated("a record"))?;
        *bytes = rest;
        let mut record = Record {
            timestamp_delta: take_varlong(bytes)?,
            offset_delta: take_varint(bytes)?,
            key: take_bytes("a key's length", bytes)?,
            value: take_bytes("a value's length", bytes)?,
            headers: Vec::new(),
        };
        for _ in 0..take_len("the number of headers", bytes)? {
            let key = take_bytes("a header key's length", bytes)?;
            let key = key.ok_or(RecordError::HeaderKey)?;
            let key = std::str::from_utf8(key).map_err(|_| RecordError::HeaderKey)?;
            let value = take_bytes("a header value's length", bytes)?;
            record.headers.push(Header { key, value });
        }
        Ok(record)
    }
}
