//! The lab's program; all of it is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    lab::main(lab::systems::all())
}
