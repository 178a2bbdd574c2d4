//! `cargo course export`: submissions as JPlag wants them, to find who copied from whom.
//!
//! Every student begins from the stubs, so those are the base code, which does not count. The suspects are what might be
//! copied from: the reference's solution, and the wrong and right ones that stand beside it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::catalogue::Catalogue;
use crate::grade::{AnswerKey, Found, Submission};
use crate::source::{self, SourceFile};
use crate::tree::Tree;
use crate::variants::{self, Variant};
use crate::workspace::Workspace;

/// What to export, and where to.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The directory to make; it must not exist, or be empty
    dir: PathBuf,
    /// A student's workspace, some files of it, or a zip archive of either
    #[arg(value_name = "SUBMISSION", required = true)]
    submissions: Vec<PathBuf>,
    /// Export the exercises of this crate alone; may be given several times
    #[arg(long, value_name = "CRATE", value_delimiter = ',')]
    only: Vec<String>,
}

/// Writes the directory.
pub(crate) fn run(args: &Args, workspace: &Workspace) -> Result<()> {
    let shown = args.dir.display();
    let is_free = fs::read_dir(&args.dir).map_or(true, |mut entries| entries.next().is_none());
    ensure!(is_free, "{shown} is not empty; choose another name");
    let key = AnswerKey::load(workspace, &args.only, false)?;
    let mut tree = Tree::default();
    for (path, stub) in key.files() {
        tree.insert(Path::new("base").join(path), stub.as_str());
    }
    add_submissions(&mut tree, &args.submissions, &key)?;
    let catalogue = Catalogue::load(&workspace.root)?;
    for krate in &key.crates {
        add_suspects(&mut tree, workspace, &catalogue, &krate.name)?;
    }
    tree.insert("README.md", include_str!("export/README.md"));
    tree.write(&args.dir)?;
    eprintln!("{shown}/README.md says how to run JPlag on it.");
    Ok(())
}

fn add_submissions(tree: &mut Tree, submissions: &[PathBuf], key: &AnswerKey) -> Result<()> {
    let wanted: Vec<&Path> = key.files().map(|(path, _)| path.as_path()).collect();
    let mut names = BTreeSet::new();
    for path in submissions {
        let submission = Submission::open(path, &wanted)?;
        let name = submission.name.clone();
        ensure!(
            names.insert(name.clone()),
            "two submissions are called {name}; rename one"
        );
        for wanted in &wanted {
            // What does not differ from the base code says nothing, but a directory has to be there.
            if let Found::Contents(contents) = submission.get(wanted)? {
                tree.insert(Path::new("submissions").join(&name).join(wanted), contents);
            }
        }
    }
    Ok(())
}

fn add_suspects(
    tree: &mut Tree,
    workspace: &Workspace,
    catalogue: &Catalogue,
    krate: &str,
) -> Result<()> {
    let package = workspace.package(krate)?;
    let files = source::marked_files(&workspace.root, &package.dir)?;
    for file in &files {
        let solved = file.stubbed(&|_| false)?;
        tree.insert(Path::new("suspects/reference").join(&file.path), solved);
    }
    let dir = package
        .dir
        .strip_prefix(&workspace.root)
        .context("a package outside of the workspace")?;
    let (variants, _) = variants::load(&workspace.root, krate, catalogue, &files)?;
    for variant in &variants {
        let stem = variant
            .path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy();
        let suspect = format!("{krate}-{}-{stem}", variant.kind.name());
        let suspect = Path::new("suspects").join(suspect);
        if let Some(replaced) = &variant.replaces {
            tree.insert(suspect.join(dir).join(replaced), variant.text.as_str());
        }
        for file in files
            .iter()
            .filter(|file| file.ids().contains(&variant.id.as_str()))
        {
            if variant.replaces.is_none() {
                tree.insert(suspect.join(&file.path), laid_into(variant, file));
            }
        }
    }
    Ok(())
}

/// The file with the bodies of a variant in place of the reference's; those of other exercises are left empty.
fn laid_into(variant: &Variant, file: &SourceFile) -> String {
    let mut text = file.text.clone();
    for body in file.bodies.iter().rev() {
        let function = variant
            .functions
            .iter()
            .find(|function| function.name == body.name);
        let replacement = if body.id != variant.id {
            " todo!() ".to_owned()
        } else if let Some(function) = function {
            let helpers = variant.helpers_of(function).into_iter();
            let helpers: Vec<&str> = helpers
                .map(|helper| &variant.text[helper.range.clone()])
                .collect();
            format!(
                "\n{}{}",
                helpers.join("\n"),
                &variant.text[function.inner.clone()]
            )
        } else {
            continue;
        };
        text.replace_range(body.inner.clone(), &replacement);
    }
    text
}
