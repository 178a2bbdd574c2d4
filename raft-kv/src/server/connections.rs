//! Clients' connections, HTTP/1 and HTTP/2 on one port.
//!
//! A connection and all its requests are one task: what comes of several is sent at once, and a request costs no task of its own, which would
//! be dearer than most requests are. A request that takes long lets others in between (see `READ_AT_ONCE`).

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
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

/// The requests of a connection that have come since it last looked. Clones are the same.
#[derive(Clone, Default)]
struct Requests(Arc<Mutex<Vec<BoxFuture<'static, ()>>>>);

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Requests {
    fn execute(&self, request: F) {
        let mut come = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        come.push(request.boxed());
    }
}

impl Requests {
    /// Serves them until `connection`, from which they come, has ended.
    async fn serve<T>(self, connection: impl Future<Output = T>) -> T {
        let mut connection = pin!(connection);
        let mut running = FuturesUnordered::new();
        poll_fn(|cx| {
            loop {
                // Answers first: then the connection sends them together.
                while let Poll::Ready(Some(())) = running.poll_next_unpin(cx) {}
                if let ended @ Poll::Ready(_) = connection.as_mut().poll(cx) {
                    return ended;
                }
                let mut come = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                if come.is_empty() {
                    return Poll::Pending;
                }
                running.extend(come.drain(..));
            }
        })
        .await
    }
}

/// The KV service.
pub(super) type Kv = KvServer<KvService>;

/// What clients are served.
#[derive(Clone)]
pub(super) struct Services {
    pub(super) server: Arc<super::KvServer>,
    /// What is asked for most, without the detour through a router.
    pub(super) kv: Kv,
    /// Everything.
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
            let requests = Requests::default();
            let mut server = Builder::new(requests.clone());
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
            if let Err(error) = requests.serve(connection).await {
                debug!("a connection failed: {error}");
            }
        });
    }
}
