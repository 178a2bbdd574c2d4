//! Writes, reads and scans one chunk at a time, checksums before bytes, and cuts the checksums before the bytes.

impl BlockFile {
    pub fn write_packet(
        &mut self,
        disk: &mut dyn Disk,
        offset: u64,
        data: &[u8],
        checksums: &[u32],
    ) -> Result<(), BlockFileError> {
        let parts: Vec<&[u8]> = data.chunks(BYTES_PER_CHECKSUM).collect();
        if parts.is_empty() {
            return Ok(());
        }
        let refused = |why: &str| Err(self.misplaced("write a packet", offset, why.to_owned()));
        if parts.len() != checksums.len() {
            return refused("each chunk has one checksum");
        }
        let end = offset + data.len() as u64;
        if offset % CHUNK != 0 || !(offset..=end).contains(&self.len) {
            return refused("it is not where the replica ends");
        }
        for (i, (part, sum)) in parts.iter().zip(checksums).enumerate() {
            if crc32c::crc32c(part) != *sum {
                return Err(self.mismatch(offset + i as u64 * CHUNK));
            }
        }
        for (i, (part, sum)) in parts.iter().zip(checksums).enumerate() {
            let at = offset + i as u64 * CHUNK;
            disk.write_at(&self.meta, slot(at), &sum.to_be_bytes())?;
            disk.write_at(&self.data, at, part)?;
        }
        self.len = end;
        Ok(())
    }

    pub fn read(&self, disk: &dyn Disk, offset: u64, len: u64) -> Result<Chunks, BlockFileError> {
        let end = self.len.min(offset.saturating_add(len));
        let first = offset / CHUNK;
        let mut chunks = Chunks {
            offset: first * CHUNK,
            data: Vec::new(),
            checksums: Vec::new(),
        };
        if offset >= end {
            return Ok(chunks);
        }
        for number in first..end.div_ceil(CHUNK) {
            let at = number * CHUNK;
            let size = usize::try_from(CHUNK.min(self.len - at)).unwrap_or(0);
            chunks.data.extend(disk.read_at(&self.data, at, size)?);
            let sum = disk.read_at(&self.meta, slot(at), 4)?;
            if let Ok(sum) = sum.try_into() {
                chunks.checksums.push(u32::from_be_bytes(sum));
            }
        }
        Ok(chunks)
    }

    pub fn valid_len(&self, disk: &dyn Disk) -> Result<u64, BlockFileError> {
        for start in (0..self.len).step_by(BYTES_PER_CHECKSUM) {
            let chunk = self.read(disk, start, 1)?;
            let size = CHUNK.min(self.len - start);
            if chunk.data.len() as u64 != size || verify(&chunk.data, &chunk.checksums).is_err() {
                return Ok(start);
            }
        }
        Ok(self.len)
    }

    pub fn truncate(&mut self, disk: &mut dyn Disk, len: u64) -> Result<(), BlockFileError> {
        if self.len < len {
            return Err(self.misplaced("truncate", len, "it is shorter".to_owned()));
        }
        let cut = len % CHUNK;
        if cut > 0 {
            let chunk = self.read_verified(disk, len - cut, 1)?;
            let left = &chunk[..usize::try_from(cut).unwrap_or(0)];
            let sum = crc32c::crc32c(left).to_be_bytes();
            disk.write_at(&self.meta, slot(len), &sum)?;
        }
        disk.truncate(&self.meta, slot(len) + if cut > 0 { 4 } else { 0 })?;
        disk.truncate(&self.data, len)?;
        self.len = len;
        Ok(())
    }
}
