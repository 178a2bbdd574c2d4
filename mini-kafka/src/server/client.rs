//! A client: what the command line, the load generator and tests drive brokers with. It speaks to Kafka as well as to
//! mini-kafka.
//!
//! [`Client`] asks one broker things; [`producer`] sends records, in batches, idempotently; [`consumer`] reads them, alone
//! or as a member of a group. Both outlive the broker's restart.

pub mod consumer;
pub mod producer;

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use futures::FutureExt;
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::metadata_response::MetadataResponseTopic;
use kafka_protocol::messages::{
    FindCoordinatorRequest, MetadataRequest, MetadataResponse, RequestHeader, TopicName,
};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, Request, StrBytes};
use thiserror::Error;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_socks::tcp::Socks5Stream;

use crate::error::ErrorCode;

/// An answer that does not come is waited for so long, beyond what the request itself asks to wait.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// Nor a connection, longer than this (`socket.connection.setup.timeout.ms`).
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// What a broker makes when it is first asked for it is there soon.
const MAKING_TIMEOUT: Duration = Duration::from_secs(3);
/// Between two attempts.
const RETRY_BACKOFF: Duration = Duration::from_millis(100);
/// No answer is larger.
const ANSWER_BYTES_MAX: usize = 256 << 20;

/// Why the client could not do something.
#[derive(Debug, Error)]
pub enum ClientError {
    /// Nobody answers there.
    #[error("cannot connect to {address}: {why}; is a broker running there?")]
    Connect {
        /// As given.
        address: String,
        /// The system's reason.
        why: io::Error,
    },
    /// The connection broke.
    #[error("the connection to {address} is gone: {why}")]
    Gone {
        /// As given.
        address: String,
        /// The system's reason.
        why: io::Error,
    },
    /// No answer.
    #[error("{0} does not answer")]
    Silent(String),
    /// What came cannot be understood.
    #[error("{address} answered something that is not Kafka's protocol: {why}")]
    Protocol {
        /// Who.
        address: String,
        /// What the decoder says.
        why: String,
    },
    /// The broker refused. The code's number is Kafka's.
    #[error("{what}: {message} (error {code})")]
    Refused {
        /// What was asked.
        what: String,
        /// The number.
        code: i16,
        /// What it means.
        message: String,
    },
    /// A batch could not be made or read.
    #[error(transparent)]
    Record(#[from] crate::record::RecordError),
}

impl ClientError {
    /// Checks a code of an answer.
    ///
    /// # Errors
    /// [`ClientError::Refused`] of every code but 0.
    pub fn check(what: impl Into<String>, code: i16) -> Result<(), ClientError> {
        if code == 0 {
            return Ok(());
        }
        let known = kafka_protocol::error::ResponseError::try_from_code(code);
        Err(ClientError::Refused {
            what: what.into(),
            code,
            message: known.map_or_else(|| "unknown".to_owned(), |error| error.to_string()),
        })
    }

    /// Whether the same may succeed later: the connection is at fault, or the broker says so. A topic that is not there is not waited
    /// for, though Kafka calls that retriable: a person wants to know.
    pub fn is_retriable(&self) -> bool {
        match self {
            ClientError::Connect { .. } | ClientError::Gone { .. } | ClientError::Silent(_) => true,
            ClientError::Refused { code, .. } => {
                if *code == ErrorCode::UnknownTopicOrPartition.code() {
                    return false;
                }
                let known = kafka_protocol::error::ResponseError::try_from_code(*code);
                known.is_some_and(|error| error.is_retriable())
            }
            ClientError::Protocol { .. } | ClientError::Record(_) => false,
        }
    }

    /// The code, if the broker refused.
    pub fn code(&self) -> Option<i16> {
        match self {
            ClientError::Refused { code, .. } => Some(*code),
            _ => None,
        }
    }
}

/// A string of the protocol's.
pub(crate) fn text(text: impl Into<String>) -> StrBytes {
    StrBytes::from_string(text.into())
}

/// An answer's frame, from its correlation id on.
async fn read_frame(stream: &mut TcpStream) -> io::Result<Bytes> {
    let size = stream.read_u32().await?;
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    if !(4..=ANSWER_BYTES_MAX).contains(&size) {
        return Err(io::Error::other(format!("an answer of {size} bytes")));
    }
    let mut frame = vec![0; size];
    stream.read_exact(&mut frame).await?;
    Ok(Bytes::from(frame))
}

/// A broker, to be asked. A connection that breaks, or whose answer nobody waited for, is given up; the next request goes through
/// a new one. Whether the lost request was carried out is for the caller to know.
#[derive(Debug)]
pub struct Client {
    /// Where brokers are asked first.
    bootstrap: String,
    /// None before the first request and after a failure.
    stream: Option<TcpStream>,
    /// Who was connected last.
    address: String,
    client_id: String,
    correlation_id: i32,
    socks: Option<SocketAddr>,
}

/// Connects to `address`, through the SOCKS5 listener `socks` if there is one.
async fn dial(address: &str, socks: Option<SocketAddr>) -> io::Result<TcpStream> {
    let connect = async {
        match socks {
            None => TcpStream::connect(address).await,
            Some(socks) => {
                let through = Socks5Stream::connect(socks, address).await;
                Ok(through.map_err(io::Error::other)?.into_inner())
            }
        }
    };
    let in_time = tokio::time::timeout(CONNECT_TIMEOUT, connect).await;
    let stream = in_time.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    // Latency only.
    let _ = stream.set_nodelay(true);
    Ok(stream)
}

impl Client {
    /// Connects to `host:port`; of several, separated by commas, to the first that answers.
    ///
    /// # Errors
    /// When none does.
    pub async fn connect(bootstrap: &str, client_id: &str) -> Result<Client, ClientError> {
        Client::connect_through(None, bootstrap, client_id).await
    }

