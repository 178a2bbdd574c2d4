//! Lists the files of the page, so that all of them are parts of the program and none has to be named in its sources.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    let page = Path::new(&std::env::var("CARGO_MANIFEST_DIR")?).join("page");
    let mut files = Vec::new();
    list(&page, &mut files)?;
    files.sort();
    let mut code = String::from("&[\n");
    for file in files {
        let path = file.strip_prefix(&page)?.components();
        let path: Vec<_> = path
            .map(|part| part.as_os_str().to_string_lossy())
            .collect();
        let path = path.join("/");
        code += &format!(
            "    ({path:?}, include_bytes!({:?})),\n",
            file.display().to_string()
        );
    }
    code += "]\n";
    fs::write(Path::new(&std::env::var("OUT_DIR")?).join("page.rs"), code)?;
    println!("cargo:rerun-if-changed=build.rs");
    Ok(())
}

/// Adds what a browser may ask for below `dir`. Cargo looks at the directories for files that come and go.
fn list(dir: &Path, files: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed={}", dir.display());
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let kind = path.extension().unwrap_or_default().to_owned();
        if path.is_dir() {
            list(&path, files)?;
        } else if ["html", "css", "js", "svg"]
            .iter()
            .any(|known| kind == *known)
        {
            files.push(path);
        }
    }
    Ok(())
}
