//! A whole job on one thread, in memory.

use std::io::Cursor;

use mini_mapreduce::counters::Counters;
use mini_mapreduce::input::splits;
use mini_mapreduce::job::{JobSpec, Settings};
use mini_mapreduce::map_output::SpillSettings;
use mini_mapreduce::memory::{MemoryFiles, MemoryScratch, NoProgress};
use mini_mapreduce::program::Program;
use mini_mapreduce::segment::Compression;
use mini_mapreduce::task::{
    Progress, SegmentSource, TaskError, run_map_only, run_map_with, run_reduce,
};

/// A job on the file `in` of blocks of so many bytes.
pub(crate) struct Bench {
    pub(crate) spec: JobSpec,
    pub(crate) files: MemoryFiles,
    pub(crate) spill: SpillSettings,
}

impl Bench {
    pub(crate) fn new(program: &str, args: &[&str], reduces: u32, block: u64) -> Bench {
        Bench {
            spec: JobSpec {
                program: program.to_owned(),
                args: args.iter().map(|arg| (*arg).to_owned()).collect(),
                inputs: vec!["in".to_owned()],
                output: "out".to_owned(),
                reduces,
                settings: Settings::default(),
            },
            files: MemoryFiles::new(block),
            spill: SpillSettings {
                buffer_bytes: 1 << 20,
                factor: 100,
                compression: Compression::Lz4,
                check: true,
            },
        }
    }

    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.spec
            .settings
            .0
            .insert(name.to_owned(), value.to_owned());
    }

    /// The output, a file for each task that writes one, and the counters of all tasks.
    pub(crate) fn run(&self, program: &dyn Program) -> Result<(Vec<Vec<u8>>, Counters), TaskError> {
        self.run_watched(program, &NoProgress)
    }

    /// As `run`, and `progress` hears of it.
    pub(crate) fn run_watched(
        &self,
        program: &dyn Program,
        progress: &dyn Progress,
    ) -> Result<(Vec<Vec<u8>>, Counters), TaskError> {
        let splits = splits(program.input(), &self.spec, &self.files)?;
        let mut counters = Counters::default();
        let mut outputs = Vec::new();
        if self.spec.reduces == 0 {
            for split in &splits {
                let mut out = Vec::new();
                let files = &self.files;
                counters.merge(&run_map_only(
                    program, &self.spec, split, files, &mut out, progress,
                )?);
                outputs.push(out);
            }
            return Ok((outputs, counters));
        }
        let mut maps = Vec::new();
        for split in &splits {
            let scratch = MemoryScratch::default();
            let output = run_map_with(
                program,
                &self.spec,
                self.spill,
                split,
                &self.files,
                &scratch,
                progress,
            )?;
            assert_eq!(
                scratch.names(),
                [output.file.as_str()],
                "only the output is left"
            );
            counters.merge(&output.counters);
            maps.push((scratch, output));
        }
        let mut spec = self.spec.clone();
        let factor = self.spill.factor.to_string();
        spec.settings
            .0
            .insert("mapreduce.task.io.sort.factor".to_owned(), factor);
        for partition in 0..spec.reduces {
            let source = |(map, (scratch, output)): (usize, &(MemoryScratch, _))| {
                let output: &mini_mapreduce::task::MapOutput = output;
                let range = output.segments[partition as usize];
                let (scratch, file) = (scratch.clone(), output.file.clone());
                SegmentSource {
                    map: map.to_string(),
                    records: range.records,
                    open: Box::new(move || {
                        let bytes = scratch.read(&file, range.offset)?;
                        let length = usize::try_from(range.length).unwrap();
                        Ok(Box::new(Cursor::new(bytes[..length].to_vec())))
                    }),
                }
            };
            let sources = maps.iter().enumerate().map(source).collect();
            let (scratch, mut out) = (MemoryScratch::default(), Vec::new());
            let counted = run_reduce(
                program, &spec, partition, sources, &scratch, &mut out, progress,
            )?;
            counters.merge(&counted);
            outputs.push(out);
        }
        Ok((outputs, counters))
    }
}

/// Runs a job of [`jobs`](mini_mapreduce::jobs) by its name, with all of its steps; what the last one leaves is the output.
pub(crate) fn run_steps(
    program: &str,
    args: &[&str],
    inputs: &[(&str, &[u8])],
    reduces: u32,
    block: u64,
) -> Result<(Vec<Vec<u8>>, Counters), TaskError> {
    let mut bench = Bench::new(program, args, reduces, block);
    bench.spill.check = false;
    for (path, bytes) in inputs {
        bench.files.put(path, bytes);
    }
    bench.spec.inputs = inputs.iter().map(|(path, _)| (*path).to_owned()).collect();
    let mut last = (Vec::new(), Counters::default());
    for mut spec in mini_mapreduce::jobs::steps(&bench.spec)? {
        mini_mapreduce::jobs::prepare(&mut spec, &bench.files)?;
        let program = mini_mapreduce::jobs::program(&spec)?;
        let output = spec.output.clone();
        bench.spec = spec;
        last = bench.run(&*program)?;
        for (number, part) in (0..).zip(&last.0) {
            let name = mini_mapreduce::output::part_name(false, number);
            bench.files.put(&format!("{output}/{name}"), part);
        }
    }
    Ok(last)
}
