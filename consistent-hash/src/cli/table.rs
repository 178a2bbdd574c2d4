//! Tables in text: columns as wide as their widest cell, numbers at the right.

use std::io::{self, Write};

/// Writes rows under a heading. Columns whose heading begins with `<` stand at the left.
pub(crate) fn write(out: &mut dyn Write, heading: &[&str], rows: &[Vec<String>]) -> io::Result<()> {
    let names: Vec<String> = heading
        .iter()
        .map(|name| name.trim_start_matches('<').to_owned())
        .collect();
    let width = |column: usize| {
        let cells = rows
            .iter()
            .chain([&names])
            .map(|row| row[column].chars().count());
        cells.max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..heading.len()).map(width).collect();
    for row in [&names].into_iter().chain(rows) {
        let cells = row
            .iter()
            .zip(&widths)
            .zip(heading)
            .map(|((cell, width), name)| {
                if name.starts_with('<') {
                    format!("{cell:<width$}")
                } else {
                    format!("{cell:>width$}")
                }
            });
        let line = cells.collect::<Vec<_>>().join("  ");
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}
