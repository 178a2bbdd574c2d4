//! Hadoop Streaming: a job whose mapper, combiner and reducer are programs in any language. Each task starts them as child processes, gives them its
//! records as lines, and takes their lines for pairs of a key and a value.
//!
//! A [`Program`] like any other, so all else of a job is as it always is. What Hadoop 3 does is done here: where lines are cut, what an
//! environment holds, what a report looks like, when a command has failed. The names of settings are its own.

mod child;
mod environment;
mod fields;
mod options;
mod pipes;
mod reducers;
mod reporter;
mod workdir;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, OnceLock};

use tempfile::TempDir;

pub use options::{Options, PROGRAM, USAGE};

use self::child::Child;
use self::fields::{Cut, FieldPartitioner, KeyParts, own_key, separator};
use self::options::{class, split_args};
use self::reducers::{Aggregate, CommandReducer, Unchanged};
use self::reporter::Rules;
use crate::datum::DatumError;
use crate::input::InputFormat;
use crate::job::{JobError, JobSpec, Record, RecordError, Settings, Split};
use crate::output::OutputFormat;
use crate::partition::Partitioner;
use crate::program::{Collect, Combine, Pair, Program, RawMapper, RawReducer};
use crate::protocol::AttemptId;

/// What is wrong with a job.
fn wrong(reason: impl Into<String>) -> JobError {
    JobError::Arguments {
        program: PROGRAM,
        reason: reason.into(),
    }
}

/// The attempt that runs a command.
pub struct Task {
    /// Which.
    pub attempt: AttemptId,
    /// Its directory; the working directory of its commands will be in it.
    pub dir: PathBuf,
    /// Whether nobody wants it any more.
    pub cancelled: Box<dyn Fn() -> bool + Send + Sync>,
    /// To be called when it gives a sign of life.
    pub alive: Box<dyn Fn() + Send + Sync>,
}

impl Task {
    fn is_cancelled(&self) -> bool {
        (self.cancelled)()
    }

    fn alive(&self) {
        (self.alive)();
    }
}

/// A job of commands.
pub struct Streaming(Arc<Setup>);

/// What the parts of an attempt have in common.
struct Setup {
    spec: JobSpec,
    options: Options,
    input: InputFormat,
    /// What stands between key and value of a mapper's input, if it gets the key.
    map_input: Option<Vec<u8>>,
    map_output: Cut,
    reduce_input: Vec<u8>,
    reduce_output: Cut,
    /// What keys are sorted by, if not by themselves.
    order: Option<KeyParts>,
    partitioner: FieldPartitioner,
    /// What stands between key and value in the output.
    text: Vec<u8>,
    rules: Rules,
    /// How many bytes of a setting the environment may have.
    environment_max: usize,
    running: Option<Running>,
}

/// An attempt at work.
struct Running {
    task: Arc<Task>,
    dir: TempDir,
    /// A map's split, once it is known.
    split: OnceLock<Split>,
}

impl Streaming {
    /// The job; for an attempt, with its working directory.
    ///
    /// # Errors
    /// Where an option or a setting is none that can be had, or the directory cannot be made.
    pub fn new(spec: &JobSpec, task: Option<Task>) -> Result<Streaming, JobError> {
        let options = Options::parse(&spec.args)?;
        let settings = &spec.settings;
        if settings.parse("mapreduce.output.fileoutputformat.compress", false)? {
            return Err(wrong(
                "the output cannot be compressed (mapreduce.output.fileoutputformat.compress)",
            ));
        }
        let input = input_format(&options, settings)?;
        let is_text = input == InputFormat::Lines;
        if is_identity(options.mapper.as_deref(), "IdentityMapper") && is_text {
            return Err(wrong(
                "without a -mapper, keys would be positions in files; use -mapper cat, \
                 or -inputformat KeyValueTextInputFormat",
            ));
        }
        for command in [&options.mapper, &options.combiner, &options.reducer]
            .into_iter()
            .flatten()
        {
            if split_args(command).is_empty() {
                return Err(wrong(format!("the command {command:?} is empty")));
            }
            let is_known = matches!(class(command), "IdentityMapper" | "IdentityReducer");
            if command.starts_with("org.apache.hadoop.") && !is_known {
                return Err(wrong(format!(
                    "{command}: Java classes do not run here, but for IdentityMapper and IdentityReducer"
                )));
            }
        }
        let without_key: bool = settings.parse("stream.map.input.ignoreKey", is_text)?;
        let map_input = separator(settings, "stream.map.input.field.separator")?;
        let order = key_order(settings)?.filter(|_| spec.reduces > 0);
        let environment_max: i64 = settings.parse("stream.jobconf.truncate.limit", -1)?;
        let running = match task {
            None => None,
            Some(task) => Some(Running {
                dir: workdir::make(&task.dir, &options.files).map_err(wrong)?,
                task: Arc::new(task),
                split: OnceLock::new(),
            }),
        };
        Ok(Streaming(Arc::new(Setup {
            spec: spec.clone(),
            input,
            map_input: (!without_key).then_some(map_input),
            map_output: Cut::of(settings, "map")?,
            reduce_input: separator(settings, "stream.reduce.input.field.separator")?,
            reduce_output: Cut::of(settings, "reduce")?,
            partitioner: FieldPartitioner {
                parts: partition_parts(&options, settings)?,
                is_sorting: order.is_some(),
            },
            order,
            text: separator(settings, "mapreduce.output.textoutputformat.separator")?,
            rules: Rules::of(settings, options.is_verbose)?,
            // Below zero: as many as it has.
            environment_max: usize::try_from(environment_max).unwrap_or(usize::MAX),
            options,
            running,
        })))
    }
}

