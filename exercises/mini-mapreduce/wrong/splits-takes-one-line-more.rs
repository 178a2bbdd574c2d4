//! Takes the line that begins with the next split too: it is there twice.
//! caught-by: splits::a_line_belongs_to_the_split_of_its_first_byte

pub fn is_ours(position: u64, end: u64) -> bool {
    position <= end
}
