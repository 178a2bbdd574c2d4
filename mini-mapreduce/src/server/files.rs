//! Input from local files.

use std::fs;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;

use crate::input::{File, Files, is_compressed};

/// Local files: a path, a directory or a glob.
#[derive(Clone, Copy, Debug)]
pub struct LocalFiles;

/// Hadoop's block size for local files, in bytes.
const BLOCK_BYTES: u64 = 32 << 20;

impl Files for LocalFiles {
    fn list(&self, path: &str) -> io::Result<Vec<File>> {
        let is_glob = path.contains(['*', '?', '[']) && !Path::new(path).exists();
        let mut roots = Vec::new();
        if is_glob {
            let found = glob::glob(path).map_err(io::Error::other)?;
            for path in found {
                roots.push(path.map_err(io::Error::other)?);
            }
        } else {
            roots.push(PathBuf::from(path));
        }
        let mut files = Vec::new();
        for root in roots {
            if fs::metadata(&root)?.is_dir() {
                let children: io::Result<Vec<_>> = fs::read_dir(&root)?.collect();
                let mut children: Vec<PathBuf> =
                    children?.into_iter().map(|child| child.path()).collect();
                children.sort_unstable();
                for child in children.iter().filter(|child| !is_hidden(child)) {
                    files.push(file(child)?);
                }
            } else {
                files.push(file(&root)?);
            }
        }
        Ok(files)
    }

    fn open(&self, path: &str, offset: u64) -> io::Result<Box<dyn Read + Send>> {
        let mut file = fs::File::open(path)?;
        if is_compressed(path) {
            return Ok(Box::new(MultiGzDecoder::new(io::BufReader::new(file))));
        }
        if offset > 0 {
            file.seek(SeekFrom::Start(offset))?;
        }
        Ok(Box::new(file))
    }
}

/// What jobs leave beside their output, and what is hidden, is no input.
fn is_hidden(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with(['_', '.'])
}

fn file(path: &Path) -> io::Result<File> {
    let shown = path.display();
    let metadata = fs::metadata(path)?;
    if metadata.is_dir() {
        return Err(io::Error::other(format!(
            "{shown} is a directory within a directory; name it as an input of its own, or use a glob"
        )));
    }
    let Some(name) = path.to_str() else {
        return Err(io::Error::other(format!("the name {shown} is no UTF-8")));
    };
    Ok(File {
        path: name.to_owned(),
        length: metadata.len(),
        block: BLOCK_BYTES,
        blocks: Vec::new(),
    })
}
