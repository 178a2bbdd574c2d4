//! Rows made of nothing: a generator of a fixed start for each row, so that any split of a job makes the same rows, and any
//! number of maps the same output.

/// SplitMix64 (Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014): a step to the next
/// state, and its bits mixed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RowRng(u64);

impl RowRng {
    /// The generator of one row of a job's output.
    pub(crate) fn new(seed: u64, row: u64) -> RowRng {
        let mut rng = RowRng(seed ^ row.wrapping_mul(0xd6e8_feb8_6659_fd93));
        rng.next();
        rng
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// A fraction from 0 up to, without, 1.
    #[expect(
        clippy::cast_precision_loss,
        reason = "53 bits are what a fraction has"
    )]
    pub(crate) fn fraction(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
}
