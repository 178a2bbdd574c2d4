//! What Hadoop Streaming is told: the command line, which is also what a job's arguments are.

use std::collections::BTreeMap;
use std::path::Path;

use super::wrong;
use crate::job::{JobError, JobSpec, Settings};
use crate::server::files::{paths, user};

/// The program's name in a [`JobSpec`].
pub const PROGRAM: &str = "streaming";

/// What `mini-mapreduce streaming -help` says.
pub const USAGE: &str = "\
mini-mapreduce streaming: Hadoop Streaming, a job made of any two programs

    mini-mapreduce streaming -files mapper.py,reducer.py \\
        -mapper 'python3 mapper.py' -reducer 'python3 reducer.py' -input books -output counts

-input PATH            a file, a directory or a glob, local or hdfs://HOST:PORT/path; several, or several times
-output DIR            where the output goes, a directory that is not there yet
-mapper COMMAND        takes lines of input, writes lines of a key, a tab and a value; no shell stands between
-reducer COMMAND       takes such lines, sorted by key; NONE: there are no reduces; aggregate: Hadoop's own;
                       left out: lines go on as they are
-combiner COMMAND      the same, in each map, for what must not change the result
-file PATH[#NAME]      put into the working directory of each task, under its own name or another; several times
-files PATH,PATH…      the same
-numReduceTasks N      how many reduces, and so parts of the output; without any, the maps' output is the output
-cmdenv NAME=VALUE     for the environment of the commands; several times
-partitioner CLASS     HashPartitioner, or KeyFieldBasedPartitioner with mapreduce.partition.keypartitioner.options
-inputformat CLASS     TextInputFormat, or KeyValueTextInputFormat
-D NAME=VALUE          a setting under Hadoop's name, new or old; several times
-verbose               show what the commands write to standard error
Ours: -coordinator HOST:PORT (or MINI_MAPREDUCE_COORDINATOR), to run it on a cluster; -slots N, how many tasks at
once without one; -quiet

Options begin with one dash or two, and come in any order.";

/// Settings and what they were called before Hadoop 2: whoever asks for one under either name gets it.
const FORMER_NAMES: &str = "\
io.sort.factor mapreduce.task.io.sort.factor
io.sort.mb mapreduce.task.io.sort.mb
map.input.file mapreduce.map.input.file
map.input.length mapreduce.map.input.length
map.input.start mapreduce.map.input.start
map.output.key.field.separator mapreduce.map.output.key.field.separator
mapred.compress.map.output mapreduce.map.output.compress
mapred.input.dir mapreduce.input.fileinputformat.inputdir
mapred.job.id mapreduce.job.id
mapred.job.name mapreduce.job.name
mapred.linerecordreader.maxlength mapreduce.input.linerecordreader.line.maxlength
mapred.map.tasks mapreduce.job.maps
mapred.max.split.size mapreduce.input.fileinputformat.split.maxsize
mapred.min.split.size mapreduce.input.fileinputformat.split.minsize
mapred.output.compress mapreduce.output.fileoutputformat.compress
mapred.output.dir mapreduce.output.fileoutputformat.outputdir
mapred.output.key.comparator.class mapreduce.job.output.key.comparator.class
mapred.reduce.tasks mapreduce.job.reduces
mapred.task.id mapreduce.task.attempt.id
mapred.task.is.map mapreduce.task.ismap
mapred.task.partition mapreduce.task.partition
mapred.task.timeout mapreduce.task.timeout
mapred.text.key.comparator.options mapreduce.partition.keycomparator.options
mapred.text.key.partitioner.options mapreduce.partition.keypartitioner.options
mapred.textoutputformat.separator mapreduce.output.textoutputformat.separator
mapred.tip.id mapreduce.task.id";

/// Former names with the present ones.
pub(super) fn former_names() -> impl Iterator<Item = (&'static str, &'static str)> {
    FORMER_NAMES.lines().filter_map(|line| line.split_once(' '))
}

/// Options of Hadoop that mean nothing here, or are not there; and what to do.
const REFUSED: &str = "\
additionalconfspec: give settings with -D
archives: unpack it and send the directory with -files
background: run the command in the background with &
cacheArchive: unpack it and send the directory with -files
cacheFile: use -files PATH#NAME
conf: give settings with -D
dfs: name paths as they are
fs: name paths as they are
inputreader: only lines are read; -inputformat says how
io: only text goes between a command and us: lines of a key, a tab and a value
jt: use -coordinator HOST:PORT
lazyOutput: empty parts of the output are written too
libjars: Java classes do not run here
mapdebug: the error of a failed task has the end of its standard error
reducedebug: the error of a failed task has the end of its standard error";

/// A file for the working directories of tasks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shipped {
    /// Where it is.
    pub(super) path: String,
    /// What it is called there.
    pub(super) name: String,
}

