//! Reads from the split's first byte and passes over the first line it finds: a line that begins with the split is nobody's.
//! caught-by: splits::a_split_that_begins_with_a_line_has_that_line

pub fn read_from(offset: u64) -> u64 {
    offset
}
