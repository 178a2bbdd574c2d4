//! The NameNodes: an honest one, and three that each have one mistake of a kind that real ones had.
//!
//! They are here without comments and with meaningless names, since this is a hunt. Reading them would not help much:
//! what is graded is not whether you know the mistakes, but whether your invariant sees them.

#[rustfmt::skip]
#[allow(clippy::collapsible_match, reason = "nobody reads it")]
mod a;
#[rustfmt::skip]
#[allow(clippy::collapsible_match, reason = "nobody reads it")]
mod b;
#[rustfmt::skip]
#[allow(clippy::collapsible_match, reason = "nobody reads it")]
mod c;
#[rustfmt::skip]
#[allow(clippy::collapsible_match, reason = "nobody reads it")]
mod honest;

use crate::member::NameNode;

/// Whose turn it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suspect {
    /// Does all as it should.
    Honest,
    /// One mistake.
    A,
    /// Another one.
    B,
    /// A third one.
    C,
}

pub(crate) fn namenode(suspect: Suspect) -> Box<dyn NameNode> {
    match suspect {
        Suspect::Honest => honest::new(),
        Suspect::A => a::new(),
        Suspect::B => b::new(),
        Suspect::C => c::new(),
    }
}

impl Suspect {
    /// All of them.
    pub const ALL: [Suspect; 4] = [Suspect::Honest, Suspect::A, Suspect::B, Suspect::C];

    /// As on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Suspect::Honest => "honest",
            Suspect::A => "a",
            Suspect::B => "b",
            Suspect::C => "c",
        }
    }

    /// The command that tells the story of a run, but for the seed at its end.
    pub fn replay_command(self) -> &'static str {
        match self {
            Suspect::Honest => "cargo run -p bug-hunt -- --suspect honest --seed",
            Suspect::A => "cargo run -p bug-hunt -- --suspect a --seed",
            Suspect::B => "cargo run -p bug-hunt -- --suspect b --seed",
            Suspect::C => "cargo run -p bug-hunt -- --suspect c --seed",
        }
    }
}
