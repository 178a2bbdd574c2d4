//! What passes between the toy's nodes, so that the lab can show it: each line is a message. (gRPC it would know by itself.)

use lab::links::recogniser::{NotUnderstood, Protocol, Recogniser, Seen, Way};

/// No line is longer.
const LINE_MAX: usize = 64;

/// A connection begins with one of three words.
pub(crate) const LINES: Protocol = Protocol {
    begins: |first| {
        let word = first.first_chunk::<3>()?;
        Some([b"get", b"set", b"put"].contains(&word))
    },
    recogniser: || Box::new(Lines::default()),
};

/// One connection: how many bytes have passed each way, and the line that is not yet whole.
#[derive(Default)]
struct Lines {
    passed: [u64; 2],
    begun: [Vec<u8>; 2],
}

impl Recogniser for Lines {
    fn feed(&mut self, way: Way, bytes: &[u8], seen: &mut Vec<Seen>) -> Result<(), NotUnderstood> {
        let (passed, line) = (
            &mut self.passed[way as usize],
            &mut self.begun[way as usize],
        );
        for &byte in bytes {
            *passed += 1;
            if byte != b'\n' {
                line.push(byte);
                if line.len() > LINE_MAX {
                    return Err(NotUnderstood);
                }
                continue;
            }
            let text = String::from_utf8_lossy(line).into_owned();
            let label = match (way, text.split(' ').next()) {
                (Way::There, Some(word)) => word.to_owned().into(),
                _ => "answer".into(),
            };
            let end = *passed;
            seen.push(Seen { label, text, end });
            line.clear();
        }
        Ok(())
    }
}
