//! Tells a trace as a story: `cargo run -p warm-up --example story warm-up/replays/two-in-the-room.jsonl`

use std::error::Error;
use std::io::{self, Write};
use std::{env, fs};

use sim::Record;

fn main() -> Result<(), Box<dyn Error>> {
    let file = env::args()
        .nth(1)
        .ok_or("which file? Give the path of a trace")?;
    let text = fs::read_to_string(&file).map_err(|error| format!("cannot read {file}: {error}"))?;
    let records = text.lines().map(serde_json::from_str);
    let records: Vec<Record> = records.collect::<Result<_, _>>()?;
    io::stdout().write_all(sim::narrate(&records).as_bytes())?;
    Ok(())
}
