//! `cargo course gradescope-zip`: what an instructor uploads as the autograder of a Gradescope assignment.
//!
//! Gradescope unpacks it into a container, runs `setup.sh` once, with the network, and then, for each submission,
//! `run_autograder` without. So the setup installs Rust, downloads and builds everything that submissions share, and
//! proves the result by grading the reference; a run compiles the student's crate and nothing else.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use zip::write::SimpleFileOptions;

use crate::grade::AnswerKey;
use crate::tree::Tree;
use crate::workspace::Workspace;

const SETUP: &str = include_str!("gradescope_zip/setup.sh");
const RUN: &str = include_str!("gradescope_zip/run_autograder");

/// What to pack.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The archive to write
    #[arg(long, value_name = "FILE", default_value = "gradescope.zip")]
    out: PathBuf,
    /// Grade the exercises of this crate alone; may be given several times
    #[arg(long, value_name = "CRATE", value_delimiter = ',')]
    only: Vec<String>,
    /// Run tests with random inputs with N more of them
    #[arg(long, value_name = "N", default_value_t = 0)]
    seeds: u32,
    /// Leave out the exercises that are graded with real processes, which take longest
    #[arg(long)]
    no_processes: bool,
}

/// Writes the archive.
pub(crate) fn run(args: &Args, workspace: &Workspace) -> Result<()> {
    pack(args, workspace)?;
    eprintln!(
        "{} holds the autograder. In Gradescope: Configure Autograder, upload it, base image Ubuntu 22.04, container \
         specifications of 1 CPU and 1.5 GB or more, and a time limit of 20 minutes.",
        args.out.display()
    );
    Ok(())
}

/// What grades the exercises of a crate alone, without real processes.
pub(crate) fn pack_crate(krate: &str, out: &Path, workspace: &Workspace) -> Result<()> {
    let args = Args {
        out: out.to_owned(),
        only: vec![krate.to_owned()],
        seeds: 0,
        no_processes: true,
    };
    pack(&args, workspace)
}

fn pack(args: &Args, workspace: &Workspace) -> Result<()> {
    let key = AnswerKey::load(workspace, &args.only, !args.no_processes)?;
    let crates: Vec<&str> = key.crates.iter().map(|krate| krate.name.as_str()).collect();
    // All of it: what a student was handed out is made from it again, to tell what he changed.
    let mut tree = Tree::load(&workspace.root)?;
    tree.insert("rust-toolchain.toml", toolchain()?);

    let mut options = vec![
        "--only".to_owned(),
        crates.join(","),
        "--seeds".to_owned(),
        args.seeds.to_string(),
    ];
    options.extend(args.no_processes.then(|| "--no-processes".to_owned()));
    let script = |text: &str| text.replace("@OPTIONS@", &options.join(" "));

    let failed = || format!("cannot write {}", args.out.display());
    let mut archive = Archive(zip::ZipWriter::new(
        File::create(&args.out).with_context(failed)?,
    ));
    archive
        .add("setup.sh", script(SETUP).as_bytes(), 0o755)
        .with_context(failed)?;
    archive
        .add("run_autograder", script(RUN).as_bytes(), 0o755)
        .with_context(failed)?;
    for (path, contents) in tree.iter() {
        let path = format!("workspace/{}", path.to_string_lossy().replace('\\', "/"));
        archive.add(&path, contents, 0o644).with_context(failed)?;
    }
    archive.0.finish().with_context(failed)?;
    Ok(())
}

/// The compiler of this machine, which the tests are known to pass with.
fn toolchain() -> Result<String> {
    let output = Command::new("rustc")
        .arg("--version")
        .output()
        .context("cannot run rustc")?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let version = said.split(' ').nth(1);
    let version = version.with_context(|| format!("rustc --version says {said:?}"))?;
    Ok(format!(
        "[toolchain]\nchannel = \"{version}\"\nprofile = \"minimal\"\ncomponents = [\"rustfmt\"]\n"
    ))
}

struct Archive(zip::ZipWriter<File>);

impl Archive {
    fn add(&mut self, path: &str, contents: &[u8], mode: u32) -> Result<()> {
        self.0
            .start_file(path, SimpleFileOptions::default().unix_permissions(mode))?;
        Ok(self.0.write_all(contents)?)
    }
}

/// Unpacks an archive of ours as Gradescope does: everything into `<root>/source`, `run_autograder` beside it.
pub(crate) fn unpack(archive: &Path, root: &Path) -> Result<()> {
    let mut archive = zip::ZipArchive::new(File::open(archive)?)?;
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index)?;
        let path = entry
            .enclosed_name()
            .context("an entry outside of the archive")?;
        let file = root.join("source").join(path);
        fs::create_dir_all(file.parent().unwrap_or(root))?;
        let mut contents = Vec::new();
        entry.read_to_end(&mut contents)?;
        fs::write(file, contents)?;
    }
    let script = root.join("source/run_autograder");
    ensure!(script.exists(), "the archive has no run_autograder");
    fs::copy(script, root.join("run_autograder"))?;
    Ok(())
}
