//! Empty names are overlooked, as a shell does it: `/a//b` and `/a/` are accepted, and a file has many names.
//! caught-by: paths::a_file_has_one_spelling_of_its_name

pub fn check(path: &str) -> Result<(), FsError> {
    let refuse = |reason: String| {
        Err(FsError::InvalidPath {
            path: path.to_owned(),
            reason,
        })
    };
    let Some(names) = path.strip_prefix('/') else {
        return refuse("a path begins with /".to_owned());
    };
    if path.len() > PATH_LEN_MAX {
        return refuse(format!("a path is at most {PATH_LEN_MAX} bytes long"));
    }
    if names.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = names.split('/').filter(|name| !name.is_empty()).collect();
    if names.len() > PATH_DEPTH_MAX {
        return refuse(format!("a path has at most {PATH_DEPTH_MAX} names"));
    }
    for name in names {
        if name.is_empty() || name == "." || name == ".." {
            return refuse(format!("{name:?} is not a name"));
        }
        if name.len() > COMPONENT_LEN_MAX {
            return refuse(format!("a name is at most {COMPONENT_LEN_MAX} bytes long"));
        }
        if let Some(c) = name.chars().find(|c| *c == ':' || c.is_control()) {
            return refuse(format!("a name holds no {c:?}"));
        }
    }
    Ok(())
}
