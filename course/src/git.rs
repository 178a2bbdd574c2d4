//! The git of the machine, told to do one thing at a time, whatever the user's configuration would add to it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result, bail};

/// A repository's directory.
#[derive(Clone, Debug)]
pub(crate) struct Git {
    dir: PathBuf,
}

impl Git {
    pub(crate) fn new(dir: &Path) -> Git {
        Git {
            dir: dir.to_owned(),
        }
    }

    /// Runs git, and returns what it printed, without the last newline.
    ///
    /// # Errors
    /// When git is not there, or fails; with what it said.
    pub(crate) fn run(&self, args: &[&str]) -> Result<String> {
        let output = self.output(args)?;
        if !output.status.success() {
            let said = [output.stderr, output.stdout].concat();
            bail!(
                "`git {}` failed in {}:\n{}",
                args.join(" "),
                self.dir.display(),
                String::from_utf8_lossy(&said).trim_end()
            );
        }
        Ok(String::from_utf8_lossy(&output.stdout)
            .trim_end_matches('\n')
            .to_owned())
    }

    /// Whether git succeeds.
    pub(crate) fn succeeds(&self, args: &[&str]) -> Result<bool> {
        Ok(self.output(args)?.status.success())
    }

    fn output(&self, args: &[&str]) -> Result<Output> {
        let mut command = Command::new("git");
        command.args(["-c", "commit.gpgsign=false", "-c", "core.hooksPath="]);
        for (key, value) in [
            ("user.name", "Faultline"),
            ("user.email", "faultline@localhost"),
        ] {
            if !self.is_configured(key)? {
                command.args(["-c", &format!("{key}={value}")]);
            }
        }
        self.clean(&mut command).args(args);
        command.output().context("cannot run git; is it installed?")
    }

    fn is_configured(&self, key: &str) -> Result<bool> {
        let mut command = Command::new("git");
        self.clean(&mut command).args(["config", key]);
        let status = (command.stdout(Stdio::null()).stderr(Stdio::null())).status();
        Ok(status
            .context("cannot run git; is it installed?")?
            .success())
    }

    /// In the directory, and nowhere else, even when a git hook runs us.
    fn clean<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        for variable in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"] {
            command.env_remove(variable);
        }
        command.current_dir(&self.dir).stdin(Stdio::null())
    }
}
