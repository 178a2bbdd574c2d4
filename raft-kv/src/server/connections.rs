//! Clients' connections, HTTP/1 and HTTP/2 on one port.
//!
//! A connection and all its requests are one task: what comes of several is sent at once, and a request costs no task of its own, which would
//! be dearer than most requests are. A read of many keys lets others in between (see `READ_AT_ONCE`); the encoding of a long answer does not, and
//! holds up the others of its connection.

use std::convert::Infallible;
use std::future::poll_fn;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::Poll;
use std::time::Duration;

use axum::Router;
use axum::http::{Request, Response};
use axum::serve::Listener;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::net::TcpListener;
use tonic::body::Body;
use tower::{Service, ServiceExt};
use tracing::debug;

use super::KEEP_ALIVE_TIMEOUT;
use super::authority::Repaired;
use super::http::{KV, measured};
use super::kv::KvService;
use super::wire::etcdserverpb::kv_server::KvServer;

/// A connection without a sign of life is asked for one after this, and closed if none comes, as in etcd.
const KEEP_ALIVE: Duration = Duration::from_secs(2 * 3600);

type Come = Mutex<Vec<BoxFuture<'static, ()>>>;

/// Where hyper puts a connection's requests. It keeps a copy with each, so that a copy must not keep the requests.
#[derive(Clone)]
struct Inbox(Weak<Come>);

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Inbox {
    fn execute(&self, request: F) {
        if let Some(come) = self.0.upgrade() {
            // One that panics resets its stream and no other.
            let request = AssertUnwindSafe(request).catch_unwind().map(drop);
            lock(&come).push(request.boxed());
        }
    }
}

fn lock(come: &Come) -> MutexGuard<'_, Vec<BoxFuture<'static, ()>>> {
    come.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Serves requests until `connection`, from which they come, has ended.
async fn serve_requests<T>(come: Arc<Come>, connection: impl Future<Output = T>) -> T {
    let mut connection = pin!(connection);
    let mut running = FuturesUnordered::new();
    poll_fn(|cx| {
        loop {
            // Answers first: then the connection sends them together.
            while let Poll::Ready(Some(())) = running.poll_next_unpin(cx) {}
            if let ended @ Poll::Ready(_) = connection.as_mut().poll(cx) {
                return ended;
            }
            let mut come = lock(&come);
            if come.is_empty() {
                return Poll::Pending;
            }
            running.extend(come.drain(..));
        }
    })
    .await
}

/// The KV service.
pub(super) type Kv = KvServer<KvService>;

/// What clients are served.
#[derive(Clone)]
pub(super) struct Services {
    pub(super) server: Arc<super::KvServer>,
    /// What is asked for most, without the detour through a router.
    pub(super) kv: Kv,
    /// All services, KV too for the gateway, and the pages.
    pub(super) others: Router,
}

impl Services {
    async fn answer(mut self, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
        if request.uri().path().starts_with(KV) {
            let kv = |request| {
                let answer = self.kv.call(request);
                async {
                    let Ok(answer) = answer.await;
                    answer
                }
            };
            return Ok(measured(&self.server, request, kv).await);
        }
        let request = request.map(axum::body::Body::new);
        Ok(self.others.oneshot(request).await?.map(Body::new))
    }
}

/// Serves all who connect, with up to so many requests of a connection at a time.
pub(super) async fn serve(
    mut listener: TcpListener,
    services: Services,
    streams_max: u32,
) -> Infallible {
    loop {
        // What goes wrong here concerns one who wanted to connect, or passes.
        let (stream, _) = Listener::accept(&mut listener).await;
        if let Err(error) = stream.set_nodelay(true) {
            debug!("a connection is gone already: {error}");
            continue;
        }
        let services = services.clone();
        tokio::spawn(async move {
            let come = Arc::new(Come::default());
            let mut server = Builder::new(Inbox(Arc::downgrade(&come)));
            server.http1().timer(TokioTimer::new());
            server
                .http2()
                .timer(TokioTimer::new())
                .max_concurrent_streams(streams_max)
                .keep_alive_interval(KEEP_ALIVE)
                .keep_alive_timeout(KEEP_ALIVE_TIMEOUT);
            let service = service_fn(|request| services.clone().answer(request));
            let stream = TokioIo::new(Repaired::new(stream));
            let connection = server.serve_connection(stream, service);
            if let Err(error) = serve_requests(come, connection).await {
                debug!("a connection failed: {error}");
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn requests_are_served_while_their_connection_lasts() {
        let come = Arc::new(Come::default());
        let inbox = Inbox(Arc::downgrade(&come));
        let ((ask, asked), (tell, told)) = (oneshot::channel(), oneshot::channel());
        let (given_up, mut gives_up) = oneshot::channel::<()>();
        inbox.execute(async { panic!("a fault of one request") });
        inbox.execute(async {
            std::future::pending::<()>().await;
            drop(given_up);
        });
        let connection = async move {
            // What a request answers comes while the connection waits; what comes now is served as well.
            inbox.execute(async move {
                let question: u64 = asked.await.unwrap();
                tell.send(question + 1).unwrap();
            });
            tokio::task::yield_now().await;
            ask.send(41).unwrap();
            let answer = told.await;
            assert!(gives_up.try_recv().is_err());
            answer
        };
        assert_eq!(serve_requests(come, connection).await, Ok(42));
    }

    #[tokio::test]
    async fn a_connection_that_ends_forgets_requests_that_had_just_come() {
        let come = Arc::new(Come::default());
        let inbox = Inbox(Arc::downgrade(&come));
        let alive = Arc::new(());
        // hyper's requests hold the executor.
        let kept = (alive.clone(), inbox.clone());
        let connection = async move {
            inbox.execute(async move {
                std::future::pending::<()>().await;
                drop(kept);
            });
        };
        serve_requests(come, connection).await;
        assert_eq!(Arc::strong_count(&alive), 1);
    }
}
