//! Only the control characters of ASCII are refused: a line break such as U+0085 gets into listings and logs.
//! caught-by: paths::a_name_holds_no_colon_and_no_control_character

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
    let names: Vec<&str> = names.split('/').collect();
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
        if let Some(c) = name.chars().find(|c| *c == ':' || c.is_ascii_control()) {
            return refuse(format!("a name holds no {c:?}"));
        }
    }
    Ok(())
}
