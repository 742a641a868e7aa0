//! The HTTP server: metrics, health, and the snapshot as JSON.
//!
//! | path | answer | without authentication |
//! |---|---|---|
//! | `/metrics`, or as configured | the metrics page in one of two formats; 503 before the first pass | everybody |
//! | `/healthz`, `/-/healthy` | 200 while the last pass is fresh, else 503 with the reason | everybody |
//! | `/readyz`, `/-/ready` | 200 once a pass has completed, else 503 | everybody |
//! | `/` and the pages below it ([`crate::site`]) | HTML, and JSON below `/api/v1/` | this host |
//! | `/api/v1/snapshot` | JSON; 503 with a JSON `error` while there is no fresh pass | this host |
//!
//! This host is whoever connects to a loopback address of it.
//!
//! Requests are answered from memory. A client cannot make the agent hold more than a bounded amount
//! of memory for a bounded time. A connection may stay for further requests while half of the places
//! are free.

mod admit;
mod board;
mod feed;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod guard;
mod look;
mod negotiate;
mod pages;
mod places;
mod web;

pub use board::{Board, Holds, Post};
pub use feed::Feed;
pub use look::{Looks, Pace};
pub use web::{Gate, Setup, WebConfig, WebConfigError};

use crate::site::{Pages, is_page};
use admit::{Door, Visitor};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use board::{Freshness, Page};
use guard::{GuardedListener, Limits};
use negotiate::Format;
use places::Places;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};

const TEXT: &str = "text/plain; charset=utf-8";
const HTML: &str = "text/html; charset=utf-8";
const JSON: &str = "application/json";

/// Where the metrics page is unless somebody wants it elsewhere.
pub const TELEMETRY_PATH: &str = "/metrics";

/// Where everything else is, but for pages.
const PATHS: [&str; 4] = ["/healthz", "/-/healthy", "/readyz", "/-/ready"];

/// How long open connections may take to finish after the server was told to stop.
const DRAIN: Duration = Duration::from_secs(3);

/// What is served, and to whom.
#[derive(Debug)]
pub struct Site {
    /// What is known.
    pub board: Arc<Board>,
    /// Whether it still holds, where that can be told.
    pub looks: Option<Arc<Looks>>,
    /// Where it comes from, if it is not made here.
    pub feed: Option<Arc<dyn Feed>>,
    /// Who may see it.
    pub gate: Arc<Gate>,
    /// Where the metrics page is; one that [`is_telemetry_path`] takes.
    pub telemetry_path: String,
    /// What people look at, and its JSON; `None` where another server shows it.
    pub pages: Option<Pages>,
}

/// Whether the metrics page may be at a path: it begins with a slash, needs no escaping, and nothing
/// else is there.
pub fn is_telemetry_path(path: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"/-_.~".contains(&b);
    path.starts_with('/') && path.bytes().all(plain) && !PATHS.contains(&path) && !is_page(path)
}

/// The routes.
fn router(site: &Site) -> Router {
    let path: Arc<str> = site.telemetry_path.as_str().into();
    let door = Door {
        telemetry_path: Arc::clone(&path),
        board: Arc::clone(&site.board),
        gate: Arc::clone(&site.gate),
    };
    let scraped = (Arc::clone(&site.board), site.looks.clone());
    let mut router = match &site.pages {
        Some(pages) => pages::routes(&site.board, pages.clone(), &path)
            .route("/api/v1/snapshot", get(snapshot)),
        None => Router::new().fallback(elsewhere),
    };
    router = router
        .route(&site.telemetry_path, get(metrics).with_state(scraped))
        .route("/healthz", get(healthy))
        .route("/-/healthy", get(healthy))
        .route("/readyz", get(ready))
        .route("/-/ready", get(ready))
        .method_not_allowed_fallback(wrong_method);
    if let Some(feed) = &site.feed {
        let fetched = feed::Fetched::from(Arc::clone(feed));
        router = router.layer(from_fn_with_state(fetched, feed::refresh));
    }
    router
        // Outermost: whoever is not let in causes no work.
        .layer(from_fn_with_state(door, admit::admit))
        .with_state(Arc::clone(&site.board))
}

