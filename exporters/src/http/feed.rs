//! Passes that another process makes: they are fetched when somebody asks, and at no other time.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// Where passes come from that are not made here.
pub trait Feed: Send + Sync + fmt::Debug {
    /// Puts what there is on the board, if that is not what is there already. It may block: it is not
    /// called on the runtime.
    fn refresh(&self);
}

/// A feed, and whose turn it is: on a disk that does not answer one thread waits, and not one for each
/// request.
#[derive(Debug, Clone)]
pub(super) struct Fetched {
    feed: Arc<dyn Feed>,
    turn: Arc<Semaphore>,
}

impl From<Arc<dyn Feed>> for Fetched {
    fn from(feed: Arc<dyn Feed>) -> Self {
        Self { feed, turn: Arc::new(Semaphore::new(1)) }
    }
}

/// How long a request waits for it; afterwards it is answered from what there was.
const WITHIN: Duration =
    if cfg!(test) { Duration::from_millis(50) } else { Duration::from_secs(1) };

/// Refreshes before a request is answered.
pub(super) async fn refresh(
    State(Fetched { feed, turn }): State<Fetched>,
    request: Request,
    next: Next,
) -> Response {
    let refreshed = async {
        // Whoever comes second waits here, without a thread. The semaphore is never closed.
        let turn = turn.acquire_owned().await;
        let refresh = move || {
            feed.refresh();
            // Held to the end, also where nobody waits for it any more.
            drop(turn);
        };
        tokio::task::spawn_blocking(refresh).await
    };
    let _ = timeout(WITHIN, refreshed).await;
    next.run(request).await
}
