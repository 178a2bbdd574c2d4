//! A number on a test's command line, without a harness of our own.
//!
//! `cargo test -p mini-hdfs --test sim -- replay 0x5eed` hands both words to libtest as filters: the
//! first picks the test called `replay`, the second picks nothing — and the test finds it here.

/// The number that follows `word` among the arguments of this process, decimal or `0x…`.
pub fn number_after(word: &str) -> Option<u64> {
    number_in(std::env::args(), word)
}

fn number_in(args: impl IntoIterator<Item = String>, word: &str) -> Option<u64> {
    let number = args.into_iter().skip_while(|arg| arg != word).nth(1)?;
    match number.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None => number.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_after_their_word() {
        let find = |line: &str, word| number_in(line.split(' ').map(str::to_owned), word);
        assert_eq!(find("sim replay 0x5eed", "replay"), Some(0x5eed));
        assert_eq!(find("sim --nocapture seeds 5000", "seeds"), Some(5000));
        assert_eq!(find("sim replay", "replay"), None);
        assert_eq!(find("sim replay x", "replay"), None);
        assert_eq!(find("sim", "replay"), None);
    }
}