/// Why a server ended that nobody told to.
#[derive(Debug, thiserror::Error)]
#[error("nobody answers on a port any more (a defect of scrubjay, please report)")]
pub struct EndedUnasked(#[source] Option<JoinError>);

/// Serves a site on all `listeners` until `shutdown` completes, then lets open connections finish
/// for a few seconds. Must run within a tokio runtime with I/O and time enabled.
///
/// A failing `accept` (too many open files) is retried after a second and never ends the server. Where
/// one of the listeners is closed nonetheless, all end: that nobody answers must not go unnoticed.
pub async fn serve(
    listeners: Vec<TcpListener>,
    site: Site,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), EndedUnasked> {
    serve_within(listeners, site, shutdown, Limits::DEFAULT).await
}

async fn serve_within(
    listeners: Vec<TcpListener>,
    site: Site,
    shutdown: impl Future<Output = ()> + Send + 'static,
    limits: Limits,
) -> Result<(), EndedUnasked> {
    let (tell, told) = watch::channel(());
    let places = Places::new(limits);
    let mut servers = JoinSet::new();
    for listener in listeners {
        let listener = GuardedListener::new(listener, limits, &places, &site.gate);
        let service = router(&site).into_make_service_with_connect_info::<Visitor>();
        let mut told = told.clone();
        let stopping = async move {
            // An error says that whoever tells is gone, which tells as much.
            let _ = told.changed().await;
        };
        let server = axum::serve(listener, service).with_graceful_shutdown(stopping);
        // Never an error, says its documentation.
        servers.spawn(async move { server.await.is_ok() });
    }
    drop(told);
    let ended = tokio::select! {
        () = shutdown => Ok(()),
        Some(ended) = servers.join_next() => Err(EndedUnasked(ended.err())),
    };
    drop(tell);
    let drained = async { while servers.join_next().await.is_some() {} };
    // What is not done by then is cut off when the set is dropped.
    let _ = tokio::time::timeout(DRAIN, drained).await;
    ended
}

fn answer(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Response {
    let headers = [
        (header::CONTENT_TYPE, content_type),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    let body: Bytes = body.into();
    (status, headers, body).into_response()
}

/// What a scrape is answered from.
type Scraped = (Arc<Board>, Option<Arc<Looks>>);

async fn metrics(State((board, looks)): State<Scraped>, headers: HeaderMap) -> Response {
    if let Some(looks) = looks {
        looks.refresh().await;
    }
    let form = negotiate::form(&headers);
    let Some(page) = board.metrics(form) else {
        let none = format!("{}\n", board.freshness());
        return answer(StatusCode::SERVICE_UNAVAILABLE, TEXT, none);
    };
    let content_type = match form.format {
        Format::Classic => crate::prometheus::CONTENT_TYPE,
        Format::OpenMetrics => crate::openmetrics::CONTENT_TYPE,
    };
    let is_packed = page.is_ok() && form.gzip;
    let mut response = written(page, content_type);
    let vary = HeaderValue::from_static("accept, accept-encoding");
    response.headers_mut().insert(header::VARY, vary);
    if is_packed {
        let gzip = HeaderValue::from_static("gzip");
        response.headers_mut().insert(header::CONTENT_ENCODING, gzip);
    }
    response
}

async fn healthy(State(board): State<Arc<Board>>) -> Response {
    let freshness = board.freshness();
    answer(status(&freshness), TEXT, format!("{freshness}\n"))
}

async fn ready(State(board): State<Arc<Board>>) -> Response {
    match board.freshness() {
        nothing @ (Freshness::NoPassYet | Freshness::Nothing(_)) => {
            answer(StatusCode::SERVICE_UNAVAILABLE, TEXT, format!("{nothing}\n"))
        }
        Freshness::Fresh | Freshness::Stale { .. } | Freshness::Ended(_) => {
            answer(StatusCode::OK, TEXT, "ready\n")
        }
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
        Freshness::Stale { .. }
        | Freshness::Ended(_)
        | Freshness::NoPassYet
        | Freshness::Nothing(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// Where pages are switched off, nothing is at their addresses.
async fn elsewhere() -> Response {
    answer(
        StatusCode::NOT_FOUND,
        TEXT,
        "pages are switched off here (web.pages): scrubjay serve shows them\n",
    )
}

async fn wrong_method() -> Response {
    answer(StatusCode::METHOD_NOT_ALLOWED, TEXT, "only GET and HEAD are answered\n")
}

#[cfg(test)]
mod tests;
