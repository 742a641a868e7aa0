//! What keeps slow and hostile clients from taking the server down.
//!
//! `axum::serve` sets hyper no timer, so a client may send half a request and keep the connection
//! for ever. The guard sits between hyper and the socket: a limited number of connections, a
//! deadline for the request and one for the response, and a limit to what is read.

use axum::serve::Listener;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Sleep, sleep};

/// What a client may use.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Connections at once; more wait in the kernel's queue.
    pub(super) connections: usize,
    /// Time from being accepted to the first byte of the answer.
    pub(super) request_within: Duration,
    /// Time from then to the last.
    pub(super) response_within: Duration,
    /// Bytes read from a connection.
    pub(super) request_bytes: usize,
}

impl Limits {
    /// A browser on localhost may send 16 KiB of other services' cookies; nothing honest sends
    /// four times that.
    pub(super) const DEFAULT: Self = Self {
        connections: 32,
        request_within: Duration::from_secs(5),
        response_within: Duration::from_secs(30),
        request_bytes: 64 * 1024,
    };
}

/// A listener that hands out guarded connections.
#[derive(Debug)]
pub(super) struct GuardedListener {
    listener: TcpListener,
    limits: Limits,
    places: Arc<Semaphore>,
}

impl GuardedListener {
    pub(super) fn new(listener: TcpListener, limits: Limits) -> Self {
        Self { listener, limits, places: Arc::new(Semaphore::new(limits.connections)) }
    }
}

impl Listener for GuardedListener {
    type Io = GuardedStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (GuardedStream, SocketAddr) {
        // The semaphore is never closed. If it were, the connection would only lack its place.
        let place = Arc::clone(&self.places).acquire_owned().await.ok();
        let (stream, peer) = Listener::accept(&mut self.listener).await;
        let stream = GuardedStream {
            stream,
            deadline: Box::pin(sleep(self.limits.request_within)),
            answering: false,
            may_read: self.limits.request_bytes,
            response_within: self.limits.response_within,
            _place: place,
        };
        (stream, peer)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A connection with a deadline and a limit to what is read from it.
#[derive(Debug)]
pub(super) struct GuardedStream {
    stream: TcpStream,
    deadline: Pin<Box<Sleep>>,
    answering: bool,
    may_read: usize,
    response_within: Duration,
    _place: Option<OwnedSemaphorePermit>,
}

impl GuardedStream {
    /// Fails once the deadline has passed, and wakes the task when it does.
    fn in_time(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        match self.deadline.as_mut().poll(context) {
            Poll::Ready(()) => Err(io::ErrorKind::TimedOut.into()),
            Poll::Pending => Ok(()),
        }
    }

    /// Called before each write: the first one begins the answer and its deadline.
    fn begin_answer(&mut self) {
        if !self.answering {
            self.answering = true;
            self.deadline = Box::pin(sleep(self.response_within));
        }
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
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        let read = buffer.filled().len().saturating_sub(before);
        self.may_read = self.may_read.saturating_sub(read);
        polled
    }
}

impl AsyncWrite for GuardedStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.begin_answer();
        self.in_time(context)?;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.begin_answer();
        self.in_time(context)?;
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.in_time(context)?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
