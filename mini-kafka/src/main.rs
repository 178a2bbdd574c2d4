//! `mini-kafka`: the broker and its tools, in one program.

use clap::Parser;

/// Kafka in miniature: one broker, and the tools around it.
#[derive(Parser)]
#[command(version)]
struct Arguments {}

fn main() {
    Arguments::parse();
}
