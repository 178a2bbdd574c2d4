//! The edit log on the disk (`FSEditLog`, `EditLogFileInputStream`): a journal of [`EditOp`]s, each in a frame
//! of its own.
//!
//! ```text
//! length of payload: u32 | txid: u64 | payload: EditOp in postcard | CRC32C of all before: u32      (big-endian)
//! ```
//!
//! A crash in the middle of a write leaves part of the last frames. Those were never acknowledged, so the tail is
//! cut off. A bad frame with a good one *after* it is something else: what follows was acknowledged, so what
//! stands there was too, and the disk has lost it. To go on would lose it silently; [`scan`] says where it is instead.

use crate::block::TxId;
use crate::namenode::edit_op::EditOp;

/// The most bytes in a payload. A length beyond it is damage.
pub const PAYLOAD_LEN_MAX: usize = 16 << 20;

/// The bytes of a frame before its payload: length and transaction.
pub const HEADER_LEN: usize = 4 + 8;

/// The bytes of a frame after its payload.
pub const CHECKSUM_LEN: usize = 4;

/// Appends the frame of transaction `txid` to `out`.
///
/// # Panics
/// When an op is longer than [`PAYLOAD_LEN_MAX`], which takes a file of more than a million blocks.
// ANCHOR: encode
pub fn encode(txid: TxId, op: &EditOp, out: &mut Vec<u8>) {
    let payload = postcard::to_stdvec(op).expect("plain data in memory can be encoded");
    assert!(
        payload.len() <= PAYLOAD_LEN_MAX,
        "op of {} bytes",
        payload.len()
    );
    let len = u32::try_from(payload.len()).expect("below the limit just asserted");
    let start = out.len();
    out.extend_from_slice(&len.to_be_bytes());
    out.extend_from_slice(&txid.0.to_be_bytes());
    out.extend_from_slice(&payload);
    let checksum = crc32c::crc32c(&out[start..]);
    out.extend_from_slice(&checksum.to_be_bytes());
}
// ANCHOR_END: encode

/// A frame whose checksum holds, its payload not looked into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawFrame<'a> {
    /// Its transaction.
    pub txid: TxId,
    /// An [`EditOp`] in postcard, if all is well.
    pub payload: &'a [u8],
    /// How many bytes the frame takes, header and checksum included.
    pub len: usize,
}

/// Takes one frame from the beginning of `bytes`, which may hold anything, and verifies its checksum. What follows the
/// frame does not matter.
///
/// # Errors
/// Why there is no whole and undamaged frame there, as the end of a sentence: `bytes` ends before the frame does, the
/// length is above [`PAYLOAD_LEN_MAX`], or the checksum does not match.
pub fn split_frame(bytes: &[u8]) -> Result<RawFrame<'_>, String> {
    let _ = bytes;
    todo!(
        "hdfs/edit-log: take a frame apart, and believe none of its fields before its checksum holds."
    )
}

/// The operation in a frame's payload.
///
/// # Errors
/// Why the payload is none, as the end of a sentence.
pub fn decode_payload(payload: &[u8]) -> Result<EditOp, String> {
    match postcard::take_from_bytes(payload) {
        Ok((op, [])) => Ok(op),
        Ok(_) => Err("its payload is longer than its operation".to_owned()),
        Err(e) => Err(format!("its payload is no operation: {e}")),
    }
}

/// What a segment holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scan {
    /// The good records from the beginning on, with consecutive transactions.
    pub ops: Vec<(TxId, EditOp)>,
    /// How many bytes these records take. Whatever follows is a torn tail.
    pub good_len: usize,
    /// Why the bytes after `good_len` are no record; none when there are no such bytes.
    pub tail: Option<String>,
}

/// A segment with damage that no crash explains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Where in the segment the bad record begins, in bytes.
    pub offset: usize,
    /// What is wrong, as the end of a sentence.
    pub reason: String,
}

/// Reads a segment whose first transaction is `first`, up to its end or to a torn tail. The transactions in a segment
/// are consecutive.
///
/// A bad frame (one that [`split_frame`] refuses) begins a torn tail if no good frame follows it: none begins at any
/// later byte that has the transaction expected here, or a higher one. Looking at every byte is needed, since the
/// length of the bad frame may be what is bad.
///
/// # Errors
/// [`Damage`], with the place where the first bad record begins:
/// - a bad frame that a good one follows;
/// - a good frame with another transaction than the one that is next;
/// - a good frame whose payload [`decode_payload`] refuses: its checksum holds, so no crash has torn it, and whoever
///   wrote it knew operations that we do not.
pub fn scan(bytes: &[u8], first: TxId) -> Result<Scan, Damage> {
    let _ = (bytes, first);
    todo!(
        "hdfs/edit-log: read records until the end, a torn tail, or damage that no crash explains."
    )
}

/// The name of the segment that edits from `first` on are being appended to.
pub fn in_progress_name(first: TxId) -> String {
    format!("edits_inprogress_{:019}", first.0)
}

/// The name of a finished segment.
pub fn finalized_name(first: TxId, last: TxId) -> String {
    format!("edits_{:019}-{:019}", first.0, last.0)
}
