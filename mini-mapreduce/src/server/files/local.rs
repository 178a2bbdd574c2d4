//! Local files.

use std::fs;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::{
    FileSystem, FileWriter, Layout, is_hidden, is_pattern, nested, uncompressed, unless_missing,
};
use crate::input::{File, Files, is_compressed};

/// Local files: a path, a directory or a glob.
#[derive(Clone, Copy, Debug)]
pub struct LocalFiles;

/// Hadoop's block size for local files, in bytes.
const BLOCK_BYTES: u64 = 32 << 20;

/// How often it is tried to remove a directory that is still written to.
const REMOVALS_MAX: u32 = 1_000;

impl Files for LocalFiles {
    fn list(&self, path: &str) -> io::Result<Vec<File>> {
        let mut roots = Vec::new();
        if is_pattern(path) && !Path::new(path).exists() {
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
                let name = |child: &Path| -> String {
                    let name = child.file_name().unwrap_or_default();
                    name.to_string_lossy().into_owned()
                };
                for child in children.iter().filter(|child| !is_hidden(&name(child))) {
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
        if offset > 0 && !is_compressed(path) {
            file.seek(SeekFrom::Start(offset))?;
        }
        Ok(uncompressed(path, file))
    }
}

fn file(path: &Path) -> io::Result<File> {
    let shown = path.display();
    let metadata = fs::metadata(path)?;
    if metadata.is_dir() {
        return Err(nested(&shown.to_string()));
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

impl FileSystem for LocalFiles {
    fn create_new_dir(&self, dir: &str) -> io::Result<()> {
        let parent = Path::new(dir).parent();
        let parent = parent.filter(|parent| !parent.as_os_str().is_empty());
        if let Some(parent) = parent {
            fs::create_dir_all(parent)?;
        }
        fs::create_dir(dir)?;
        parent.map_or(Ok(()), |parent| fs::File::open(parent)?.sync_all())
    }

    fn create_dir(&self, dir: &str) -> io::Result<()> {
        match fs::create_dir(dir) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            made => made,
        }
    }

    fn create(&self, path: &str, _: Layout) -> io::Result<Box<dyn FileWriter>> {
        Ok(Box::new(fs::File::create(path)?))
    }

    fn exists(&self, path: &str) -> io::Result<bool> {
        match fs::symlink_metadata(path) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove_all(&self, path: &str) -> io::Result<()> {
        if fs::symlink_metadata(path).is_ok_and(|file| !file.is_dir()) {
            return unless_missing(fs::remove_file(path));
        }
        for _ in 0..REMOVALS_MAX {
            match unless_missing(fs::remove_dir_all(path)) {
                // Somebody, such as a late attempt, has put something there meanwhile.
                Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {}
                removed => return removed,
            }
        }
        Err(io::Error::other(format!(
            "{path} cannot be removed: it is written to again and again"
        )))
    }

    fn remove_dir(&self, dir: &str) -> io::Result<()> {
        unless_missing(fs::remove_dir(dir))
    }

    fn entries(&self, dir: &str) -> io::Result<Vec<(String, bool)>> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(dir)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            entries.push((name, entry.file_type()?.is_dir()));
        }
        Ok(entries)
    }

    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        fs::File::open(dir)?.sync_all()
    }
}

impl FileWriter for fs::File {
    fn close(self: Box<Self>) -> io::Result<()> {
        self.sync_all()
    }
}
