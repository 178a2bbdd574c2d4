//! PageRank (Brin and Page, 1998), a job for each round. A page's rank is 1 - d, and d times what the pages that link to it
//! give: each gives its own rank, in equal parts, to those it links to. With the paper's formula ranks are 1 on average; what a
//! page without links holds is given to nobody.
//!
//! Between rounds a line is `page TAB rank TAB link link …`. The first job makes such lines of `page TAB link link …`, with pages
//! that are only linked to; at the end [`top`](crate::jobs::top) sorts.

use crate::input::{InputFormat, key_and_value};
use crate::job::{
    Combiner, Emitter, JobError, JobSpec, Mapper, Record, RecordError, Reducer, Values,
};
use crate::program::Job;

/// How much of its rank a page gives away: the paper's d.
const DAMPING: f64 = 0.85;

/// The first job: every page, with a rank of 1, and its links.
///
/// # Errors
/// None.
pub fn links(_: &JobSpec) -> Result<Job, JobError> {
    Ok(Job::new(|_| Ok(Pages), || Links).input(InputFormat::KeyValue))
}

/// The job of a round.
///
/// # Errors
/// None.
pub fn round(_: &JobSpec) -> Result<Job, JobError> {
    let job = Job::new(|_| Ok(Give), || Take).combiner(|| Gather);
    Ok(job.input(InputFormat::KeyValue))
}

/// Text of a line, whose error says what is wrong with it.
fn text(bytes: &[u8]) -> Result<&str, RecordError> {
    std::str::from_utf8(bytes).map_err(|_| RecordError::bad("it is no UTF-8"))
}

struct Pages;

impl Mapper for Pages {
    type Key = String;
    type Value = String;

    fn map(
        &mut self,
        record: &Record<'_>,
        out: &mut Emitter<'_, String, String>,
    ) -> Result<(), RecordError> {
        let links = record.text()?;
        out.emit(text(record.key)?, links)?;
        for link in links.split_ascii_whitespace() {
            out.emit(link, "")?;
        }
        Ok(())
    }
}

struct Links;

impl Reducer for Links {
    type Key = String;
    type Value = String;
    type OutKey = String;
    type OutValue = String;

    fn reduce(
        &mut self,
        page: &str,
        values: &mut Values<'_, String, String>,
        out: &mut Emitter<'_, String, String>,
    ) -> Result<(), RecordError> {
        let mut line = "1\t".to_owned();
        while let Some(links) = values.next_value()? {
            for link in links.split_ascii_whitespace() {
                line.push_str(link);
                line.push(' ');
            }
        }
        out.emit(page, line.trim_end_matches(' '))
    }
}

/// What a page hears: what others give it, and, from itself, its links: nothing where it is not from itself.
type Heard = (f64, String);

struct Give;

impl Mapper for Give {
    type Key = String;
    type Value = Heard;

    fn map(
        &mut self,
        record: &Record<'_>,
        out: &mut Emitter<'_, String, Heard>,
    ) -> Result<(), RecordError> {
        let (rank, links) = key_and_value(record.value);
        let (rank, links) = (text(rank)?, text(links)?);
        let rank: Result<f64, _> = rank.parse();
        let rank = rank.map_err(|_| RecordError::bad("there is no rank behind the first tab"))?;
        let count = u32::try_from(links.split_ascii_whitespace().count()).unwrap_or(u32::MAX);
        for link in links.split_ascii_whitespace() {
            out.emit(link, (rank / f64::from(count), ""))?;
        }
        out.emit(text(record.key)?, (0.0, links))
    }
}

/// All that is given, and the links.
fn gather(values: &mut Values<'_, String, Heard>) -> Result<(f64, String), RecordError> {
    let (mut sum, mut all) = (0.0, String::new());
    while let Some((given, links)) = values.next_value()? {
        sum += given;
        all.push_str(links);
    }
    Ok((sum, all))
}

struct Gather;

impl Combiner for Gather {
    type Key = String;
    type Value = Heard;

    fn combine(
        &mut self,
        page: &str,
        values: &mut Values<'_, String, Heard>,
        out: &mut Emitter<'_, String, Heard>,
    ) -> Result<(), RecordError> {
        let (sum, links) = gather(values)?;
        out.emit(page, (sum, &links))
    }
}

struct Take;

impl Reducer for Take {
    type Key = String;
    type Value = Heard;
    type OutKey = String;
    type OutValue = String;

    fn reduce(
        &mut self,
        page: &str,
        values: &mut Values<'_, String, Heard>,
        out: &mut Emitter<'_, String, String>,
    ) -> Result<(), RecordError> {
        let (sum, links) = gather(values)?;
        let rank = 1.0 - DAMPING + DAMPING * sum;
        out.emit(page, &format!("{rank}\t{links}"))
    }
}
