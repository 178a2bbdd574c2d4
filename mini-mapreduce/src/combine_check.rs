//! Whether a combiner is associative, tried on the first values of each group where somebody asks for it (`mapreduce.map.combine.check`). One that is not
//! gives other results with other splits, buffers and schedules, and no error.

use crate::job::RecordError;
use crate::program::{Collect, Pair, RawReducer, RawValues};
use crate::task::TaskError;

/// How many values of a group are looked at.
const VALUES: usize = 3;

type OwnedPair = (Vec<u8>, Vec<u8>);

/// A combiner that is looked at.
pub(crate) struct Checked<'a>(pub(crate) &'a mut dyn RawReducer);

impl RawReducer for Checked<'_> {
    fn reduce(
        &mut self,
        key: &[u8],
        values: &mut dyn RawValues,
        out: &mut dyn Collect,
    ) -> Result<(), RecordError> {
        let mut first: Vec<OwnedPair> = Vec::with_capacity(VALUES);
        while first.len() < VALUES {
            match values.next()? {
                Some((key, value)) => first.push((key.to_vec(), value.to_vec())),
                None => break,
            }
        }
        if let [a, b, c] = first.as_slice() {
            check_combiner(self.0, key, [a, b, c])?;
        }
        let mut all = Chained {
            first: &first,
            next: 0,
            rest: Some(values),
        };
        self.0.reduce(key, &mut all, out)
    }

    fn finish(&mut self, out: &mut dyn Collect) -> Result<(), RecordError> {
        self.0.finish(out)
    }
}

/// Of three values it has to make the same, whichever two of them it has combined before.
fn check_combiner(
    combiner: &mut dyn RawReducer,
    key: &[u8],
    [a, b, c]: [&OwnedPair; VALUES],
) -> Result<(), RecordError> {
    let mut combine = |values: &[OwnedPair]| {
        let mut made = Made(Vec::new());
        let mut values = Chained {
            first: values,
            next: 0,
            rest: None,
        };
        combiner
            .reduce(key, &mut values, &mut made)
            .map(|()| made.0)
    };
    let [a, b, c] = [a, b, c].map(OwnedPair::clone);
    let all = combine(&[a.clone(), b.clone(), c.clone()])?;
    let mut left = combine(&[a.clone(), b.clone()])?;
    left.push(c.clone());
    let mut right = vec![a];
    right.extend(combine(&[b, c])?);
    if combine(&left)? != all || combine(&right)? != all {
        return Err(RecordError::bad(
            "it is not associative: of three values it makes something else when two of them were combined before",
        ));
    }
    Ok(())
}

/// Values that are held, and then others.
struct Chained<'a> {
    first: &'a [OwnedPair],
    next: usize,
    rest: Option<&'a mut dyn RawValues>,
}

impl RawValues for Chained<'_> {
    fn next(&mut self) -> Result<Option<Pair<'_>>, Box<TaskError>> {
        if let Some((key, value)) = self.first.get(self.next) {
            self.next += 1;
            return Ok(Some((key, value)));
        }
        match &mut self.rest {
            Some(rest) => rest.next(),
            None => Ok(None),
        }
    }
}

/// What it makes.
struct Made(Vec<OwnedPair>);

impl Collect for Made {
    fn collect(&mut self, key: &[u8], value: &[u8]) -> Result<(), RecordError> {
        self.0.push((key.to_vec(), value.to_vec()));
        Ok(())
    }

    fn count(&mut self, _: &str, _: &str, _: u64) {}
}
