//! The status page over HTTP: which address is which page, and that none of them can hang.
//!
//! A page that asks the history is made on a thread beside the runtime, two at a time. Where the
//! history does not answer in time, or others ask it, the page is made without it and says so: what
//! the last pass saw is there in any case.

use super::board::{Freshness, Posted};
use super::{Board, HTML, JSON, TEXT, answer, status};
use crate::site::{self, Form, Known, Pages, Past, Place, Silent};
use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::middleware::map_response;
use axum::response::Response;
use axum::routing::get;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// Pages that may ask the history at once: more would only make each other wait for the disk.
const ASKING: usize = 2;

/// How long a page waits for its turn, and then for the history. Together with a handshake and a password
/// that is verified that is less than the time for a request.
const TURN: Duration = if cfg!(test) { Duration::from_millis(50) } else { Duration::from_secs(1) };
const HISTORY: Duration =
    if cfg!(test) { Duration::from_millis(100) } else { Duration::from_secs(2) };

/// How long a browser may keep the style sheet; its address has the version.
const KEPT: &str = "private, max-age=300";

/// Nothing from elsewhere, no script at all, no style but the sheet, and in nobody's frame.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; \
    form-action 'none'; frame-ancestors 'none'";

/// What handlers share.
#[derive(Clone)]
struct Shared {
    board: Arc<Board>,
    pages: Arc<Pages>,
    asking: Arc<Semaphore>,
    telemetry_path: Arc<str>,
}

