//! The HTTP server: metrics, health, and the snapshot as JSON.
//!
//! | path | answer |
//! |---|---|
//! | `/` | a page with links |
//! | `/metrics` | Prometheus text; 503 before the first pass |
//! | `/healthz`, `/-/healthy` | 200 while the last pass is fresh, else 503 with the reason |
//! | `/readyz`, `/-/ready` | 200 once a pass has completed, else 503 |
//! | `/api/v1/snapshot` | JSON; 503 with a JSON `error` while there is no fresh pass |
//!
//! Requests are answered from memory, one per connection. A client cannot make the agent read the
//! host, wait for it, or hold more than a bounded amount of memory for a bounded time.

mod board;
mod guard;

pub use board::Board;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use board::{Freshness, Page};
use guard::{GuardedListener, Limits};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

const TEXT: &str = "text/plain; charset=utf-8";
const HTML: &str = "text/html; charset=utf-8";
const JSON: &str = "application/json";

/// How long open connections may take to finish after the server was told to stop.
const DRAIN: Duration = Duration::from_secs(3);

/// The routes, answered from `board`.
pub fn router(board: Arc<Board>) -> Router {
    Router::new()
        .route("/", get(landing))
        .route("/metrics", get(metrics))
        .route("/healthz", get(healthy))
        .route("/-/healthy", get(healthy))
        .route("/readyz", get(ready))
        .route("/-/ready", get(ready))
        .route("/api/v1/snapshot", get(snapshot))
        .fallback(not_found)
        .method_not_allowed_fallback(wrong_method)
        .with_state(board)
}

/// Serves [`router`] on `listener` until `shutdown` completes, then lets open connections finish
/// for a few seconds. Must run within a tokio runtime with I/O and time enabled.
///
/// A failing `accept` (too many open files) is retried after a second and never ends the server.
pub async fn serve(
    listener: TcpListener,
    board: Arc<Board>,
    shutdown: impl Future<Output = ()> + Send + 'static,
) {
    serve_within(listener, board, shutdown, Limits::DEFAULT).await;
}

async fn serve_within(
    listener: TcpListener,
    board: Arc<Board>,
    shutdown: impl Future<Output = ()> + Send + 'static,
    limits: Limits,
) {
    let (told, stopping) = oneshot::channel();
    let shutdown = async move {
        shutdown.await;
        // The receiver is gone only when the server is.
        let _ = told.send(());
    };
    let server = axum::serve(GuardedListener::new(listener, limits), router(board))
        .with_graceful_shutdown(shutdown);
    let drained = async move {
        if stopping.await.is_ok() {
            tokio::time::sleep(DRAIN).await;
        }
    };
    tokio::select! {
        // Never an error, says its documentation.
        _ = server => {}
        () = drained => {}
    }
}

fn answer(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Response {
    let headers = [
        (header::CONTENT_TYPE, content_type),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // One request per connection keeps the deadlines of `guard` simple and strict. A scrape a
        // minute does not miss keep-alive.
        (header::CONNECTION, "close"),
    ];
    let body: Bytes = body.into();
    (status, headers, body).into_response()
}

async fn landing() -> Response {
    const PAGE: &str = concat!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><title>scrubjay</title></head><body>\n",
        "<h1>scrubjay ",
        env!("CARGO_PKG_VERSION"),
        "</h1>\n<p>Remembers memory errors, live patches and boots of this host.</p>\n<ul>\n",
        "<li><a href=\"/metrics\">/metrics</a>: Prometheus text</li>\n",
        "<li><a href=\"/api/v1/snapshot\">/api/v1/snapshot</a>: everything known, as JSON</li>\n",
        "<li><a href=\"/healthz\">/healthz</a>: whether the last pass is fresh</li>\n",
        "<li><a href=\"/readyz\">/readyz</a>: whether a pass has completed</li>\n",
        "</ul></body></html>\n"
    );
    answer(StatusCode::OK, HTML, PAGE)
}

async fn metrics(State(board): State<Arc<Board>>) -> Response {
    match board.metrics() {
        Some(page) => written(page, crate::prometheus::CONTENT_TYPE),
        None => {
            answer(StatusCode::SERVICE_UNAVAILABLE, TEXT, format!("{}\n", Freshness::NoPassYet))
        }
    }
}

async fn healthy(State(board): State<Arc<Board>>) -> Response {
    let freshness = board.freshness();
    answer(status(&freshness), TEXT, format!("{freshness}\n"))
}

async fn ready(State(board): State<Arc<Board>>) -> Response {
    match board.freshness() {
        not_yet @ Freshness::NoPassYet => {
            answer(StatusCode::SERVICE_UNAVAILABLE, TEXT, format!("{not_yet}\n"))
        }
        Freshness::Fresh | Freshness::Stale { .. } => answer(StatusCode::OK, TEXT, "ready\n"),
    }
}

async fn snapshot(State(board): State<Arc<Board>>) -> Response {
    match board.snapshot() {
        Ok(page) => written(page, JSON),
        Err(freshness) => match crate::json::failure(&freshness.to_string()) {
            Ok(body) => answer(status(&freshness), JSON, body),
            Err(error) => written(Err(error.to_string()), JSON),
        },
    }
}

fn written(page: Page, content_type: &'static str) -> Response {
    match page {
        Ok(page) => answer(StatusCode::OK, content_type, page),
        Err(error) => answer(StatusCode::INTERNAL_SERVER_ERROR, TEXT, format!("{error}\n")),
    }
}

fn status(freshness: &Freshness) -> StatusCode {
    match freshness {
        Freshness::Fresh => StatusCode::OK,
        Freshness::Stale { .. } | Freshness::NoPassYet => StatusCode::SERVICE_UNAVAILABLE,
    }
}

async fn not_found() -> Response {
    answer(StatusCode::NOT_FOUND, TEXT, "no such page; / lists them\n")
}

async fn wrong_method() -> Response {
    answer(StatusCode::METHOD_NOT_ALLOWED, TEXT, "only GET and HEAD are answered\n")
}

#[cfg(test)]
mod tests;
