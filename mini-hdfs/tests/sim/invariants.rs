//! What must hold in every run, each in a file of its own.
//!
//! | invariant | in a sentence |
//! | --- | --- |
//! | [`readable`] | A closed file reads back byte for byte while one replica of each block keeps its disk. |
//! | [`last_replica`] | A block never falls to no good replica while one of its replicas lives. |
//! | [`namespace`] | The namespace after recovery equals that before, for every acknowledged operation. |
//! | [`flushed`] | What was flushed is on every node of the pipeline that has lived since. |
//! | [`generation`] | No replica of an old generation is served. |
//! | [`safe_mode`] | Never a write in safe mode. |
//! | [`one_writer`] | A file has one writer. |
//! | [`abandoned`] | What a dead writer was told is safe is in the file when it is closed for him. |
//! | [`decommissioned`] | A DataNode that is decommissioned is not needed: what it has is elsewhere too. |
//! | [`moved`] | A good replica goes only while as many others as there should be stay, in as many racks. |
//! | [`progress`] | Once everything is mended, every file is closed, reaches its replication on enough racks, and reads back. |

mod abandoned;
mod decommissioned;
mod flushed;
mod generation;
mod last_replica;
mod moved;
mod namespace;
mod one_writer;
mod progress;
mod readable;
mod safe_mode;

use std::cell::RefCell;
use std::rc::Rc;

use sim::Invariant;

pub(crate) use generation::{Located, Served};
pub(crate) use last_replica::{Order, OrderNews};
pub(crate) use moved::Deletion;
pub(crate) use namespace::{Snapshot, judge_recovery};
pub(crate) use one_writer::Grant;
pub(crate) use progress::Progress;
pub(crate) use safe_mode::SafeModeStep;

use crate::cluster::Member;
use crate::history::Shared;
use crate::truth::Truth;

/// All that must hold all along. `truth` is kept up to date by the first.
pub(crate) fn all(history: &Shared, truth: &Rc<RefCell<Truth>>) -> Vec<Box<dyn Invariant<Member>>> {
    vec![
        // Before the next one: whoever is told to delete the last replica will do so.
        Box::new(last_replica::LastReplica::new(
            history.clone(),
            truth.clone(),
        )),
        Box::new(readable::Readable::new(history.clone(), truth.clone())),
        Box::new(namespace::Recovered::new(history.clone())),
        Box::new(flushed::Flushed(history.clone())),
        Box::new(generation::NewestGeneration::new(
            history.clone(),
            truth.clone(),
        )),
        Box::new(safe_mode::NoWrites(history.clone())),
        Box::new(one_writer::OneWriter::new(history.clone())),
        Box::new(abandoned::Abandoned::new(history.clone())),
        Box::new(decommissioned::NotNeeded::new(
            history.clone(),
            truth.clone(),
        )),
        Box::new(moved::EnoughStay::new(history.clone(), truth.clone())),
    ]
}
