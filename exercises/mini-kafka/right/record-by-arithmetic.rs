//! Zig-zag by multiplication, in 128 bits; a record is read by its own cursor over positions.

pub fn put_varlong(value: i64, out: &mut Vec<u8>) {
    let wide = i128::from(value);
    let mut rest = if wide < 0 { -2 * wide - 1 } else { 2 * wide };
    loop {
        let low = u8::try_from(rest % 128).unwrap_or(0);
        rest /= 128;
        if rest == 0 {
            out.push(low);
            return;
        }
        out.push(low + 128);
    }
}

pub fn take_varlong(bytes: &mut &[u8]) -> Result<i64, RecordError> {
    let len = bytes.iter().take_while(|byte| **byte >= 128).count() + 1;
    if len > VARLONG_BYTES_MAX {
        return Err(RecordError::VarintTooLong(VARLONG_BYTES_MAX));
    }
    let (taken, rest) = bytes
        .split_at_checked(len)
        .ok_or(RecordError::Truncated("a variable-length integer"))?;
    *bytes = rest;
    let number = taken
        .iter()
        .rev()
        .fold(0i128, |sum, byte| sum * 128 + i128::from(byte % 128));
    let signed = if number % 2 == 0 {
        number / 2
    } else {
        -(number / 2) - 1
    };
    i64::try_from(signed).map_err(|_| RecordError::VarintTooLong(VARLONG_BYTES_MAX))
}

impl<'a> Record<'a> {
    pub fn encode(&self, out: &mut Vec<u8>) {
        let mut body = vec![0];
        put_varlong(self.timestamp_delta, &mut body);
        put_varlong(i64::from(self.offset_delta), &mut body);
        for part in [self.key, self.value] {
            put_bytes(part, &mut body);
        }
        put_varlong(self.headers.len() as i64, &mut body);
        for header in &self.headers {
            put_bytes(Some(header.key.as_bytes()), &mut body);
            put_bytes(header.value, &mut body);
        }
        put_varlong(body.len() as i64, out);
        out.extend(body);
    }

    pub fn decode(bytes: &mut &'a [u8]) -> Result<Record<'a>, RecordError> {
        let stated = take_len("a record's length", bytes)?;
        if bytes.len() < stated {
            return Err(RecordError::Truncated("a record"));
        }
        let whole: &'a [u8] = *bytes;
        let mut rest = &whole[..stated];
        *bytes = &whole[stated..];
        let read = |rest: &mut &'a [u8]| {
            if rest.is_empty() {
                return Err(RecordError::Truncated("a record"));
            }
            *rest = &rest[1..];
            let timestamp_delta = take_varlong(rest)?;
            let offset_delta = take_varint(rest)?;
            let key = take_bytes("a key's length", rest)?;
            let value = take_bytes("a value's length", rest)?;
            let count = take_len("the number of headers", rest)?;
            let headers = (0..count)
                .map(|_| {
                    let key = take_bytes("a header key's length", rest)?;
                    let key = std::str::from_utf8(key.ok_or(RecordError::HeaderKey)?);
                    Ok(Header {
                        key: key.map_err(|_| RecordError::HeaderKey)?,
                        value: take_bytes("a header value's length", rest)?,
                    })
                })
                .collect::<Result<Vec<_>, RecordError>>()?;
            Ok(Record {
                timestamp_delta,
                offset_delta,
                key,
                value,
                headers,
            })
        };
        match read(&mut rest) {
            Ok(record) if rest.is_empty() => Ok(record),
            Err(RecordError::Truncated(_)) | Ok(_) => Err(RecordError::WrongRecordLength {
                stated,
                actual: stated - rest.len(),
            }),
            Err(other) => Err(other),
        }
    }
}