    /// The same through a SOCKS5 listener (RFC 1928), through which it dials coordinators too.
    ///
    /// # Errors
    /// When none answers.
    pub async fn connect_through(
        socks: Option<SocketAddr>,
        bootstrap: &str,
        client_id: &str,
    ) -> Result<Client, ClientError> {
        let mut client = Client {
            bootstrap: bootstrap.to_owned(),
            stream: None,
            address: bootstrap.to_owned(),
            client_id: client_id.to_owned(),
            correlation_id: 0,
            socks,
        };
        client.stream = Some(client.stream().await?);
        Ok(client)
    }

    /// The connection, which the caller puts back once the request is sent or the answer there; else it is closed.
    async fn stream(&mut self) -> Result<TcpStream, ClientError> {
        if let Some(stream) = self.stream.take() {
            return Ok(stream);
        }
        let mut last = ClientError::Silent(self.bootstrap.clone());
        for address in self.bootstrap.split(',').map(str::trim) {
            let address = address.to_owned();
            match dial(&address, self.socks).await {
                Ok(stream) => {
                    self.address = address;
                    return Ok(stream);
                }
                Err(why) => last = ClientError::Connect { address, why },
            }
        }
        Err(last)
    }

    /// Ends the connection, and with it what is still to be answered.
    pub(super) fn disconnect(&mut self) {
        self.stream = None;
    }

    /// Whether there is a connection, on which what was asked may still be answered.
    pub(super) fn is_connected(&self) -> bool {
        self.stream.is_some()
    }

    /// Sends a request, without waiting for its answer; its correlation id.
    ///
    /// # Errors
    /// When it cannot be encoded or sent.
    pub async fn send<R: Request>(
        &mut self,
        version: i16,
        request: &R,
    ) -> Result<i32, ClientError> {
        self.correlation_id = self.correlation_id.wrapping_add(1);
        let header = RequestHeader::default()
            .with_request_api_key(R::KEY)
            .with_request_api_version(version)
            .with_correlation_id(self.correlation_id)
            .with_client_id(Some(text(self.client_id.clone())));
        let mut bytes = BytesMut::new();
        bytes.put_i32(0);
        let encoded = header
            .encode(&mut bytes, R::header_version(version))
            .and_then(|()| request.encode(&mut bytes, version));
        encoded.map_err(|why| self.protocol(&why))?;
        let len = i32::try_from(bytes.len() - 4).map_err(|why| self.protocol(&why))?;
        bytes[..4].copy_from_slice(&len.to_be_bytes());
        let mut stream = self.stream().await?;
        // What is written to a connection that the broker has ended is lost without a word.
        if let Some(Ok(0)) = stream.peek(&mut [0]).now_or_never() {
            return Err(self.gone(io::ErrorKind::UnexpectedEof.into()));
        }
        let sent = stream.write_all(&bytes).await;
        sent.map_err(|why| self.gone(why))?;
        self.stream = Some(stream);
        Ok(self.correlation_id)
    }

    /// Waits for the next answer: that to the request of this correlation id.
    ///
    /// # Errors
    /// When none comes, it is another request's, or it cannot be decoded.
    pub async fn receive<R: Request>(
        &mut self,
        version: i16,
        correlation_id: i32,
        wait: Duration,
    ) -> Result<R::Response, ClientError> {
        let Some(mut stream) = self.stream.take() else {
            return Err(self.gone(io::ErrorKind::NotConnected.into()));
        };
        let read = tokio::time::timeout(ANSWER_TIMEOUT + wait, read_frame(&mut stream)).await;
        let mut frame = match read {
            Err(_) => return Err(ClientError::Silent(self.address.clone())),
            Ok(read) => read.map_err(|why| self.gone(why))?,
        };
        let answered = frame.get_i32();
        if answered != correlation_id {
            let why = format!("request {correlation_id} is answered as {answered}");
            return Err(self.protocol(&why));
        }
        // What follows the correlation id in a flexible header: tagged fields, of which brokers send none.
        if R::Response::header_version(version) > 0 && frame.has_remaining() {
            frame.advance(1);
        }
        let response = R::Response::decode(&mut frame, version);
        let response = response.map_err(|why| self.protocol(&why))?;
        self.stream = Some(stream);
        Ok(response)
    }

