//! One pass over the characters, which keeps count of the name that it is in.

pub fn check(path: &str) -> Result<(), FsError> {
    fn first_fault(path: &str) -> Option<&'static str> {
        let mut name = String::new();
        let mut depth = 0;
        // A closing slash, so that each name ends with one.
        for c in path.chars().skip(1).chain(['/']) {
            if c == ':' || c.is_control() {
                return Some("a name holds no colon and no control character");
            }
            if c != '/' {
                name.push(c);
                continue;
            }
            depth += 1;
            if ["", ".", ".."].contains(&name.as_str()) || name.len() > COMPONENT_LEN_MAX {
                return Some("a name is empty, too long, or has a meaning of its own");
            }
            name.clear();
        }
        (depth > PATH_DEPTH_MAX).then_some("too many names")
    }
    let fault = match path {
        "/" => None,
        _ if !path.starts_with('/') => Some("it is not absolute"),
        _ if path.len() > PATH_LEN_MAX => Some("it is too long"),
        _ => first_fault(path),
    };
    fault.map_or(Ok(()), |reason| {
        Err(FsError::InvalidPath {
            path: path.to_owned(),
            reason: reason.to_owned(),
        })
    })
}
