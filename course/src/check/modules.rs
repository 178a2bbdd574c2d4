//! A variant that stands for a whole file, as a module beside that file.
//!
//! Where all that is marked there are free functions, the one of the variant can be called from the arm of a `match` as well as
//! copied into it, and needs no build of its own.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::source::{Body, SourceFile};
use crate::variants::{Variant, shown};

/// The name of the module that a variant becomes, by its place in the list.
pub(super) fn name(index: usize) -> String {
    format!("faultline_variant_{index}")
}

/// Whether the exercise's marks are all on free functions of the file that the variant stands for.
pub(super) fn can_be_one(variant: &Variant, files: &[SourceFile]) -> bool {
    let Some(replaces) = &variant.replaces else {
        return false;
    };
    let is_root = |name: &str| ["lib.rs", "main.rs", "mod.rs"].contains(&name);
    let name = replaces.file_name().unwrap_or_default().to_string_lossy();
    let mut bodies = files
        .iter()
        .flat_map(|file| file.bodies.iter().map(move |body| (file, body)));
    !is_root(&name)
        && bodies.all(|(file, body)| {
            body.id != variant.id || (file.path.ends_with(replaces) && !body.name.contains("::"))
        })
}

/// The arm of a body that calls the variant's function.
pub(super) fn call(index: usize, body: &Body) -> String {
    format!(
        "super::{}::{}({})\n",
        name(index),
        body.name,
        body.params.join(", ")
    )
}

/// The file, from the workspace's root, that declares the module of `file`.
pub(super) fn parent(root: &Path, file: &Path) -> Result<PathBuf> {
    let dir = file
        .parent()
        .with_context(|| format!("{} has no directory", shown(file)))?;
    let candidates = [
        dir.with_extension("rs"),
        dir.join("mod.rs"),
        dir.join("lib.rs"),
        dir.join("main.rs"),
    ];
    let found = candidates
        .into_iter()
        .find(|file| fs::exists(root.join(file)).unwrap_or(false));
    found.with_context(|| format!("nothing declares the module of {}", shown(file)))
}

/// The parent's text, with the variant's module declared as that of `file` is.
pub(super) fn declare(text: &str, file: &Path, index: usize) -> Result<String> {
    let module = file.file_stem().unwrap_or_default().to_string_lossy();
    let declaration = format!("mod {module};");
    let line = text.lines().find(|line| {
        line.strip_suffix(&declaration)
            .is_some_and(|visibility| visibility.is_empty() || visibility.starts_with("pub"))
    });
    let line = line
        .with_context(|| format!("no `{declaration}` stands in the parent of {}", shown(file)))?;
    let own = line.replace(&declaration, &format!("mod {};", name(index)));
    Ok(format!("{text}\n{own}\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_is_declared_as_that_of_the_file_is() {
        let text = "//! Parent.\n\npub mod manager;\nmod other;\n";
        let file = Path::new("tiny/src/capstone/manager.rs");
        let declared = declare(text, file, 3).unwrap();
        assert_eq!(declared, format!("{text}\npub mod faultline_variant_3;\n"));
        let error = declare("mod manager {}\n", file, 3).unwrap_err();
        assert!(error.to_string().contains("no `mod manager;`"), "{error}");
    }

    #[test]
    fn free_functions_alone_come_along_in_a_module() {
        let source = |name: &str, code: &str| SourceFile::parse(Path::new(name), code).unwrap();
        let marked = "fn f() -> u8 {\n    // EXERCISE(tiny/least): it.\n    1\n}\n";
        let variant = |replaces: Option<&str>| Variant {
            kind: crate::variants::Kind::Wrong,
            name: "wrong/x".to_owned(),
            id: "tiny/least".to_owned(),
            path: PathBuf::new(),
            text: String::new(),
            about: String::new(),
            caught_by: Vec::new(),
            replaces: replaces.map(PathBuf::from),
            functions: Vec::new(),
            helpers: Vec::new(),
        };
        let own = [source("tiny/src/a.rs", marked)];
        assert!(can_be_one(&variant(Some("src/a.rs")), &own));
        assert!(!can_be_one(&variant(None), &own));
        assert!(!can_be_one(&variant(Some("src/b.rs")), &own));
        let method = [source("tiny/src/a.rs", &format!("impl A {{\n{marked}}}\n"))];
        assert!(!can_be_one(&variant(Some("src/a.rs")), &method));
        let root = [source("tiny/src/lib.rs", marked)];
        assert!(!can_be_one(&variant(Some("src/lib.rs")), &root));
    }
}
