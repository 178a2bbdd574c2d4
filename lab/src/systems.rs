//! The systems that this lab can show, each behind a feature of its own: a course that hands out fewer has a lab with fewer.

use crate::system::System;

#[cfg(feature = "hdfs")]
mod hdfs;

/// All of them. The first is what a bare `lab` opens.
pub fn all() -> &'static [&'static dyn System] {
    &[
        #[cfg(feature = "hdfs")]
        &hdfs::MiniHdfs,
    ]
}