/// What was told.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Whether nothing is to be run, but told how.
    pub wants_help: bool,
    /// The coordinator to run it on.
    pub coordinator: Option<String>,
    /// How many tasks at once where there is none.
    pub slots: Option<u32>,
    /// Whether nothing but errors is to be said.
    pub is_quiet: bool,
    pub(super) inputs: Vec<String>,
    pub(super) output: Option<String>,
    pub(super) mapper: Option<String>,
    pub(super) combiner: Option<String>,
    pub(super) reducer: Option<String>,
    pub(super) files: Vec<Shipped>,
    pub(super) environment: Vec<(String, String)>,
    pub(super) reduces: Option<u32>,
    pub(super) partitioner: Option<String>,
    pub(super) input_format: Option<String>,
    pub(super) settings: BTreeMap<String, String>,
    pub(super) is_verbose: bool,
}

fn pair(option: &str, text: &str) -> Result<(String, String), JobError> {
    let (name, value) = (text.split_once('='))
        .ok_or_else(|| wrong(format!("{option} {text}: it has to be NAME=VALUE")))?;
    Ok((name.trim().to_owned(), value.to_owned()))
}

fn number(option: &str, text: &str) -> Result<u32, JobError> {
    text.parse()
        .map_err(|_| wrong(format!("{option} {text}: it has to be a number")))
}

/// The last part of the name of a Java class.
pub(super) fn class(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

impl Options {
    /// What these words say.
    ///
    /// # Errors
    /// Where there is no such option, or it lacks what it needs.
    pub fn parse(words: &[String]) -> Result<Options, JobError> {
        let mut options = Options::default();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let name = word.strip_prefix("--").or_else(|| word.strip_prefix('-'));
            let Some(name) = name.filter(|name| !name.is_empty()) else {
                return Err(wrong(format!(
                    "{word:?} belongs to no option; a command of several words has to be quoted. \
                     mini-mapreduce streaming -help lists the options"
                )));
            };
            if let Some(setting) = name.strip_prefix('D').filter(|rest| rest.contains('=')) {
                options.settings.extend([pair("-D", setting)?]);
            } else if !options.flag(name) {
                let mut refused = REFUSED.lines().filter_map(|line| line.split_once(": "));
                if let Some((_, instead)) = refused.find(|(refused, _)| *refused == name) {
                    return Err(wrong(format!(
                        "{word} is an option of Hadoop's that is not there: {instead}"
                    )));
                }
                let value = words.next().map_or("", String::as_str);
                options.value(word, name, value)?;
            }
        }
        Ok(options)
    }

    /// Takes an option that has no value; false if it is none.
    fn flag(&mut self, name: &str) -> bool {
        match name {
            "h" | "help" | "info" | "usage" => self.wants_help = true,
            "verbose" | "debug" => self.is_verbose = true,
            "q" | "quiet" => self.is_quiet = true,
            _ => return false,
        }
        true
    }

    /// Takes an option with its value.
    fn value(&mut self, word: &str, name: &str, value: &str) -> Result<(), JobError> {
        let text = || {
            let is_there = !value.is_empty();
            is_there
                .then(|| value.to_owned())
                .ok_or_else(|| wrong(format!("{word} has nothing behind it")))
        };
        let list = || -> Result<Vec<String>, JobError> {
            Ok(text()?
                .split(',')
                .filter(|part| !part.is_empty())
                .map(str::to_owned)
                .collect())
        };
        match name {
            "input" => self.inputs.extend(list()?),
            "output" => self.output = Some(text()?),
            "mapper" => self.mapper = Some(text()?),
            "combiner" => self.combiner = Some(text()?),
            "reducer" => self.reducer = Some(text()?),
            "file" | "files" => {
                for file in list()? {
                    self.files.push(Shipped::parse(&file)?);
                }
            }
            "numReduceTasks" | "numreducetasks" => self.reduces = Some(number(word, value)?),
            "partitioner" => self.partitioner = Some(text()?),
            "inputformat" => self.input_format = Some(text()?),
            "outputformat" if class(value) == "TextOutputFormat" => {}
            "outputformat" => {
                return Err(wrong(format!(
                    "-outputformat {value}: output is text (TextOutputFormat)"
                )));
            }
            "cmdenv" => self.environment.push(pair(word, &text()?)?),
            "D" | "jobconf" => self.settings.extend([pair(word, &text()?)?]),
            "coordinator" => self.coordinator = Some(text()?),
            "slots" => self.slots = Some(number(word, value)?),
            _ => {
                return Err(wrong(format!(
                    "there is no option {word}; mini-mapreduce streaming -help lists what there is"
                )));
            }
        }
        Ok(())
    }

    /// The job. Paths become absolute: commands stand elsewhere, and so does a cluster.
    ///
    /// # Errors
    /// Where something is missing, or a file to be sent is not there.
    pub fn job(&self) -> Result<JobSpec, JobError> {
        let missing =
            |what: &str| wrong(format!("{what}; mini-mapreduce streaming -help tells more"));
        if self.inputs.is_empty() {
            return Err(missing("no -input is named"));
        }
        let output = self
            .output
            .as_deref()
            .ok_or_else(|| missing("no -output is named"))?;
        let mut settings = Settings(self.settings.clone());
        for (former, name) in former_names() {
            if let Some(value) = settings.get(former).map(str::to_owned) {
                settings.0.entry(name.to_owned()).or_insert(value);
            }
        }
        let reduces = match (self.reducer.as_deref(), self.reduces) {
            (Some("NONE"), _) => 0,
            (_, Some(reduces)) => reduces,
            _ => settings.parse("mapreduce.job.reduces", 1)?,
        };
        let spec = JobSpec {
            program: PROGRAM.to_owned(),
            args: self.arguments()?,
            inputs: self.inputs.clone(),
            output: output.trim_end_matches('/').to_owned(),
            reduces,
            settings,
        };
        paths::absolute(&paths::qualified(&spec, &user())?)
    }

    /// What the job's tasks have to know, in words again.
    fn arguments(&self) -> Result<Vec<String>, JobError> {
        let mut words = Vec::new();
        let mut say = |name: &str, value: &str| words.extend([name.to_owned(), value.to_owned()]);
        for (name, value) in [
            ("-mapper", &self.mapper),
            ("-combiner", &self.combiner),
            ("-reducer", &self.reducer),
            ("-partitioner", &self.partitioner),
            ("-inputformat", &self.input_format),
        ] {
            if let Some(value) = value {
                say(name, value);
            }
        }
        for file in &self.files {
            let path = absolute(&file.path)?;
            std::fs::metadata(&path).map_err(|error| wrong(format!("-file {path}: {error}")))?;
            let namesakes = self.files.iter().filter(|other| other.name == file.name);
            if namesakes.count() > 1 || file.name == "tmp" {
                let name = &file.name;
                return Err(wrong(format!(
                    "-file {path}: the name {name} is taken; use {path}#NAME"
                )));
            }
            say("-file", &format!("{path}#{}", file.name));
        }
        for (name, value) in &self.environment {
            say("-cmdenv", &format!("{name}={value}"));
        }
        if self.is_verbose {
            words.push("-verbose".to_owned());
        }
        Ok(words)
    }
}

