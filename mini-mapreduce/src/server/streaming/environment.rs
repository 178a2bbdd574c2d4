//! What a command finds in its environment: all settings of its job, and what its task is.

use std::collections::BTreeMap;

use super::options::former_names;
use super::{Running, Setup};
use crate::protocol::TaskKind;

impl Setup {
    /// Each setting under its name, with an underscore for what is no letter and no digit, as Hadoop writes it; and what the user asked for.
    pub(super) fn environment(&self, running: &Running) -> BTreeMap<String, String> {
        let mut settings = self.spec.settings.0.clone();
        settings.extend(self.of_task(running));
        for (former, name) in former_names() {
            if let Some(value) = settings.get(name).cloned() {
                settings.insert(former.to_owned(), value);
            }
        }
        let underscored = |(name, mut value): (String, String)| {
            let name = name.replace(|char: char| !char.is_ascii_alphanumeric(), "_");
            // Systems limit it, and a list of inputs may be long.
            let mut end = self.environment_max.min(value.len());
            while !value.is_char_boundary(end) {
                end -= 1;
            }
            value.truncate(end);
            // No process may have a zero in its environment.
            (name, value.replace('\0', ""))
        };
        let mut environment: BTreeMap<String, String> =
            settings.into_iter().map(underscored).collect();
        let tmp = running
            .dir
            .path()
            .join("tmp")
            .to_string_lossy()
            .into_owned();
        environment.insert("TMPDIR".to_owned(), tmp);
        environment.extend(self.options.environment.iter().cloned());
        environment
    }

    fn of_task(&self, running: &Running) -> Vec<(String, String)> {
        let (spec, attempt) = (&self.spec, running.task.attempt);
        let task = attempt.task;
        let name = spec
            .settings
            .get("mapreduce.job.name")
            .unwrap_or("streamjob");
        let mut of_task = vec![
            ("mapreduce.job.id", task.job.to_string()),
            ("mapreduce.job.name", name.to_owned()),
            ("mapreduce.job.reduces", spec.reduces.to_string()),
            ("mapreduce.task.id", task.to_string()),
            ("mapreduce.task.attempt.id", attempt.to_string()),
            ("mapreduce.task.partition", task.index.to_string()),
            (
                "mapreduce.task.ismap",
                (task.kind == TaskKind::Map).to_string(),
            ),
            (
                "mapreduce.input.fileinputformat.inputdir",
                spec.inputs.join(","),
            ),
            (
                "mapreduce.output.fileoutputformat.outputdir",
                spec.output.clone(),
            ),
        ];
        if let Some(split) = running.split.get() {
            of_task.push(("mapreduce.map.input.file", split.path.clone()));
            of_task.push(("mapreduce.map.input.start", split.offset.to_string()));
            of_task.push(("mapreduce.map.input.length", split.length.to_string()));
        }
        let commands = [
            ("stream.map.streamprocessor", &self.options.mapper),
            ("stream.combine.streamprocessor", &self.options.combiner),
            ("stream.reduce.streamprocessor", &self.options.reducer),
        ];
        for (name, command) in commands {
            of_task.extend(command.clone().map(|command| (name, command)));
        }
        (of_task.into_iter())
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    }
}
