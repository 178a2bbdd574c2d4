//! Text in which words are as frequent as in a language (Zipf's law): what word counts are measured on. The word of rank
//! `r` is there about 1/r as often as the first one. Arguments: how many lines, how many different words, a seed.

use std::sync::Arc;

use crate::input::InputFormat;
use crate::job::{Emitter, JobError, JobSpec, Mapper, Record, RecordError, Split};
use crate::jobs::arguments;
use crate::jobs::rows::RowRng;
use crate::program::Job;

const NAME: &str = "zipftext";
const WORDS_PER_LINE: u64 = 12;

/// The job.
///
/// # Errors
/// Where the arguments are not its own.
pub fn job(spec: &JobSpec) -> Result<Job, JobError> {
    let [lines, words, seed] = arguments(NAME, spec, "LINES WORDS SEED")?;
    if words == 0 {
        let reason = "there has to be a word".to_owned();
        return Err(JobError::Arguments {
            program: NAME,
            reason,
        });
    }
    let vocabulary: Arc<[String]> = (0..words).map(word).collect();
    let mapper = move |_: &Split| {
        Ok(Lines {
            vocabulary: vocabulary.clone(),
            seed,
            line: String::new(),
        })
    };
    Ok(Job::identity(mapper).input(InputFormat::Rows(lines)))
}

/// A word by its rank, from 0 on: the more frequent, the shorter, as in a language.
fn word(rank: u64) -> String {
    const CONSONANTS: &[u8; 16] = b"bcdfghklmnprstvz";
    const VOWELS: &[u8; 4] = b"aeio";
    let mut word = String::new();
    let mut left = rank;
    loop {
        word.push(char::from(CONSONANTS[(left % 16) as usize]));
        left /= 16;
        word.push(char::from(VOWELS[(left % 4) as usize]));
        left /= 4;
        if left == 0 {
            return word;
        }
        left -= 1;
    }
}

struct Lines {
    vocabulary: Arc<[String]>,
    seed: u64,
    /// Room for a line.
    line: String,
}

impl Mapper for Lines {
    type Key = String;
    type Value = ();

    fn map(
        &mut self,
        record: &Record<'_>,
        out: &mut Emitter<'_, String, ()>,
    ) -> Result<(), RecordError> {
        let mut rng = RowRng::new(self.seed, record.position);
        self.line.clear();
        for number in 0..WORDS_PER_LINE {
            if number > 0 {
                self.line.push(' ');
            }
            let rank = rank(rng.fraction(), self.vocabulary.len());
            self.line.push_str(&self.vocabulary[rank]);
        }
        out.emit(&self.line, ())
    }
}

/// A rank from 0 on with a chance of about 1/(rank + 1): what is uniform in the logarithm is so.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "it is at least 1, and a vocabulary is far below 2^53"
)]
fn rank(fraction: f64, words: usize) -> usize {
    let rank = ((words as f64 + 1.0).ln() * fraction).exp();
    (rank as usize - 1).min(words - 1)
}
