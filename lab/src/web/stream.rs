//! What the page is fed with: the records of the run that is shown, as server-sent events; and the same as a file.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::header;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::{Page, Shared, attachment};

/// Records wait this long for more of them.
const BATCH: Duration = Duration::from_millis(50);
/// Records in one event, so that neither side ever holds up everything else.
const BATCH_MAX: usize = 5_000;
/// A sign of life, by which the page knows that the lab is there.
const KEEP_ALIVE: Duration = Duration::from_secs(5);

/// Everything that is remembered of the run, from its `begin` on, and then what comes. When another run takes its place, its `begin`
/// comes next.
pub(super) async fn stream(State(page): Shared) -> Response {
    if page.replay.is_some() {
        let events = tokio_stream::pending::<Result<Event, Infallible>>();
        return Sse::new(events).keep_alive(alive()).into_response();
    }
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(feed(page, sender));
    Sse::new(ReceiverStream::new(receiver))
        .keep_alive(alive())
        .into_response()
}

fn alive() -> KeepAlive {
    KeepAlive::new().interval(KEEP_ALIVE)
}

async fn feed(page: Arc<Page>, sender: mpsc::Sender<Result<Event, Infallible>>) {
    let mut runs = page.director.subscribe();
    loop {
        let Some(run) = runs.borrow_and_update().clone() else {
            if runs.changed().await.is_err() {
                return;
            }
            continue;
        };
        let mut recording = run.lab.recorder.follow();
        loop {
            let lines = tokio::select! {
                changed = runs.changed() => match changed {
                    Ok(()) => break,
                    Err(_) => return,
                },
                lines = next(&mut recording) => lines,
                () = sender.closed() => return,
            };
            for batch in lines.chunks(BATCH_MAX) {
                let records = format!("[{}]", batch.join(","));
                let event = Event::default().event("records").data(records);
                if sender.send(Ok(event)).await.is_err() {
                    return;
                }
            }
            tokio::time::sleep(BATCH).await;
        }
    }
}

/// The next lines; after a recording's end nothing comes until there is another run.
async fn next(recording: &mut crate::recorder::Follower) -> Vec<Arc<str>> {
    match recording.next().await {
        Some(lines) => lines,
        None => std::future::pending().await,
    }
}

/// The run so far as JSON lines, or the file that is replayed.
pub(super) async fn trace(State(page): Shared) -> Response {
    let (name, text) = match &page.replay {
        Some(replay) => (replay.name.clone(), replay.text.clone()),
        None => {
            let run = page.director.run();
            let Some(run) = run else {
                return super::Failure::from(anyhow::anyhow!("nothing runs")).into_response();
            };
            let mut text = run.lab.recorder.trace().0.join("\n");
            text.push('\n');
            (format!("{}.jsonl", run.system.name()), text.into())
        }
    };
    let headers = [
        (header::CONTENT_TYPE, "application/jsonl".to_owned()),
        attachment(&name),
    ];
    (headers, text).into_response()
}