impl Shipped {
    fn parse(text: &str) -> Result<Shipped, JobError> {
        let (path, name) = match text.rsplit_once('#') {
            Some((path, name)) => (path, Some(name)),
            None => (text, None),
        };
        let path = path.strip_prefix("file://").unwrap_or(path);
        if path.contains("://") {
            return Err(wrong(format!(
                "-file {text}: it has to be a file of this machine; copy it here first"
            )));
        }
        let base = Path::new(path).file_name().and_then(|name| name.to_str());
        match name.or(base) {
            Some(name) if !name.is_empty() && !name.contains('/') => Ok(Shipped {
                path: path.to_owned(),
                name: name.to_owned(),
            }),
            _ => Err(wrong(format!(
                "-file {text}: it has to be a PATH, or PATH#NAME with a name without /"
            ))),
        }
    }
}

/// A path from the root on; what is no local one is left as it is.
fn absolute(path: &str) -> Result<String, JobError> {
    if path.contains("://") {
        return Ok(path.to_owned());
    }
    let absolute = std::path::absolute(path);
    let text = absolute.map(|path| path.to_str().map(str::to_owned));
    match text {
        Ok(Some(path)) => Ok(path),
        Ok(None) => Err(wrong(format!(
            "the directory that {path:?} is in has a name that is no UTF-8"
        ))),
        Err(error) => Err(wrong(format!("{path:?}: {error}"))),
    }
}

