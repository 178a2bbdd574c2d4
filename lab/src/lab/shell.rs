//! Words in the commands that are shown, so that what is pasted does what was done.

use std::borrow::Cow;

/// `word` as a shell takes it for one word.
pub fn quoted(word: &str) -> Cow<'_, str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return Cow::Borrowed(word);
    }
    // Between single quotes everything stands for itself, but these.
    Cow::Owned(format!("'{}'", word.replace('\'', r"'\''")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_takes_what_is_quoted_for_the_word_that_it_was() {
        for word in ["/tmp/a-1", "", "two words", "it's", "a;b $(c)", r"\n"] {
            let line = format!("printf %s {}", quoted(word));
            let said = std::process::Command::new("sh")
                .args(["-c", &line])
                .output();
            assert_eq!(String::from_utf8_lossy(&said.unwrap().stdout), word);
        }
        assert_eq!(quoted("/tmp/a-1"), "/tmp/a-1");
    }
}
