//! The server in memory: whatever bytes come over a connection are answered as they would be over the
//! network, behind the same guard, and without a socket.

use super::guard::{GuardedStream, Limits, Transport};
use super::places::Places;
use super::{Gate, Site, TELEMETRY_PATH, Visitor, router};
use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use std::future::pending;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::runtime::{Builder, Runtime};

/// Bytes that lie between both ends.
const ROOM: usize = 64 * 1024;

/// Who connects: somebody on the host, who may see everything.
const PEER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 9);

/// A server that is asked in memory.
#[derive(Debug)]
pub struct Server {
    runtime: Runtime,
    site: Site,
}

impl Server {
    /// Serves a site at the usual path.
    ///
    /// # Errors
    /// If there is no runtime to be had.
    pub fn new(site: Site) -> io::Result<Self> {
        let runtime =
            Builder::new_current_thread().enable_time().max_blocking_threads(2).build()?;
        let site = Site { telemetry_path: TELEMETRY_PATH.to_owned(), ..site };
        Ok(Self { runtime, site })
    }

    /// All that is answered to these bytes, after which the client has nothing more to say.
    pub fn answer(&self, bytes: &[u8]) -> Vec<u8> {
        self.runtime.block_on(async {
            let (mut client, server) = duplex(ROOM);
            let gate = Arc::clone(&self.site.gate);
            let listener = Memory { one: Some(server), gate, places: Places::new(Limits::DEFAULT) };
            let service = router(&self.site).into_make_service_with_connect_info::<Visitor>();
            let serving = axum::serve(listener, service).into_future();
            let asking = async {
                let (mut from, mut to) = tokio::io::split(&mut client);
                let mut answer = Vec::new();
                let ask = async {
                    // Who is not listened to any more has nothing to add.
                    let _ = to.write_all(bytes).await;
                    let _ = to.shutdown().await;
                };
                let (_, _) = tokio::join!(ask, from.read_to_end(&mut answer));
                answer
            };
            tokio::select! {
                answer = asking => answer,
                _ = serving => Vec::new(),
            }
        })
    }
}

/// A listener with one connection.
struct Memory {
    one: Option<DuplexStream>,
    gate: Arc<Gate>,
    places: Arc<Places>,
}

impl Listener for Memory {
    type Io = GuardedStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (GuardedStream, SocketAddr) {
        let (Some(stream), Some(ticket)) = (self.one.take(), self.places.admit(PEER.ip())) else {
            return pending().await;
        };
        let (transport, setup) = (Transport::Memory(stream), self.gate.setup().await);
        (GuardedStream::new(transport, PEER, setup, Limits::DEFAULT, ticket), PEER)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(PEER)
    }
}

impl Connected<IncomingStream<'_, Memory>> for Visitor {
    fn connect_info(stream: IncomingStream<'_, Memory>) -> Self {
        stream.io().visitor()
    }
}
