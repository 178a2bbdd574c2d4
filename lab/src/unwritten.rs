//! What a student has not written yet: his nodes run into `todo!()`, which must be seen, and must not leave a node that
//! lacks a thread.

use std::any::Any;
use std::panic;
use std::process;
use std::sync::{Arc, Mutex, Once, Weak};

use sim::Level;

use crate::lab::{Lab, lock};

/// How the message of a `todo!()` begins.
const TODO: &str = "not yet implemented: ";

/// A node that comes to a `todo!()` ends. Its last words, which the lab shows, say which exercise that is.
pub(crate) fn end_at_it() {
    let default = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        default(info);
        if let Some(what) = todo(info.payload()) {
            eprintln!("it needs what is not written yet: {what}");
            process::exit(1);
        }
    }));
}

/// The lab whose client is at work.
static LAB: Mutex<Weak<Lab>> = Mutex::new(Weak::new());

/// The lab itself goes on when it comes to one, as a client, and enters it in the journal.
pub(crate) fn enter_it(lab: &Arc<Lab>) {
    static HOOK: Once = Once::new();
    *lock(&LAB) = Arc::downgrade(lab);
    HOOK.call_once(|| {
        let default = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            default(info);
            let lab = lock(&LAB).upgrade();
            if let (Some(what), Some(lab)) = (todo(info.payload()), lab) {
                let text = format!("the client needs what is not written yet: {what}");
                lab.recorder.event(Level::Bad, None, text);
            }
        }));
    });
}

/// What a panic's `todo!()` says, if it is one.
fn todo(payload: &(dyn Any + Send)) -> Option<&str> {
    let message = payload.downcast_ref::<&str>().copied();
    let message = message.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    message?.strip_prefix(TODO)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_todo_is_told_from_other_panics() {
        let what = |payload: Box<dyn Any + Send>| todo(&*payload).map(str::to_owned);
        let intent = "hdfs/placement: choose.";
        assert_eq!(
            what(Box::new(format!("{TODO}{intent}"))).as_deref(),
            Some(intent)
        );
        assert_eq!(
            what(Box::new("not yet implemented: it")).as_deref(),
            Some("it")
        );
        assert_eq!(what(Box::new("index out of bounds")), None);
        assert_eq!(what(Box::new(7)), None);
    }
}