fn input_format(options: &Options, settings: &Settings) -> Result<InputFormat, JobError> {
    match options.input_format.as_deref().map(class) {
        None | Some("TextInputFormat") => Ok(InputFormat::Lines),
        Some("KeyValueTextInputFormat") => {
            let name = "mapreduce.input.keyvaluelinerecordreader.key.value.separator";
            match settings.get(name) {
                None | Some("\t") => Ok(InputFormat::KeyValue),
                Some(other) => Err(wrong(format!("{name}={other}: it can only be a tab"))),
            }
        }
        Some(other) => Err(wrong(format!(
            "-inputformat {other}: there are TextInputFormat and KeyValueTextInputFormat"
        ))),
    }
}

fn is_identity(command: Option<&str>, name: &str) -> bool {
    command.is_none_or(|command| class(command) == name)
}

/// What separates the fields of a key.
fn key_separator(settings: &Settings) -> Result<Vec<u8>, JobError> {
    separator(settings, "mapreduce.map.output.key.field.separator")
}

fn key_order(settings: &Settings) -> Result<Option<KeyParts>, JobError> {
    let name = "mapreduce.job.output.key.comparator.class";
    match settings.get(name).map(class) {
        None => Ok(None),
        Some("KeyFieldBasedComparator") => {
            let name = "mapreduce.partition.keycomparator.options";
            let options = settings.get(name).unwrap_or_default();
            let parts = KeyParts::parse(options, key_separator(settings)?);
            Ok(Some(
                parts.map_err(|error| wrong(format!("{name}={error}")))?,
            ))
        }
        Some(other) => Err(wrong(format!(
            "{name}={other}: there is KeyFieldBasedComparator; without it, keys are in the order of their bytes"
        ))),
    }
}

fn partition_parts(options: &Options, settings: &Settings) -> Result<Option<KeyParts>, JobError> {
    let named = options.partitioner.as_deref();
    match named
        .or(settings.get("mapreduce.job.partitioner.class"))
        .map(class)
    {
        None | Some("HashPartitioner") => return Ok(None),
        Some("KeyFieldBasedPartitioner") => {}
        Some(other) => {
            return Err(wrong(format!(
                "-partitioner {other}: there are HashPartitioner and KeyFieldBasedPartitioner"
            )));
        }
    }
    let name = "mapreduce.partition.keypartitioner.options";
    let former = settings.get("num.key.fields.for.partition");
    let former = former.map(|fields| format!("-k1,{fields}"));
    let Some(options) = former.as_deref().or(settings.get(name)) else {
        return Ok(None);
    };
    let parts = KeyParts::parse(options, key_separator(settings)?);
    Ok(Some(
        parts.map_err(|error| wrong(format!("{name}={error}")))?,
    ))
}

impl Setup {
    /// Starts a command of the job's.
    fn start(&self, role: &str, command: &str) -> Result<Child, JobError> {
        let running = self.running.as_ref();
        let running = running.ok_or_else(|| wrong("no task runs it"))?;
        let name = format!("the {role} `{command}`");
        let mut words = split_args(command).into_iter();
        let path: Option<OsString> = std::env::var_os("PATH");
        let program = words.next().unwrap_or_default();
        let found = workdir::program(&program, running.dir.path(), path.as_deref());
        let found = found.map_err(|reason| wrong(format!("{name} cannot be started: {reason}")))?;
        let mut process = Command::new(&found);
        process.args(words).current_dir(running.dir.path());
        process.envs(self.environment(running));
        let child = Child::start(
            name.clone(),
            process,
            running.task.clone(),
            self.rules.clone(),
        );
        child.map_err(|error| {
            let found = found.display();
            wrong(format!(
                "{name} cannot be started: {found}: {error}; if it is a script, look at its first line: #! and a \
                 program that is there, without a CR at the line's end"
            ))
        })
    }