/// An address that ends with a name, and the page it is of.
type Named = (&'static str, fn(String) -> Place);

/// Every page, as HTML and as JSON, and what browsers load for them; and the answer to whatever is at
/// no address.
pub(super) fn routes(board: &Arc<Board>, pages: Pages, telemetry_path: &str) -> Router<Arc<Board>> {
    let shared = Shared {
        board: Arc::clone(board),
        pages: Arc::new(pages),
        asking: Arc::new(Semaphore::new(ASKING)),
        telemetry_path: telemetry_path.into(),
    };
    let plain = [
        ("/", "/api/v1/overview", Place::Overview),
        ("/memory", "/api/v1/memory", Place::Memory),
        ("/patches", "/api/v1/patches", Place::Patches),
        ("/uptime", "/api/v1/uptime", Place::Uptime),
        ("/alerts", "/api/v1/alerts", Place::Alerts),
        ("/visibility", "/api/v1/visibility", Place::Visibility),
        ("/about", "/api/v1/about", Place::About),
    ];
    let mut router = Router::new();
    for (path, json_path, place) in plain {
        for (path, form) in [(path, Form::Html), (json_path, Form::Json)] {
            let place = place.clone();
            let page = move |State(shared): State<Shared>, RawQuery(query): RawQuery| {
                made(shared, place, form, query)
            };
            router = router.route(path, get(page));
        }
    }
    let named: [Named; 2] = [("/memory/{name}", Place::Dimm), ("/findings/{name}", Place::Finding)];
    for (path, place) in named {
        for (path, form) in [(path.to_owned(), Form::Html), (format!("/api/v1{path}"), Form::Json)]
        {
            let page = move |State(shared): State<Shared>,
                             name: Result<Path<String>, PathRejection>| async move {
                match name {
                    Ok(Path(name)) => made(shared, place(name), form, None).await,
                    Err(_) => answer(StatusCode::BAD_REQUEST, TEXT, "the address is not UTF-8\n"),
                }
            };
            router = router.route(&path, get(page));
        }
    }
    router
        .route("/assets/site.css", get(|| asset("text/css; charset=utf-8", site::STYLE)))
        .route("/assets/icon.svg", get(|| asset("image/svg+xml", site::ICON)))
        .fallback(not_found)
        .layer(map_response(guarded))
        .with_state(shared)
}

/// Adds the headers by which a browser protects whoever looks.
async fn guarded(mut response: Response) -> Response {
    let headers: [(HeaderName, &str); 5] = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    for (name, value) in headers {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

async fn asset(content_type: &'static str, content: &'static str) -> Response {
    let mut response = answer(StatusCode::OK, content_type, content);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(KEPT));
    response
}

/// A page, with the history if it answers.
async fn made(shared: Shared, place: Place, form: Form, query: Option<String>) -> Response {
    let freshness = shared.board.freshness();
    let Some(posted) = shared.board.latest() else { return nothing_yet(form, &freshness) };
    let mut response = if place.asks_the_history() {
        with_history(&shared, posted, &freshness, place, form).await
    } else {
        // None of these asks it.
        let silent = Silent("this page does not ask the history".to_owned());
        off_the_runtime(&shared, posted, &freshness, place, form, Arc::new(silent), None).await
    };
    if query.is_some_and(|query| query == "refresh") {
        let name = HeaderName::from_static("refresh");
        response.headers_mut().insert(name, HeaderValue::from_static("60"));
    }
    response
}

async fn with_history(
    shared: &Shared,
    posted: Arc<Posted>,
    freshness: &Freshness,
    place: Place,
    form: Form,
) -> Response {
    let again = (Arc::clone(&posted), place.clone());
    let turn = timeout(TURN, Arc::clone(&shared.asking).acquire_owned()).await;
    let why = match turn {
        Ok(Ok(turn)) => {
            let past = Arc::clone(&shared.pages.past);
            let page = off_the_runtime(shared, posted, freshness, place, form, past, Some(turn));
            match timeout(HISTORY, page).await {
                Ok(page) => return page,
                Err(_) => {
                    format!("the history did not answer within {}", scrubjay_model::span(HISTORY))
                }
            }
        }
        // The semaphore is never closed.
        Ok(Err(_)) | Err(_) => {
            "others wait for the history at this moment: load the page again; if that says the same, the \
             disk of the history does not answer"
                .to_owned()
        }
    };
    let (posted, place) = again;
    off_the_runtime(shared, posted, freshness, place, form, Arc::new(Silent(why)), None).await
}

/// Makes a page on another thread, so that neither a slow disk nor a host with thousands of sticks
/// holds up a scrape. Whose `turn` it is ends with the page, not with whoever waited for it.
async fn off_the_runtime(
    shared: &Shared,
    posted: Arc<Posted>,
    freshness: &Freshness,
    place: Place,
    form: Form,
    past: Arc<dyn Past>,
    turn: Option<tokio::sync::OwnedSemaphorePermit>,
) -> Response {
    let (pages, telemetry_path) = (Arc::clone(&shared.pages), Arc::clone(&shared.telemetry_path));
    let stale = stale(freshness);
    let make = move || {
        let known = Known {
            view: posted.view(),
            stale: stale.as_deref(),
            past: &*past,
            docs: &pages.docs,
            runbook: pages.runbook,
            telemetry_path: &telemetry_path,
        };
        let made = site::answer(&place, form, &known);
        drop(turn);
        made
    };
    let content_type = match form {
        Form::Html => HTML,
        Form::Json => JSON,
    };
    match tokio::task::spawn_blocking(make).await {
        // What is not there is not there, however old the pass is.
        Ok(Ok(made)) if !made.is_found => answer(StatusCode::NOT_FOUND, content_type, made.body),
        Ok(Ok(made)) => answer(status(freshness), content_type, made.body),
        Ok(Err(error)) => answer(StatusCode::INTERNAL_SERVER_ERROR, TEXT, format!("{error}\n")),
        Err(_) => {
            let defect = "the page could not be made (a defect of scrubjay, please report)\n";
            answer(StatusCode::INTERNAL_SERVER_ERROR, TEXT, defect)
        }
    }
}

fn stale(freshness: &Freshness) -> Option<String> {
    match freshness {
        Freshness::Fresh => None,
        Freshness::Stale { .. }
        | Freshness::Ended(_)
        | Freshness::NoPassYet
        | Freshness::Nothing(_) => Some(freshness.to_string()),
    }
}

fn nothing_yet(form: Form, freshness: &Freshness) -> Response {
    match form {
        Form::Html => {
            let page = match freshness {
                Freshness::Nothing(why) => site::nothing(why),
                Freshness::NoPassYet
                | Freshness::Fresh
                | Freshness::Stale { .. }
                | Freshness::Ended(_) => site::not_yet(),
            };
            let mut response = answer(StatusCode::SERVICE_UNAVAILABLE, HTML, page);
            if matches!(freshness, Freshness::Nothing(_)) {
                return response;
            }
            let name = HeaderName::from_static("refresh");
            response.headers_mut().insert(name, HeaderValue::from_static("2"));
            response
        }
        Form::Json => failed(StatusCode::SERVICE_UNAVAILABLE, &freshness.to_string()),
    }
}

fn failed(status: StatusCode, why: &str) -> Response {
    match crate::json::failure(why) {
        Ok(body) => answer(status, JSON, body),
        Err(error) => answer(StatusCode::INTERNAL_SERVER_ERROR, TEXT, format!("{error}\n")),
    }
}

/// Whoever reads HTML gets a page with ways out, programs get a line.
async fn not_found(State(shared): State<Shared>, uri: Uri, headers: HeaderMap) -> Response {
    let path = uri.path();
    if path.starts_with("/api/") {
        return failed(StatusCode::NOT_FOUND, "no such page; /about lists them");
    }
    let accepted = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    if !accepted.is_some_and(|accepted| accepted.contains("text/html")) {
        return answer(StatusCode::NOT_FOUND, TEXT, "no such page; / lists them\n");
    }
    let posted = shared.board.latest();
    let stale = stale(&shared.board.freshness());
    let silent = Silent(String::new());
    let known = posted.as_ref().map(|posted| Known {
        view: posted.view(),
        stale: stale.as_deref(),
        past: &silent,
        docs: &shared.pages.docs,
        runbook: shared.pages.runbook,
        telemetry_path: &shared.telemetry_path,
    });
    answer(StatusCode::NOT_FOUND, HTML, site::not_found(path, known.as_ref()))
}
