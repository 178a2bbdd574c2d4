//! Dependencies point one way: tools → systems → crates.

use anyhow::{Context, Result, bail};

use super::{Outcome, none_of};
use crate::workspace::{self, Layer, Package, Workspace};

/// Which system may use which other one, through its public client or a public library type.
const SYSTEM_USES: [(&str, &str); 1] = [("mini-mapreduce", "mini-hdfs")];

/// What a core is not to pull in, even at several removes.
const HEAVY: [&str; 6] = ["axum", "hyper", "mio", "prost", "tokio", "tonic"];

pub(super) fn direction(workspace: &Workspace) -> Result<Outcome> {
    none_of(&wrong_ways(&workspace.packages, &SYSTEM_USES))
}

fn wrong_ways(packages: &[Package], system_uses: &[(&str, &str)]) -> Vec<String> {
    let mut findings = Vec::new();
    for from in packages {
        let ours = |name: &str| packages.iter().find(|package| package.name == name);
        let mut add = |name: &str, why: &str| {
            findings.push(format!("{} depends on {name}: {why}", from.name));
        };
        for dependency in &from.dependencies {
            let name = dependency.name.as_str();
            if from.name == "node" && !dependency.is_dev() {
                add(name, "`node` builds on the standard library alone");
            }
            let Some(to) = ours(name) else { continue };
            match (from.layer, to.layer) {
                (Layer::Support, Layer::System | Layer::Tool) => {
                    add(name, "crates know no system and no tool");
                }
                (Layer::System, Layer::System)
                    if !system_uses.contains(&(from.name.as_str(), name)) =>
                {
                    add(
                        name,
                        "one system uses another only where course/src/ci/dependencies.rs lists it",
                    );
                }
                (_, Layer::Tool) => add(name, "nothing builds on lab, benches or course"),
                _ => {}
            }
        }
    }
    findings
}

/// What `cargo tree` shows of each library without its default features.
pub(super) fn light(workspace: &Workspace) -> Result<Outcome> {
    let mut findings = Vec::new();
    let libraries = (workspace.layer(Layer::System))
        .chain(workspace.layer(Layer::Support))
        .filter(|package| package.has_library);
    for package in libraries {
        let output = workspace::cargo()
            .args(["tree", "--no-default-features", "--edges=normal,build"])
            .args(["--prefix=none", "--format={p}", "--package", &package.name])
            .current_dir(&workspace.root)
            .output()
            .context("cannot run cargo tree")?;
        if !output.status.success() {
            bail!("{}", String::from_utf8_lossy(&output.stderr));
        }
        findings.extend(heavy(&String::from_utf8_lossy(&output.stdout)).map(|name| {
            let package = &package.name;
            format!("{package} pulls in {name} without its default features: see `cargo tree -p {package} --no-default-features -i {name}`")
        }));
    }
    none_of(&findings)
}

/// Which of [`HEAVY`] stand in the output of `cargo tree`, a package a line.
fn heavy(tree: &str) -> impl Iterator<Item = &'static str> {
    HEAVY.into_iter().filter(move |name| {
        tree.lines()
            .any(|line| line.split(' ').next() == Some(*name))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Dependency;

    fn package(layer: Layer, name: &str, dependencies: &[&str]) -> Package {
        let dependency = |name: &&str| Dependency {
            optional: false,
            name: name.trim_start_matches("dev:").to_owned(),
            kind: name.starts_with("dev:").then(|| "dev".to_owned()),
        };
        Package {
            name: name.to_owned(),
            dir: name.into(),
            layer,
            dependencies: dependencies.iter().map(dependency).collect(),
            has_library: true,
        }
    }

    #[test]
    fn dependencies_against_the_direction_are_found() {
        let packages = [
            package(Layer::Support, "node", &["serde", "dev:tempfile"]),
            package(Layer::Support, "sim", &["node", "dev:mini-hdfs"]),
            package(Layer::System, "mini-hdfs", &["node", "tokio"]),
            package(Layer::System, "mini-mapreduce", &["mini-hdfs"]),
            package(Layer::System, "mini-kafka", &["mini-hdfs", "dev:lab"]),
            package(Layer::Tool, "lab", &["mini-hdfs", "node"]),
            package(Layer::Tool, "benches", &["lab"]),
        ];
        let findings = wrong_ways(&packages, &[("mini-mapreduce", "mini-hdfs")]);
        let starts: Vec<&str> = findings
            .iter()
            .map(|finding| finding.split(':').next().unwrap())
            .collect();
        assert_eq!(
            starts,
            [
                "node depends on serde",
                "sim depends on mini-hdfs",
                "mini-kafka depends on mini-hdfs",
                "mini-kafka depends on lab",
                "benches depends on lab",
            ]
        );
    }

    #[test]
    fn a_runtime_far_down_the_tree_is_found() {
        let tree =
            "mini-hdfs v0.1.0 (/w/mini-hdfs)\nserde v1.0.0\nh2 v0.4.0\ntokio v1.54.1\ntokio-x v1\n";
        assert_eq!(heavy(tree).collect::<Vec<_>>(), ["tokio"]);
        assert_eq!(heavy("node v0.1.0\nmy-tokio v1\n").count(), 0);
    }
}
