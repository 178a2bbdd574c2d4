//! The jobs that come with this crate, by name. Each is a file that shows how a job is written.

use std::sync::Arc;

use crate::input::Files;
use crate::job::{JobError, JobSpec, TASKS_MAX};
use crate::program::{Job, Program};

#[cfg(feature = "server")]
pub mod grep;
pub mod invertedindex;
pub mod join;
pub mod loganalysis;
pub mod pagerank;
pub(crate) mod rows;
pub mod tera;
pub mod top;
pub mod wordcount;
pub mod zipftext;

type Make = fn(&JobSpec) -> Result<Job, JobError>;

/// All of them: the name, what it takes and does, how it is made.
const PROGRAMS: &[(&str, &str, Make)] = &[
    #[cfg(feature = "server")]
    (
        "grep",
        "PATTERN: what matches, the most frequent first",
        grep::job,
    ),
    (
        "invertedindex",
        "in which files each word is, and how often",
        invertedindex::job,
    ),
    (
        "join",
        "[broadcast|SALT]: two inputs of keys and values: pairs of values of a key; broadcast: the right one is small; SALT: divides keys that are too frequent",
        join::job,
    ),
    (
        "loganalysis",
        "paths|hours|sessions: of access logs",
        loganalysis::job,
    ),
    (
        "pagerank",
        "ROUNDS: lines of a page, a tab, and the pages that it links to",
        pagerank::links,
    ),
    ("pagerank-round", "one round of pagerank", pagerank::round),
    ("teragen", "ROWS SEED: records of 100 bytes", tera::teragen),
    (
        "terasort",
        "records of 100 bytes, sorted over all files",
        tera::terasort,
    ),
    (
        "teravalidate",
        "whether such files are sorted",
        tera::teravalidate,
    ),
    (
        "top",
        "lines of a key, a tab and a number, the largest first",
        top::job,
    ),
    ("wordcount", "how often each word is there", wordcount::job),
    (
        "zipftext",
        "LINES WORDS SEED: text to count words in",
        zipftext::job,
    ),
];

/// Names, and what each takes and does.
pub fn programs() -> impl Iterator<Item = (&'static str, &'static str)> {
    PROGRAMS.iter().map(|(name, about, _)| (*name, *about))
}

/// The program that a job runs.
///
/// # Errors
/// Where there is none of this name, or it does not take these arguments.
pub fn program(spec: &JobSpec) -> Result<Arc<dyn Program>, JobError> {
    let Some((_, _, make)) = PROGRAMS.iter().find(|(name, ..)| *name == spec.program) else {
        let known: Vec<&str> = programs().map(|(name, _)| name).collect();
        return Err(JobError::NoProgram {
            name: spec.program.clone(),
            known: known.join(", "),
        });
    };
    Ok(Arc::new(make(spec)?))
}

/// The jobs that a job consists of, to be run one after another. What all but the last one leave is read by the next one, and
/// then of no use.
///
/// # Errors
/// Where the arguments are not the program's.
pub fn steps(spec: &JobSpec) -> Result<Vec<JobSpec>, JobError> {
    match (spec.program.as_str(), spec.args.first().map(String::as_str)) {
        ("grep", _) | ("loganalysis", Some("paths")) => Ok(chain(spec, &["top"])),
        ("pagerank", _) => {
            let [rounds] = arguments("pagerank", spec, "ROUNDS")?;
            let rounds = usize::try_from(rounds.min(1000)).unwrap_or(1000);
            let mut programs = vec!["pagerank-round"; rounds];
            programs.push("top");
            Ok(chain(spec, &programs))
        }
        _ => Ok(vec![spec.clone()]),
    }
}

/// A job, and behind it others without arguments, each of which reads what the one before has left.
fn chain(spec: &JobSpec, programs: &[&str]) -> Vec<JobSpec> {
    let mut steps = vec![spec.clone()];
    for program in programs {
        let number = steps.len();
        let mut next = spec.clone();
        if let Some(last) = steps.last_mut() {
            last.output = format!("{}.step-{number}", spec.output);
            next.inputs = vec![last.output.clone()];
        }
        next.program = (*program).to_owned();
        next.args.clear();
        if *program == "top" {
            next.reduces = 1;
        }
        steps.push(next);
    }
    steps
}

/// What has to be found out from a job's input before its tasks can begin, put into its settings: TeraSort's bounds between
/// reduces, what a broadcast join has in memory. To be done once, when it is submitted.
///
/// # Errors
/// Where there would be too many tasks, or the input cannot be read.
pub fn prepare(spec: &mut JobSpec, files: &dyn Files) -> Result<(), JobError> {
    if spec.reduces > TASKS_MAX {
        return Err(JobError::TooMany {
            what: format!("{} reduces were asked for", spec.reduces),
            advice: "ask for fewer (-r, mapreduce.job.reduces)",
        });
    }
    match spec.program.as_str() {
        "terasort" if spec.reduces > 1 => tera::sample(spec, files),
        "join" => join::prepare(spec, files),
        _ => Ok(()),
    }
}

/// A job's arguments, all of them numbers.
fn arguments<const N: usize>(
    program: &'static str,
    spec: &JobSpec,
    usage: &str,
) -> Result<[u64; N], JobError> {
    let numbers: Option<Vec<u64>> = spec.args.iter().map(|arg| arg.parse().ok()).collect();
    let numbers = numbers.and_then(|numbers| numbers.try_into().ok());
    numbers.ok_or_else(|| JobError::Arguments {
        program,
        reason: format!(
            "its arguments are {usage}, all numbers, and not {:?}",
            spec.args.join(" ")
        ),
    })
}
