//! Whoever is suspected is read, however often: a client that tries every second keeps the disk busy with one replica, and the
//! pass stands still.
//! caught-by: scanner::scanner_reads_a_suspect_once

impl VolumeScanner {
    pub fn suspect(&mut self, id: BlockId, now: Time) {
        let _ = now;
        if !self.suspects.contains(&id) {
            self.suspects.push_back(id);
        }
    }
}
