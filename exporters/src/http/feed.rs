//! Passes that another process makes: they are fetched when somebody asks, and at no other time.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// Where passes come from that are not made here.
pub trait Feed: Send + Sync + fmt::Debug {
    /// Puts what there is on the board, if that is not what is there already. It may block: it is not
    /// called on the runtime.
    fn refresh(&self);
}

/// How long a request waits for it; afterwards it is answered from what there was.
const WITHIN: Duration =
    if cfg!(test) { Duration::from_millis(50) } else { Duration::from_secs(1) };

/// Refreshes before a request is answered.
pub(super) async fn refresh(
    State(feed): State<Arc<dyn Feed>>,
    request: Request,
    next: Next,
) -> Response {
    let refreshed = tokio::task::spawn_blocking(move || feed.refresh());
    let _ = timeout(WITHIN, refreshed).await;
    next.run(request).await
}
