//! What an access log in the common or the combined format says (Apache's, nginx's):
//!
//! ```text
//! 203.0.113.9 - ann [28/Nov/2026:21:13:14 +0100] "GET /a?b=c HTTP/1.1" 200 5120 "-" "curl/8"
//! ```
//!
//! - `paths`: how often each path was asked for, the most frequent first.
//! - `hours`: how many answers there were of each status, by hour: `2026-11-28T20 TAB 200 TAB 7`, in UTC.
//! - `sessions`: what a host asked for with no pause above half an hour: `host TAB begin TAB seconds TAB requests`.
//!
//! Lines that are none of a log are counted as `LogAnalysis MALFORMED` and passed over: real logs have some.

use std::borrow::Cow;

use crate::job::{Emitter, JobError, JobSpec, Mapper, Record, RecordError, Reducer, Values};
use crate::jobs::wordcount::Sum;
use crate::program::Job;

/// The job.
///
/// # Errors
/// Where the argument is not one of three words.
pub fn job(spec: &JobSpec) -> Result<Job, JobError> {
    match spec.args.as_slice() {
        [what] if what == "paths" => Ok(Job::new(|_| Ok(Paths), || Sum).fold(Sum)),
        [what] if what == "hours" => Ok(Job::new(|_| Ok(Hours), || HourSum).fold(Sum)),
        [what] if what == "sessions" => {
            let job = Job::new(|_| Ok(Visits), || Sessions);
            Ok(job.group_by_first::<String>())
        }
        _ => Err(JobError::Arguments {
            program: "loganalysis",
            reason: "its argument is paths, hours or sessions".to_owned(),
        }),
    }
}

/// A line of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Who asked.
    pub host: &'a str,
    /// When, in seconds since 1970, in UTC.
    pub time: i64,
    /// What for, without what is behind `?`.
    pub path: &'a str,
    /// What the answer's status was.
    pub status: &'a str,
}

/// A line as an entry, if it is one.
pub fn parse(line: &str) -> Option<Entry<'_>> {
    let (host, rest) = line.split_once(' ')?;
    let (_, rest) = rest.split_once('[')?;
    let (time, rest) = rest.split_once("] \"")?;
    let (request, rest) = rest.split_once("\" ")?;
    let mut request = request.split(' ');
    let (_, path) = (request.next()?, request.next()?);
    let status = rest.split(' ').next()?;
    let is_status = status.len() == 3 && status.bytes().all(|byte| byte.is_ascii_digit());
    is_status.then_some(Entry {
        host,
        time: parse_time(time)?,
        path: path.split('?').next().unwrap_or(path),
        status,
    })
}

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// `28/Nov/2026:21:13:14 +0100` in seconds since 1970.
fn parse_time(time: &str) -> Option<i64> {
    let (date, zone) = time.split_once(' ')?;
    let mut parts = date.split(['/', ':']);
    let number = |parts: &mut dyn Iterator<Item = &str>, max: i64| {
        let number: i64 = parts.next()?.parse().ok()?;
        (0..=max).contains(&number).then_some(number)
    };
    let day = number(&mut parts, 31)?;
    let name = parts.next()?;
    let month = (1..).zip(MONTHS).find(|(_, month)| *month == name)?.0;
    let year = number(&mut parts, 9999)?;
    let (hour, minute, second) = (
        number(&mut parts, 23)?,
        number(&mut parts, 59)?,
        number(&mut parts, 60)?,
    );
    let zone: i64 = zone.parse().ok()?;
    let east = (zone / 100 * 60 + zone % 100) * 60;
    Some(days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - east)
}

/// Days from 1970-01-01 to a date of the Gregorian calendar, in years that begin with March, so that leap days come last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let since_march = (month + 9) % 12;
    let day_of_year = (153 * since_march + 2) / 5 + day - 1;
    year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + day_of_year
        - 719_468
}

