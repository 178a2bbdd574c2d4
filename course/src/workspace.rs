//! The workspace as `cargo metadata` describes it: its packages, and the layer that each belongs to.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

/// The layers, from the bottom up. A package depends on lower ones only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layer {
    /// `crates/*`: what several systems build on.
    Support,
    /// A distributed system, or a pure library beside them.
    System,
    /// `lab`, `benches`, `course`: what runs, measures and checks the systems.
    Tool,
}

/// What `lab`, `benches` and `course` are, by the name of their directory.
const TOOLS: [&str; 3] = ["lab", "benches", "course"];

/// One package of the workspace.
#[derive(Clone, Debug)]
pub(crate) struct Package {
    pub(crate) name: String,
    /// Its directory.
    pub(crate) dir: PathBuf,
    pub(crate) layer: Layer,
    pub(crate) dependencies: Vec<Dependency>,
    /// Whether others can depend on it.
    pub(crate) has_library: bool,
}

/// A dependency as a manifest lists it.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    /// None for a normal one, else `dev` or `build`.
    pub(crate) kind: Option<String>,
    /// Whether a feature must ask for it.
    pub(crate) optional: bool,
}

impl Dependency {
    /// Whether only the package's own tests use it.
    pub(crate) fn is_dev(&self) -> bool {
        self.kind.as_deref() == Some("dev")
    }
}

/// All packages, and where they are.
#[derive(Clone, Debug)]
pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
    /// Where cargo builds.
    pub(crate) target: PathBuf,
    pub(crate) packages: Vec<Package>,
}

/// The part of `cargo metadata`'s answer that is used.
#[derive(Deserialize)]
struct Metadata {
    workspace_root: PathBuf,
    target_directory: PathBuf,
    packages: Vec<MetadataPackage>,
}

#[derive(Deserialize)]
struct MetadataPackage {
    name: String,
    manifest_path: PathBuf,
    dependencies: Vec<Dependency>,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Target {
    kind: Vec<String>,
}

impl Workspace {
    /// Asks cargo for the workspace of the current directory.
    pub(crate) fn load() -> Result<Workspace> {
        let output = cargo()
            .args(["metadata", "--format-version=1", "--no-deps"])
            .output()
            .context("cannot run cargo")?;
        if !output.status.success() {
            bail!(
                "cargo metadata failed:\n{}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
        let metadata: Metadata =
            serde_json::from_slice(&output.stdout).context("cannot read cargo metadata")?;
        let root = metadata.workspace_root;
        let package = |package: MetadataPackage| -> Result<Package> {
            let dir = package
                .manifest_path
                .parent()
                .with_context(|| format!("{} has no directory", package.name))?;
            Ok(Package {
                layer: layer(dir.strip_prefix(&root).unwrap_or(dir)),
                dir: dir.to_owned(),
                name: package.name,
                dependencies: package.dependencies,
                has_library: package
                    .targets
                    .iter()
                    .any(|target| target.kind.iter().any(|kind| kind == "lib")),
            })
        };
        let packages = metadata.packages.into_iter().map(package);
        Ok(Workspace {
            packages: packages.collect::<Result<_>>()?,
            root,
            target: metadata.target_directory,
        })
    }

    /// The package of this name.
    pub(crate) fn package(&self, name: &str) -> Result<&Package> {
        let package = self.packages.iter().find(|package| package.name == name);
        package.with_context(|| format!("the workspace has no package {name:?}"))
    }

    /// The packages of a layer.
    pub(crate) fn layer(&self, layer: Layer) -> impl Iterator<Item = &Package> {
        self.packages
            .iter()
            .filter(move |package| package.layer == layer)
    }

    /// A path as a person standing in the workspace's root would write it.
    pub(crate) fn display(&self, path: &Path) -> String {
        let path = path.strip_prefix(&self.root).unwrap_or(path);
        path.to_string_lossy().replace('\\', "/")
    }
}

/// The cargo that runs us.
pub(crate) fn cargo() -> Command {
    Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

fn layer(dir: &Path) -> Layer {
    if dir.starts_with("crates") {
        Layer::Support
    } else if TOOLS.iter().any(|tool| dir.starts_with(tool)) {
        Layer::Tool
    } else {
        Layer::System
    }
}
