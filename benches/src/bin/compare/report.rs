//! A table of figures, each measured several times.

use std::io::Write;

use anyhow::Result;
use serde::Serialize;

/// Figures in the order in which they were first measured.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Report {
    rows: Vec<Row>,
}

#[derive(Debug, Serialize)]
struct Row {
    what: String,
    unit: &'static str,
    values: Vec<f64>,
    median: f64,
    /// Of another row, and how it is called there.
    ratio: Option<(f64, &'static str)>,
}

impl Report {
    /// Adds a measurement.
    pub(crate) fn add(&mut self, what: &str, unit: &'static str, value: f64) {
        let known = self
            .rows
            .iter_mut()
            .find(|row| row.what == what && row.unit == unit);
        match known {
            Some(row) => {
                row.values.push(value);
                row.median = median(&row.values);
            }
            None => self.rows.push(Row {
                what: what.to_owned(),
                unit,
                values: vec![value],
                median: value,
                ratio: None,
            }),
        }
    }

    /// The median of a row, if it is there.
    pub(crate) fn median(&self, what: &str, unit: &str) -> Option<f64> {
        let row = self
            .rows
            .iter()
            .find(|row| row.what == what && row.unit == unit);
        row.map(|row| row.median)
    }

    /// What the rows are called, with their units.
    pub(crate) fn names(&self) -> Vec<(String, &'static str)> {
        let names = self.rows.iter().map(|row| (row.what.clone(), row.unit));
        names.collect()
    }

    /// Shows beside a row how many times `reference` it is, which is called `name`.
    pub(crate) fn set_ratio(&mut self, what: &str, unit: &str, reference: f64, name: &'static str) {
        if let Some(row) = self
            .rows
            .iter_mut()
            .find(|row| row.what == what && row.unit == unit)
        {
            row.ratio = Some((row.median / reference, name));
        }
    }

    /// A Markdown table.
    pub(crate) fn print(&self, out: &mut dyn Write) -> Result<()> {
        writeln!(out, "| what | | median | least to most | |")?;
        writeln!(out, "| --- | --- | ---: | --- | --- |")?;
        for row in &self.rows {
            let least = row.values.iter().copied().fold(f64::INFINITY, f64::min);
            let most = row.values.iter().copied().fold(0.0, f64::max);
            let ratio = row
                .ratio
                .map_or(String::new(), |(ratio, of)| format!("{ratio:.2} of {of}"));
            let (what, unit) = (&row.what, row.unit);
            let [median, least, most] = [row.median, least, most].map(figure);
            writeln!(
                out,
                "| {what} | {unit} | {median} | {least} to {most} | {ratio} |"
            )?;
        }
        Ok(())
    }
}

/// With as many digits as mean something.
fn figure(value: f64) -> String {
    match value {
        value if value >= 100.0 => format!("{value:.0}"),
        value if value >= 10.0 => format!("{value:.1}"),
        value => format!("{value:.2}"),
    }
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() % 2 {
        0 => f64::midpoint(sorted[middle - 1], sorted[middle]),
        _ => sorted[middle],
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn medians_and_ratios() {
        let mut report = Report::default();
        for value in [3.0, 1.0, 2.0] {
            report.add("a", "s", value);
        }
        report.add("b", "s", 8.0);
        report.add("b", "s", 4.0);
        report.set_ratio("b", "s", 2.0, "a");
        let mut out = Vec::new();
        report.print(&mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(
            text.contains("| a | s | 2.00 | 1.00 to 3.00 |  |"),
            "{text}"
        );
        assert!(
            text.contains("| b | s | 6.00 | 4.00 to 8.00 | 3.00 of a |"),
            "{text}"
        );
    }
}
