//! Calls of gRPC with as little around them as there can be. The generator shares the processors with what it measures: what a call takes it,
//! nobody can have who is measured, and so the faster one of two looks less fast than it is.

use anyhow::{Context, Result, bail, ensure};
use h2::RecvStream;
use h2::client::SendRequest;
use prost::Message;
use tokio::net::TcpStream;
use tonic::codegen::Bytes;
use tonic::codegen::http::{HeaderMap, Request, Version};

/// What stands before a message: whether it is compressed, and its length.
const PREFIX_BYTES: usize = 5;

/// A connection.
pub(crate) struct Caller {
    requests: SendRequest<Bytes>,
    endpoint: String,
}

impl Caller {
    /// Connects to `http://HOST:PORT`.
    pub(crate) async fn connect(endpoint: &str) -> Result<Caller> {
        let address = endpoint.trim_start_matches("http://");
        let stream = TcpStream::connect(address).await;
        let stream = stream.with_context(|| format!("cannot connect to {address}"))?;
        stream.set_nodelay(true)?;
        let (requests, connection) = h2::client::handshake(stream).await?;
        // Whoever calls hears of its end.
        tokio::spawn(connection);
        Ok(Caller {
            requests,
            endpoint: endpoint.to_owned(),
        })
    }

    /// Calls the method at `/package.Service/Method`.
    pub(crate) async fn call<R: Message + Default>(
        &mut self,
        method: &str,
        message: &impl Message,
    ) -> Result<R> {
        let request = Request::post(format!("{}{method}", self.endpoint))
            .version(Version::HTTP_2)
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .body(())?;
        let mut frame = vec![0; PREFIX_BYTES];
        message.encode(&mut frame)?;
        let len = u32::try_from(frame.len() - PREFIX_BYTES)?;
        frame[1..PREFIX_BYTES].copy_from_slice(&len.to_be_bytes());

        let mut requests = self.requests.clone().ready().await?;
        let (response, mut body) = requests.send_request(request, false)?;
        body.send_data(frame.into(), true)?;
        let (head, body) = response.await?.into_parts();
        // A refusal has its status in the head, and no body.
        check(&head.headers)?;
        let answer = read(body).await?;
        let message = answer
            .get(PREFIX_BYTES..)
            .context("an answer was cut off")?;
        Ok(R::decode(message)?)
    }
}

async fn read(mut body: RecvStream) -> Result<Vec<u8>> {
    let mut answer = Vec::new();
    while let Some(data) = body.data().await {
        let data = data?;
        body.flow_control().release_capacity(data.len())?;
        answer.extend_from_slice(&data);
    }
    let trailers = body.trailers().await?.context("there is no status")?;
    ensure!(trailers.contains_key("grpc-status"), "there is no status");
    check(&trailers)?;
    Ok(answer)
}

fn check(headers: &HeaderMap) -> Result<()> {
    match headers.get("grpc-status") {
        Some(code) if code != "0" => {
            bail!("refused: {code:?}, {:?}", headers.get("grpc-message"))
        }
        _ => Ok(()),
    }
}
