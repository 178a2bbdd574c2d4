//! What this machine does without any of our systems, to set their figures against: the same bytes over one loopback connection,
//! to the disk with one fsync, and through a checksum.

use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::thread;

/// Bytes handed over at a time.
const BUFFER: usize = 64 << 10;

/// Sends `bytes` through a connection to a thread that reads them all and says so.
///
/// # Errors
/// The system's.
///
/// # Panics
/// When the thread does.
pub fn loopback(bytes: &[u8]) -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    thread::scope(|scope| {
        let reader = scope.spawn(move || -> io::Result<()> {
            let (mut stream, _) = listener.accept()?;
            let mut buffer = vec![0; BUFFER];
            while stream.read(&mut buffer)? > 0 {}
            stream.write_all(&[1])
        });
        let mut stream = TcpStream::connect(address)?;
        for part in bytes.chunks(BUFFER) {
            stream.write_all(part)?;
        }
        stream.shutdown(Shutdown::Write)?;
        stream.read_exact(&mut [0])?;
        reader.join().expect("the reader does not panic")
    })
}

/// Writes `bytes` to a file in `dir` that is removed again, and waits for the disk.
///
/// # Errors
/// The system's.
pub fn write_and_sync(bytes: &[u8], dir: &Path) -> io::Result<()> {
    let path = dir.join("file");
    let mut file = File::create(&path)?;
    for part in bytes.chunks(BUFFER) {
        file.write_all(part)?;
    }
    file.sync_all()?;
    std::fs::remove_file(path)
}

/// The CRC32C of each 512 bytes, all added up so that none is left out.
pub fn checksums(bytes: &[u8]) -> u32 {
    let sums = bytes.chunks(512).map(crc32c::crc32c);
    sums.fold(0, u32::wrapping_add)
}
