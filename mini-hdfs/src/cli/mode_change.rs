//! What `-chmod` is told: `644`, `1777`, `u=rwx,go=rX`, `a+w`, `-x`, `+t` (`ChmodParser`).

/// A change of modes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ModeChange(Vec<Clause>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Clause {
    /// The bits of those that it is about: `0o700` for the owner, and so on.
    who: u16,
    sign: char,
    /// As an octal digit.
    bits: u16,
    /// `X`: may be executed where it is a directory, or where somebody may already.
    if_executable: bool,
    sticky: bool,
}

impl ModeChange {
    /// Reads a change; an error says why it is none.
    pub(crate) fn parse(text: &str) -> Result<ModeChange, String> {
        let is_none = || format!("chmod : mode '{text}' does not match the expected pattern.");
        if text.starts_with(|c: char| c.is_ascii_digit()) {
            let mode = u16::from_str_radix(text, 8).ok().filter(|m| *m <= 0o1777);
            let mode = mode.filter(|_| text.len() <= 4).ok_or_else(is_none)?;
            let digit = |shift: u16| Clause {
                // A number says what the sticky bit is; its last digit brings that along.
                who: 0o7 << shift | if shift == 0 { 0o1000 } else { 0 },
                sign: '=',
                bits: mode >> shift & 0o7,
                if_executable: false,
                sticky: mode & 0o1000 != 0,
            };
            return Ok(ModeChange([6, 3, 0].map(digit).to_vec()));
        }
        let clauses = text.split(',').map(Clause::parse).collect();
        let clauses: Option<Vec<Clause>> = clauses;
        Ok(ModeChange(clauses.ok_or_else(is_none)?))
    }

    /// What becomes of a mode.
    pub(crate) fn apply(&self, mode: u16, is_directory: bool) -> u16 {
        let executable = is_directory || mode & 0o111 != 0;
        self.0
            .iter()
            .fold(mode, |mode, clause| clause.apply(mode, executable))
    }
}

impl Clause {
    fn parse(text: &str) -> Option<Clause> {
        let at = text.find(['+', '-', '='])?;
        let (who, rest) = text.split_at(at);
        let mut mask = if who.is_empty() { 0o777 } else { 0 };
        for c in who.chars() {
            mask |= match c {
                'u' => 0o700,
                'g' => 0o070,
                'o' => 0o007,
                'a' => 0o777,
                _ => return None,
            };
        }
        let mut rest = rest.chars();
        let mut clause = Clause {
            who: mask,
            sign: rest.next()?,
            bits: 0,
            if_executable: false,
            sticky: false,
        };
        for c in rest {
            match c {
                'r' => clause.bits |= 4,
                'w' => clause.bits |= 2,
                'x' => clause.bits |= 1,
                'X' => clause.if_executable = true,
                't' => clause.sticky = true,
                _ => return None,
            }
        }
        Some(clause)
    }

    fn apply(&self, mode: u16, executable: bool) -> u16 {
        let x = u16::from(self.if_executable && executable);
        let mut bits = ((self.bits | x) * 0o111) & self.who;
        if self.sticky {
            bits |= 0o1000;
        }
        match self.sign {
            '+' => mode | bits,
            '-' => mode & !bits,
            _ => mode & !self.who | bits,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_change_as_in_hadoop() {
        let cases = [
            ("644", 0o777, false, 0o644),
            ("0644", 0o777, false, 0o644),
            ("1777", 0o755, true, 0o1777),
            ("755", 0o1777, true, 0o755),
            ("u=rwx,go=rx", 0o000, false, 0o755),
            ("go-rwx", 0o777, false, 0o700),
            ("+x", 0o644, false, 0o755),
            ("a+w", 0o444, false, 0o666),
            ("o=", 0o777, false, 0o770),
            ("a+X", 0o644, false, 0o644),
            ("a+X", 0o744, false, 0o755),
            ("a+X", 0o644, true, 0o755),
            ("+t", 0o777, true, 0o1777),
            ("-t", 0o1777, true, 0o777),
        ];
        for (change, before, is_directory, after) in cases {
            let parsed = ModeChange::parse(change).unwrap();
            let got = parsed.apply(before, is_directory);
            assert_eq!(got, after, "{change} of {before:o} gives {got:o}");
        }
    }

    #[test]
    fn what_is_no_change_is_refused() {
        for text in [
            "", "8", "2777", "00644", "u", "u~x", "k+x", "u+q", "rwx", "u+x,,o-x",
        ] {
            assert!(ModeChange::parse(text).is_err(), "{text}");
        }
    }
}