    /// Hands on a mapper's or a combiner's line, with a key that sorts as it should.
    fn collect_map_output(
        &self,
        line: &[u8],
        room: &mut Vec<u8>,
        out: &mut dyn Collect,
    ) -> Result<(), RecordError> {
        let (key, value) = self.map_output.key_and_value(line);
        match &self.order {
            None => out.collect(key, value),
            Some(order) => {
                order.sorting_key(key, room);
                out.collect(room, value)
            }
        }
    }

    /// A key as the mapper wrote it.
    fn own_key<'a>(&self, key: &'a [u8]) -> Result<&'a [u8], RecordError> {
        match self.order {
            None => Ok(key),
            Some(_) => own_key(key).ok_or_else(|| RecordError::bad("it was not made for sorting")),
        }
    }
}

/// Adds what a child has counted.
fn count(child: &mut Child, out: &mut dyn Collect) {
    for (group, name, value) in child.take_counters().iter() {
        out.count(group, name, value);
    }
}

impl Program for Streaming {
    fn input(&self) -> InputFormat {
        self.0.input
    }

    fn mapper(&self, split: &Split) -> Result<Box<dyn RawMapper>, JobError> {
        if let Some(running) = &self.0.running {
            running.split.get_or_init(|| split.clone());
        }
        let setup = self.0.clone();
        match self.0.options.mapper.as_deref() {
            command if is_identity(command, "IdentityMapper") => Ok(Box::new(Identity(setup))),
            command => {
                let mut child = setup.start("mapper", command.unwrap_or_default())?;
                child.place = Some((split.path.clone(), split.offset));
                let room = Vec::new();
                Ok(Box::new(CommandMapper { setup, child, room }))
            }
        }
    }

    fn combine(&self) -> Result<Combine, JobError> {
        Ok(match self.0.options.combiner.as_deref() {
            Some(command) if self.0.running.is_some() => {
                Combine::Groups(Box::new(CommandReducer::combiner(self.0.clone(), command)))
            }
            _ => Combine::None,
        })
    }

    fn partitioner(&self) -> &dyn Partitioner {
        &self.0.partitioner
    }

    fn group_len(&self, key: &[u8]) -> usize {
        key.len()
    }

    fn reducer(&self) -> Result<Box<dyn RawReducer>, JobError> {
        let setup = self.0.clone();
        match self.0.options.reducer.as_deref() {
            command if is_identity(command, "IdentityReducer") => Ok(Box::new(Unchanged(setup))),
            Some("aggregate") => Ok(Box::new(Aggregate(setup))),
            command => Ok(Box::new(CommandReducer::reducer(
                setup,
                command.unwrap_or_default(),
            )?)),
        }
    }

    fn output(&self) -> OutputFormat {
        OutputFormat::Text
    }

    fn line(&self, (key, value): Pair<'_>, out: &mut Vec<u8>) -> Result<(), DatumError> {
        // The separator stands there also where there is no value, as in Hadoop: a Text that is empty is something.
        for part in [key, &self.0.text, value, b"\n"] {
            out.extend_from_slice(part);
        }
        Ok(())
    }
}

/// A mapper that is a command.
struct CommandMapper {
    setup: Arc<Setup>,
    child: Child,
    room: Vec<u8>,
}

impl RawMapper for CommandMapper {
    fn map(&mut self, record: &Record<'_>, out: &mut dyn Collect) -> Result<(), RecordError> {
        let Self { setup, child, room } = self;
        if let Some((_, position)) = &mut child.place {
            *position = record.position;
        }
        let sink = &mut |line: &[u8]| setup.collect_map_output(line, room, out);
        match &setup.map_input {
            None => child.give(&[record.value], sink),
            Some(between) if setup.input == InputFormat::Lines => {
                let position = record.position.to_string();
                child.give(&[position.as_bytes(), between, record.value], sink)
            }
            Some(between) => child.give(&[record.key, between, record.value], sink),
        }
    }

    fn finish(&mut self, out: &mut dyn Collect) -> Result<(), RecordError> {
        let Self { setup, child, room } = self;
        child.finish(&mut |line: &[u8]| setup.collect_map_output(line, room, out))?;
        count(child, out);
        Ok(())
    }
}

/// `IdentityMapper`.
struct Identity(Arc<Setup>);

impl RawMapper for Identity {
    fn map(&mut self, record: &Record<'_>, out: &mut dyn Collect) -> Result<(), RecordError> {
        match &self.0.order {
            None => out.collect(record.key, record.value),
            Some(order) => {
                let mut room = Vec::new();
                order.sorting_key(record.key, &mut room);
                out.collect(&room, record.value)
            }
        }
    }

    fn finish(&mut self, _: &mut dyn Collect) -> Result<(), RecordError> {
        Ok(())
    }
}
