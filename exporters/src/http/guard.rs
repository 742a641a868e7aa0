//! What keeps slow and hostile clients from taking the server down.
//!
//! `axum::serve` sets hyper no timer, so a client may send half a request and keep the connection
//! for ever. The guard sits between hyper and the socket: a limited number of connections (see
//! `places`), a deadline for the request and one for the response, and a limit to what is read. TLS
//! lies beneath it: a handshake has to be over, and the request sent, within the time for the
//! request.

use super::Visitor;
use super::places::{Place, Places, Ticket};
use super::web::{Gate, Setup};
use axum::serve::Listener;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, Sleep, sleep};
use tokio_rustls::server::TlsStream;
use tokio_rustls::{Accept, TlsAcceptor};

/// What a client may use.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Connections served at once; more wait.
    pub(super) connections: usize,
    /// Those of one client.
    pub(super) per_client: usize,
    /// How many of them are for clients on the host.
    pub(super) reserved: usize,
    /// Connections that are served or wait; more are closed.
    pub(super) waiting: usize,
    /// Time from being accepted to the first byte of the answer.
    pub(super) request_within: Duration,
    /// Time from then to the last.
    pub(super) response_within: Duration,
    /// Time from then to the first byte of another request.
    pub(super) idle: Duration,
    /// Time from being accepted after which there is no further request.
    pub(super) lifetime: Duration,
    /// Bytes read of a request.
    pub(super) request_bytes: usize,
}

impl Limits {
    /// A browser on localhost may send 16 KiB of other services' cookies; nothing honest sends
    /// four times that. Prometheus comes again every 15 to 60 s, and rarely after two minutes.
    pub(super) const DEFAULT: Self = Self {
        connections: 32,
        per_client: 8,
        reserved: 4,
        waiting: 128,
        request_within: Duration::from_secs(5),
        response_within: Duration::from_secs(30),
        idle: Duration::from_secs(150),
        lifetime: Duration::from_secs(3600),
        request_bytes: 64 * 1024,
    };
}

/// A listener that hands out guarded connections.
#[derive(Debug)]
pub(super) struct GuardedListener {
    listener: TcpListener,
    limits: Limits,
    places: Arc<Places>,
    gate: Arc<Gate>,
}

impl GuardedListener {
    /// `places` are those of all listeners together.
    pub(super) fn new(
        listener: TcpListener,
        limits: Limits,
        places: &Arc<Places>,
        gate: &Arc<Gate>,
    ) -> Self {
        Self { listener, limits, places: Arc::clone(places), gate: Arc::clone(gate) }
    }
}

impl Listener for GuardedListener {
    type Io = GuardedStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (GuardedStream, SocketAddr) {
        let (stream, peer, ticket) = loop {
            let (stream, peer) = Listener::accept(&mut self.listener).await;
            if let Some(ticket) = self.places.admit(peer.ip()) {
                break (stream, peer, ticket);
            }
        };
        let setup = self.gate.setup().await;
        let transport = match setup.tls() {
            Some(tls) => {
                let accept = TlsAcceptor::from(Arc::clone(tls)).accept(stream);
                Transport::Handshake(Box::new(accept))
            }
            None => Transport::Plain(stream),
        };
        (GuardedStream::new(transport, peer, setup, self.limits, ticket), peer)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A connection with a deadline and a limit to what is read from it.
pub(super) struct GuardedStream {
    transport: Transport,
    peer: SocketAddr,
    setup: Arc<Setup>,
    deadline: Pin<Box<Sleep>>,
    phase: Phase,
    /// The last bytes that were read.
    tail: [u8; 4],
    may_read: usize,
    limits: Limits,
    opened: Instant,
    entry: Entry,
    ticket: Arc<Ticket>,
}

/// What the deadline is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// The first request, or one that has begun after an answer.
    Asking,
    /// The answer, until all of it is written.
    Answering,
    /// Nothing is asked, and what was is answered.
    Idle,
}

/// Nothing is read from a connection, nor is TLS agreed on, before it has a place. It waits for one
/// here rather than before it is accepted, so that others can be accepted meanwhile.
enum Entry {
    Waiting(Pin<Box<dyn Future<Output = Place> + Send>>),
    Served { _place: Place },
}

/// How bytes travel.
pub(super) enum Transport {
    Plain(TcpStream),
    /// TLS, not yet agreed on.
    Handshake(Box<Accept<TcpStream>>),
    Tls(Box<TlsStream<TcpStream>>),
    /// Within this process.
    #[cfg(feature = "fuzzing")]
    Memory(tokio::io::DuplexStream),
}

impl GuardedStream {
    /// A connection that has just been accepted.
    pub(super) fn new(
        transport: Transport,
        peer: SocketAddr,
        setup: Arc<Setup>,
        limits: Limits,
        ticket: Ticket,
    ) -> Self {
        Self {
            transport,
            peer,
            setup,
            deadline: Box::pin(sleep(limits.request_within)),
            phase: Phase::Asking,
            tail: [0; 4],
            may_read: limits.request_bytes,
            limits,
            opened: Instant::now(),
            entry: Entry::Waiting(Box::pin(ticket.place())),
            ticket: Arc::new(ticket),
        }
    }