    /// Asks, and waits for the answer.
    ///
    /// # Errors
    /// Those of [`Client::send`] and [`Client::receive`].
    pub async fn call<R: Request>(
        &mut self,
        version: i16,
        request: &R,
    ) -> Result<R::Response, ClientError> {
        self.call_waiting(version, request, Duration::ZERO).await
    }

    /// The same of a request that asks the broker to wait.
    ///
    /// # Errors
    /// The same.
    pub async fn call_waiting<R: Request>(
        &mut self,
        version: i16,
        request: &R,
        wait: Duration,
    ) -> Result<R::Response, ClientError> {
        let id = self.send(version, request).await?;
        self.receive::<R>(version, id, wait).await
    }

    fn gone(&self, why: io::Error) -> ClientError {
        let address = self.address.clone();
        ClientError::Gone { address, why }
    }

    fn protocol(&self, why: &dyn std::fmt::Display) -> ClientError {
        ClientError::Protocol {
            address: self.address.clone(),
            why: why.to_string(),
        }
    }

    /// What the broker knows of topics; of all where none are named.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn metadata(
        &mut self,
        topics: Option<&[String]>,
        may_create: bool,
    ) -> Result<MetadataResponse, ClientError> {
        let topics = topics.map(|names| {
            let names = names.iter();
            let named = |name: &String| {
                MetadataRequestTopic::default().with_name(Some(TopicName(text(name.clone()))))
            };
            names.map(named).collect()
        });
        let request = MetadataRequest::default()
            .with_topics(topics)
            .with_allow_auto_topic_creation(may_create);
        self.call(8, &request).await
    }

    /// How many partitions topics have. Those that the broker may make by itself are waited for, for a while.
    ///
    /// # Errors
    /// When one is not there.
    pub async fn partition_counts(
        &mut self,
        topics: &[String],
        may_create: bool,
    ) -> Result<BTreeMap<String, i32>, ClientError> {
        let give_up = Instant::now() + MAKING_TIMEOUT;
        loop {
            let metadata = self.metadata(Some(topics), may_create).await?;
            match partition_counts(metadata) {
                // UNKNOWN_TOPIC_OR_PARTITION, or LEADER_NOT_AVAILABLE: so Kafka answers while it makes one.
                Err(ClientError::Refused { code: 3 | 5, .. })
                    if may_create && Instant::now() < give_up =>
                {
                    tokio::time::sleep(RETRY_BACKOFF).await;
                }
                counts => return counts,
            }
        }
    }

    /// How many partitions those of some topics have that are there.
    ///
    /// # Errors
    /// When the broker does not answer.
    pub async fn known_partition_counts(
        &mut self,
        topics: &[String],
    ) -> Result<BTreeMap<String, i32>, ClientError> {
        let mut metadata = self.metadata(Some(topics), true).await?;
        metadata.topics.retain(|topic| topic.error_code == 0);
        partition_counts(metadata)
    }

    /// A connection to the broker that coordinates a group.
    ///
    /// # Errors
    /// When there is none.
    pub async fn coordinator(&mut self, group: &str) -> Result<Client, ClientError> {
        let request = FindCoordinatorRequest::default().with_key(text(group));
        let give_up = Instant::now() + MAKING_TIMEOUT;
        let found = loop {
            let found = self.call(2, &request).await?;
            let what = format!("the coordinator of group {group}");
            match ClientError::check(what, found.error_code) {
                // The first one to ask has the topic of groups made.
                Err(error) if error.is_retriable() && Instant::now() < give_up => {
                    tokio::time::sleep(RETRY_BACKOFF).await;
                }
                checked => break checked.map(|()| found)?,
            }
        };
        let address = format!("{}:{}", found.host.as_str(), found.port);
        Client::connect_through(self.socks, &address, &self.client_id).await
    }
}

fn partition_counts(metadata: MetadataResponse) -> Result<BTreeMap<String, i32>, ClientError> {
    let count = |topic: MetadataResponseTopic| {
        let name = topic
            .name
            .map(|name| name.0.to_string())
            .unwrap_or_default();
        ClientError::check(format!("topic {name}"), topic.error_code)?;
        Ok((
            name,
            i32::try_from(topic.partitions.len()).unwrap_or(i32::MAX),
        ))
    };
    metadata.topics.into_iter().map(count).collect()
}
