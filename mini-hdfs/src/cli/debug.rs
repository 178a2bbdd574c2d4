//! `mini-hdfs debug`: what an operator does by hand when something does not mend itself (`DebugAdmin`).

use std::io::Write;
use std::thread;
use std::time::Duration;

use mini_hdfs::server::dfs_client::DfsClient;

use super::{Failure, Generic, paths, reason};

const USAGE: &str = "Usage: mini-hdfs debug [generic options]\n\t[recoverLease -path <path> [-retries <num-retries>]]";

/// Between two attempts.
const PAUSE: Duration = Duration::from_secs(5);

/// Runs `debug` with the words behind it.
pub(crate) fn run(words: &[String], out: &mut dyn Write) -> Result<(), Failure> {
    let (Generic { client, .. }, words) = Generic::parse(words)?;
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["recoverLease", options @ ..] => {
            let (path, tries) = recover_lease_options(options)?;
            recover_lease(&client, path, tries, out)
        }
        ["-help" | "--help" | "-h" | "help", ..] => Ok(writeln!(out, "{USAGE}")?),
        _ => Err(Failure::Usage(USAGE.to_owned())),
    }
}

fn recover_lease_options<'a>(options: &[&'a str]) -> Result<(&'a str, u32), Failure> {
    let (mut path, mut tries) = (None, 1);
    for pair in options.chunks(2) {
        match pair {
            ["-path", value] => path = Some(*value),
            ["-retries", value] => {
                tries = value.parse().map_err(|_| {
                    Failure::Usage(format!("-retries {value}: expected a whole number"))
                })?;
            }
            _ => return Err(Failure::Usage(USAGE.to_owned())),
        }
    }
    let path = path.ok_or_else(|| {
        Failure::Usage("You must supply a -path argument to recoverLease.".to_owned())
    })?;
    Ok((path, tries.max(1)))
}

fn recover_lease(
    client: &DfsClient,
    named: &str,
    tries: u32,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let path = paths::absolute(named);
    for attempt in 1.. {
        let failure = match client.recover_lease(&path) {
            Ok(true) => return Ok(writeln!(out, "recoverLease SUCCEEDED on {named}")?),
            Ok(false) => "recoverLease returned false.".to_owned(),
            Err(error) => format!("recoverLease got exception: {}", reason(&error)),
        };
        if attempt >= tries {
            let tried = if tries == 1 { "try" } else { "tries" };
            return Err(Failure::said(format!(
                "{failure}\nGiving up on recoverLease for {named} after {tries} {tried}."
            )));
        }
        eprintln!("{failure}");
        writeln!(out, "Retrying in {} ms...", PAUSE.as_millis())?;
        out.flush()?;
        thread::sleep(PAUSE);
        writeln!(out, "Retry #{attempt}")?;
    }
    unreachable!("the numbers of attempts do not end")
}