    /// Who is at the other end.
    pub(super) fn visitor(&self) -> Visitor {
        Visitor {
            peer: self.peer,
            setup: Arc::clone(&self.setup),
            ticket: Arc::clone(&self.ticket),
            leaves_at: self.opened + self.limits.lifetime,
        }
    }

    /// Calls `io` with what lies beneath, once there is something to speak through.
    fn through<T>(
        &mut self,
        context: &mut Context<'_>,
        io: impl FnOnce(Pin<&mut dyn Stream>, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if let Entry::Waiting(place) = &mut self.entry {
            match place.as_mut().poll(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(place) => self.entry = Entry::Served { _place: place },
            }
        }
        if let Transport::Handshake(accept) = &mut self.transport {
            match Pin::new(accept.as_mut()).poll(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Ready(Ok(stream)) => self.transport = Transport::Tls(Box::new(stream)),
            }
        }
        match &mut self.transport {
            Transport::Plain(stream) => io(Pin::new(stream), context),
            Transport::Tls(stream) => io(Pin::new(stream.as_mut()), context),
            #[cfg(feature = "fuzzing")]
            Transport::Memory(stream) => io(Pin::new(stream), context),
            // It was done with above.
            Transport::Handshake(_) => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }

    /// Fails once the deadline has passed, and wakes the task when it does.
    fn in_time(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        match self.deadline.as_mut().poll(context) {
            Poll::Ready(()) => Err(io::ErrorKind::TimedOut.into()),
            Poll::Pending => Ok(()),
        }
    }

    /// Goes on to another phase, unless it is the one that is, and to its deadline.
    fn enter(&mut self, phase: Phase) {
        if self.phase == phase {
            return;
        }
        self.phase = phase;
        let within = match phase {
            Phase::Asking => {
                self.may_read = self.limits.request_bytes;
                self.limits.request_within
            }
            Phase::Answering => self.limits.response_within,
            Phase::Idle => self.limits.idle,
        };
        // Moved rather than made anew: a timer that is put off wakes nobody.
        self.deadline.as_mut().reset(Instant::now() + within);
    }
}

impl AsyncRead for GuardedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.in_time(context)?;
        if self.may_read == 0 {
            return Poll::Ready(Err(io::ErrorKind::QuotaExceeded.into()));
        }
        let before = buffer.filled().len();
        let polled = self.through(context, |stream, context| stream.poll_read(context, buffer));
        let read = buffer.filled().len().saturating_sub(before);
        if read > 0 && self.phase == Phase::Idle {
            self.enter(Phase::Asking);
        }
        self.may_read = self.may_read.saturating_sub(read);
        let after = buffer.filled().len().saturating_sub(read.min(4));
        for byte in buffer.filled().get(after..).unwrap_or_default() {
            self.tail.rotate_left(1);
            self.tail[3] = *byte;
        }
        polled
    }
}

impl AsyncWrite for GuardedStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.enter(Phase::Answering);
        self.in_time(context)?;
        self.through(context, |stream, context| stream.poll_write(context, bytes))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.enter(Phase::Answering);
        self.in_time(context)?;
        self.through(context, |stream, context| stream.poll_write_vectored(context, slices))
    }

    fn is_write_vectored(&self) -> bool {
        match &self.transport {
            Transport::Plain(stream) => stream.is_write_vectored(),
            Transport::Handshake(_) => false,
            Transport::Tls(stream) => stream.is_write_vectored(),
            #[cfg(feature = "fuzzing")]
            Transport::Memory(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.in_time(context)?;
        if let Transport::Handshake(_) = self.transport {
            // Nothing was written yet.
            return Poll::Ready(Ok(()));
        }
        let polled = self.through(context, |stream, context| stream.poll_flush(context));
        // hyper flushes when it has nothing more to write, and the whole answer is written at once.
        if self.phase == Phase::Answering && matches!(polled, Poll::Ready(Ok(()))) {
            // What was read beyond the end of a request is the beginning of another.
            let next = if self.tail == *b"\r\n\r\n" { Phase::Idle } else { Phase::Asking };
            self.enter(next);
        }
        polled
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.transport {
            // Closed when it is dropped, which comes next.
            Transport::Plain(_) | Transport::Handshake(_) => return Poll::Ready(Ok(())),
            // A message of its own, without which the client would think that something is missing.
            Transport::Tls(_) => {}
            #[cfg(feature = "fuzzing")]
            Transport::Memory(_) => {}
        }
        self.in_time(context)?;
        self.through(context, |stream, context| stream.poll_shutdown(context))
    }
}

/// What can be read and written.
trait Stream: AsyncRead + AsyncWrite + Unpin {}

impl<S: AsyncRead + AsyncWrite + Unpin> Stream for S {}

impl std::fmt::Debug for GuardedStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GuardedStream").field("peer", &self.peer).finish_non_exhaustive()
    }
}