/// A command's words, as Hadoop cuts them: at spaces; quotes of either kind keep spaces, and there is no way to have a quote within its own
/// kind. A quote also ends the word before it. There is no shell: `|`, `>`, `*` and `$` mean themselves.
pub(super) fn split_args(command: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), String::new(), None);
    for char in command.chars() {
        let is_end = match quote {
            Some(open) => char == open,
            None => matches!(char, ' ' | '\'' | '"'),
        };
        if !is_end {
            word.push(char);
            continue;
        }
        if !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        quote = match quote {
            None if char != ' ' => Some(char),
            _ => None,
        };
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options, JobError> {
        Options::parse(&split_args(line))
    }

    #[test]
    fn commands_are_cut_as_hadoop_cuts_them() {
        assert_eq!(
            split_args("python3  mapper.py -v "),
            ["python3", "mapper.py", "-v"]
        );
        assert_eq!(split_args("awk '{print $1}' x"), ["awk", "{print $1}", "x"]);
        assert_eq!(split_args(r#"a "b 'c' d" e"#), ["a", "b 'c' d", "e"]);
        assert_eq!(split_args("a\"b c\"d"), ["a", "b c", "d"]);
        assert_eq!(split_args("a '' b"), ["a", "b"]);
        assert_eq!(split_args("a 'b c"), ["a", "b c"]);
        assert_eq!(split_args("a\tb\\ c"), ["a\tb\\", "c"]);
        assert!(split_args("  ").is_empty());
    }

    #[test]
    fn options_come_with_one_dash_or_two_in_any_order() {
        let options = parse(
            "-D mapred.reduce.tasks=3 -files a/m.py,b/r.py#red.py -mapper 'python3 m.py' --reducer red.py -input in1 \
             -input in2,in3 -output out/ -cmdenv A=b=c -Dx.y=1 -file z -verbose --numReduceTasks 2 -outputformat \
             org.apache.hadoop.mapred.TextOutputFormat -jobconf p=q",
        );
        let options = options.unwrap();
        assert_eq!(options.inputs, ["in1", "in2", "in3"]);
        assert_eq!(options.mapper.as_deref(), Some("python3 m.py"));
        let files: Vec<(&str, &str)> = options.files.iter().map(|f| (&*f.path, &*f.name)).collect();
        assert_eq!(
            files,
            [("a/m.py", "m.py"), ("b/r.py", "red.py"), ("z", "z")]
        );
        assert_eq!(options.environment, [("A".to_owned(), "b=c".to_owned())]);
        assert_eq!(options.settings["x.y"], "1");
        assert_eq!(options.settings["p"], "q");
        assert!(options.is_verbose);
        assert_eq!(options.reduces, Some(2));
    }

    #[test]
    fn a_job_has_what_was_asked_for_and_says_it_to_its_tasks() {
        let job = |line: &str| parse(line).unwrap().job();
        let spec =
            job("-input in -output out/ -mapper cat -D mapred.reduce.tasks=3 -cmdenv A=1").unwrap();
        assert_eq!(spec.reduces, 3);
        assert_eq!(spec.settings.get("mapreduce.job.reduces"), Some("3"));
        assert!(Path::new(&spec.inputs[0]).is_absolute() && spec.output.ends_with("/out"));
        assert_eq!(spec.args, ["-mapper", "cat", "-cmdenv", "A=1"]);
        let again = Options::parse(&spec.args).unwrap();
        assert_eq!(again.arguments().unwrap(), spec.args);
        assert_eq!(
            job("-input in -output o -reducer NONE -numReduceTasks 4")
                .unwrap()
                .reduces,
            0
        );
        assert_eq!(
            job("-input hdfs://h/in -output o").unwrap().inputs,
            ["hdfs://h:8020/in"]
        );
        let error = |line: &str| job(line).unwrap_err().to_string();
        assert!(
            error("-output out").contains("no -input"),
            "{}",
            error("-output out")
        );
        assert!(error("-input in").contains("no -output"));
        assert!(error("-input a -output b -file no/such/file").contains("no/such/file: "));
        assert!(
            error("-input a -output b -D mapreduce.job.reduces=many")
                .contains("=many has to be a whole number")
        );
    }

    #[test]
    fn what_is_wrong_is_said() {
        let error = |line: &str| parse(line).unwrap_err().to_string();
        assert!(error("-maper x").contains("there is no option -maper"));
        assert!(error("-mapper python3 m.py").contains("\"m.py\" belongs to no option"));
        assert!(error("-mapper").contains("-mapper has nothing behind it"));
        assert!(error("-D x").contains("-D x: it has to be NAME=VALUE"));
        assert!(
            error("-numReduceTasks two").contains("-numReduceTasks two: it has to be a number")
        );
        assert!(error("-cacheFile x").contains("use -files PATH#NAME"));
        assert!(error("-outputformat Seq").contains("output is text"));
        assert!(error("-file hdfs://x/y").contains("copy it here first"));
        assert!(error("-file ..").contains("-file ..: it has to be a PATH"));
    }
}
