//! In which files each word is, and how often: a line `word TAB file:count file:count …`, files in order of their names. Words
//! are in small letters, of letters and digits. Word and file make the key, so that nothing is gathered in memory: a
//! secondary sort brings a word's files in order.

use std::borrow::Cow;

use crate::job::{Emitter, JobError, JobSpec, Mapper, Record, RecordError, Reducer, Split, Values};
use crate::jobs::wordcount::Sum;
use crate::program::Job;

/// The job.
///
/// # Errors
/// None.
pub fn job(_: &JobSpec) -> Result<Job, JobError> {
    let mapper = |split: &Split| {
        Ok(Words {
            path: split.path.clone(),
            lower: String::new(),
        })
    };
    let job = Job::new(mapper, || Postings);
    Ok(job.fold(Sum).group_by_first::<String>())
}

struct Words {
    path: String,
    lower: String,
}

impl Mapper for Words {
    type Key = (String, String);
    type Value = u64;

    fn map(
        &mut self,
        record: &Record<'_>,
        out: &mut Emitter<'_, (String, String), u64>,
    ) -> Result<(), RecordError> {
        let text = String::from_utf8_lossy(record.value);
        for word in text.split(|letter: char| !letter.is_alphanumeric()) {
            if !word.is_empty() {
                self.lower.clear();
                (self.lower).extend(word.chars().flat_map(char::to_lowercase));
                out.emit((Cow::Borrowed(&self.lower), &self.path), 1)?;
            }
        }
        Ok(())
    }
}

struct Postings;

impl Reducer for Postings {
    type Key = (String, String);
    type Value = u64;
    type OutKey = String;
    type OutValue = String;

    fn reduce(
        &mut self,
        (word, _): (Cow<'_, str>, &str),
        counts: &mut Values<'_, (String, String), u64>,
        out: &mut Emitter<'_, String, String>,
    ) -> Result<(), RecordError> {
        let mut postings = String::new();
        let (mut file, mut sum) = (String::new(), 0);
        while let Some(((_, next), count)) = counts.next_pair()? {
            if next != file {
                close(&mut postings, &file, sum);
                next.clone_into(&mut file);
                sum = 0;
            }
            sum += count;
        }
        close(&mut postings, &file, sum);
        out.emit(&word, &postings)
    }
}

/// Appends a file with its count, if it has one.
fn close(postings: &mut String, file: &str, count: u64) {
    if count > 0 {
        let blank = if postings.is_empty() { "" } else { " " };
        postings.push_str(&format!("{blank}{file}:{count}"));
    }
}