/// The hour of a time, `2026-11-28T20`.
fn hour(time: i64) -> String {
    let (day_number, second) = (time.div_euclid(86_400), time.rem_euclid(86_400));
    // A year at most too late to begin with: 366 days are never less than a year.
    let mut year = 1970 + day_number.div_euclid(366);
    while days(year + 1, 1, 1) <= day_number {
        year += 1;
    }
    let months = (1..=12).rev();
    let mut begun = months.map(|month| (month, days(year, month, 1)));
    let (month, first) = begun
        .find(|(_, first)| *first <= day_number)
        .unwrap_or((1, day_number));
    let (day, hour) = (day_number - first + 1, second / 3600);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}")
}

/// The entry of a record. What is none is counted.
fn entry<'a, K: crate::datum::Datum, V: crate::datum::Datum>(
    record: &Record<'a>,
    out: &mut Emitter<'_, K, V>,
) -> Option<Entry<'a>> {
    let entry = record.text().ok().and_then(parse);
    if entry.is_none() {
        out.count("LogAnalysis", "MALFORMED", 1);
    }
    entry
}

struct Paths;

impl Mapper for Paths {
    type Key = Vec<u8>;
    type Value = u64;

    fn map(
        &mut self,
        record: &Record<'_>,
        out: &mut Emitter<'_, Vec<u8>, u64>,
    ) -> Result<(), RecordError> {
        match entry(record, out) {
            Some(entry) => out.emit(entry.path.as_bytes(), 1),
            None => Ok(()),
        }
    }
}

struct Hours;

impl Mapper for Hours {
    type Key = (String, String);
    type Value = u64;

    fn map(
        &mut self,
        record: &Record<'_>,
        out: &mut Emitter<'_, (String, String), u64>,
    ) -> Result<(), RecordError> {
        match entry(record, out) {
            Some(entry) => out.emit((hour(entry.time).into(), entry.status), 1),
            None => Ok(()),
        }
    }
}

struct HourSum;

impl Reducer for HourSum {
    type Key = (String, String);
    type Value = u64;
    type OutKey = (String, String);
    type OutValue = u64;

    fn reduce(
        &mut self,
        (hour, status): (Cow<'_, str>, &str),
        counts: &mut Values<'_, (String, String), u64>,
        out: &mut Emitter<'_, (String, String), u64>,
    ) -> Result<(), RecordError> {
        let mut sum = 0;
        while let Some(count) = counts.next_value()? {
            sum += count;
        }
        out.emit((hour, status), sum)
    }
}

struct Visits;

impl Mapper for Visits {
    type Key = (String, i64);
    type Value = ();

    fn map(
        &mut self,
        record: &Record<'_>,
        out: &mut Emitter<'_, (String, i64), ()>,
    ) -> Result<(), RecordError> {
        match entry(record, out) {
            Some(entry) => out.emit((entry.host.into(), entry.time), ()),
            None => Ok(()),
        }
    }
}

/// A longer pause ends a session, in seconds.
const PAUSE_MAX: i64 = 30 * 60;

struct Sessions;

impl Reducer for Sessions {
    type Key = (String, i64);
    type Value = ();
    type OutKey = String;
    type OutValue = String;

    fn reduce(
        &mut self,
        (host, first): (Cow<'_, str>, i64),
        visits: &mut Values<'_, (String, i64), ()>,
        out: &mut Emitter<'_, String, String>,
    ) -> Result<(), RecordError> {
        let (mut begin, mut last, mut requests) = (first, first, 0);
        while let Some(((_, time), ())) = visits.next_pair()? {
            if time - last > PAUSE_MAX {
                out.emit(&host, &format!("{begin}\t{}\t{requests}", last - begin))?;
                (begin, requests) = (time, 0);
            }
            (last, requests) = (time, requests + 1);
        }
        out.emit(&host, &format!("{begin}\t{}\t{requests}", last - begin))
    }
}
