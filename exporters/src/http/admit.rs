//! Who may see what.
//!
//! Until somebody says how to authenticate, only those on the host itself see more than the metrics
//! page and whether the agent is well: what the rest tells of a host (versions, addresses of pages,
//! processes) helps whoever wants to break into it.

use super::guard::GuardedListener;
use super::places::Ticket;
use super::web::{Admission, Gate, Setup};
use super::{Board, TEXT, answer};
use axum::extract::connect_info::Connected;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use axum::serve::IncomingStream;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use tokio::time::Instant;

/// Who is at the other end of a connection, and what held when it began.
#[derive(Debug, Clone)]
pub(super) struct Visitor {
    pub(super) peer: SocketAddr,
    pub(super) setup: Arc<Setup>,
    pub(super) ticket: Arc<Ticket>,
    pub(super) leaves_at: Instant,
}

impl Connected<IncomingStream<'_, GuardedListener>> for Visitor {
    fn connect_info(stream: IncomingStream<'_, GuardedListener>) -> Self {
        stream.io().visitor()
    }
}

/// Paths for everybody, beside that of the metrics.
const HEALTH: [&str; 4] = ["/healthz", "/-/healthy", "/readyz", "/-/ready"];

/// What is looked at to decide.
#[derive(Debug, Clone)]
pub(super) struct Door {
    pub(super) telemetry_path: Arc<str>,
    /// It knows what the host is called.
    pub(super) board: Arc<Board>,
    /// It knows what holds now.
    pub(super) gate: Arc<Gate>,
}

/// Lets requests through, or says why not; adds the headers that were asked for either way.
pub(super) async fn admit(
    State(door): State<Door>,
    ConnectInfo(visitor): ConnectInfo<Visitor>,
    request: Request,
    next: Next,
) -> Response {
    let Visitor { peer, setup: began_with, ticket, leaves_at } = visitor;
    let setup = door.gate.setup().await;
    let is_as_begun = Arc::ptr_eq(&setup, &began_with);
    // What was shown when the connection began may not be what is asked for now.
    if !is_as_begun && !setup.holds_for_connection_under(&began_with) {
        return leaving(answer(StatusCode::SERVICE_UNAVAILABLE, TEXT, CHANGED));
    }
    let admission = match setup.passwords() {
        Some(passwords) => passwords.admits(request.headers(), peer.ip().into()).await,
        None => Admission::Granted,
    };
    let is_for_all = is_for_all(request.uri().path(), &door.telemetry_path);
    let mut response = match admission {
        Admission::Refused => unauthorized(),
        Admission::Busy => busy(),
        Admission::Granted if setup.authenticates() || is_for_all => next.run(request).await,
        Admission::Granted if !is_here(peer) => answer(StatusCode::FORBIDDEN, TEXT, FORBIDDEN),
        Admission::Granted if !names_this_host(&request, door.board.host_name().as_deref()) => {
            answer(StatusCode::FORBIDDEN, TEXT, MISNAMED)
        }
        Admission::Granted => next.run(request).await,
    };
    for (name, value) in setup.headers() {
        response.headers_mut().insert(name.clone(), value.clone());
    }
    let stays = is_as_begun && ticket.may_stay() && Instant::now() < leaves_at;
    if stays { response } else { leaving(response) }
}

/// The last answer on a connection.
fn leaving(mut response: Response) -> Response {
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

const CHANGED: &str = "how connections are made has changed since this one began: connect again\n";

/// Whether a page is for those as well who have not shown who they are.
fn is_for_all(path: &str, telemetry_path: &str) -> bool {
    path == telemetry_path || HEALTH.contains(&path)
}

/// Whether somebody connected to a loopback address. Another address of the host could be that of a
/// container on it.
fn is_here(peer: SocketAddr) -> bool {
    peer.ip().to_canonical().is_loopback()
}

/// Whether a request is for this host by its name. A browser on it may be made to ask for the pages
/// of a stranger, whose name leads here for a while, and to hand them to him.
fn names_this_host(request: &Request, host_name: Option<&str>) -> bool {
    let header = request.headers().get(header::HOST).map(HeaderValue::as_bytes);
    let header = header.and_then(|bytes| Authority::try_from(bytes).ok());
    let header = header.as_ref().map(Authority::host);
    let Some(host) = request.uri().host().or(header) else { return false };
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let name = host.strip_suffix('.').unwrap_or(host);
    let known = [Some("localhost"), host_name];
    bare.parse::<IpAddr>().is_ok()
        || known.into_iter().flatten().any(|known| known.eq_ignore_ascii_case(name))
}

const MISNAMED: &str = "the request is for a host of another name, as one that a browser is tricked \
    into would be: ask for localhost, for an address, or for the name that `hostname` tells \
    (docs/web.md)\n";

const FORBIDDEN: &str = "from other hosts only the metrics and the health of the agent are shown \
    until it knows who asks: set basic_auth_users, or client_auth_type: \
    RequireAndVerifyClientCert, in the file of --web.config.file (docs/web.md), or ask at a \
    loopback address of this host\n";

fn busy() -> Response {
    const BUSY: &str = "passwords from this address are being verified: ask again later\n";
    let mut response = answer(StatusCode::SERVICE_UNAVAILABLE, TEXT, BUSY);
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

fn unauthorized() -> Response {
    let mut response = answer(StatusCode::UNAUTHORIZED, TEXT, "Unauthorized\n");
    let basic = HeaderValue::from_static("Basic");
    response.headers_mut().insert(header::WWW_AUTHENTICATE, basic);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn others_see_the_metrics_and_the_health_and_no_more() {
        let here = ["127.0.0.1:9", "127.9.9.9:9", "[::1]:9", "[::ffff:127.0.0.1]:9"];
        let there = ["192.0.2.1:9", "[2001:db8::1]:9", "[::ffff:192.0.2.1]:9", "0.0.0.0:9"];
        for peer in here.into_iter().chain(there) {
            let is_expected = here.contains(&peer);
            assert_eq!(is_here(peer.parse().unwrap()), is_expected, "{peer}");
        }
        for path in ["/metrics", "/healthz", "/readyz", "/-/healthy", "/-/ready"] {
            assert!(is_for_all(path, "/metrics"), "{path}");
        }
        for path in ["/", "/api/v1/snapshot", "/metrics/", "//metrics", "/other"] {
            assert!(!is_for_all(path, "/metrics"), "{path}");
        }
        assert!(!is_for_all("/metrics", "/elsewhere"));
    }

    #[test]
    fn a_name_that_only_leads_here_is_none_of_this_host() {
        let names = |host: &str, own: Option<&str>| {
            let mut request = Request::new(axum::body::Body::empty());
            let value = HeaderValue::from_str(host).unwrap();
            request.headers_mut().insert(header::HOST, value);
            names_this_host(&request, own)
        };
        for host in [
            "localhost",
            "LocalHost:10072",
            "localhost.",
            "127.0.0.1:10072",
            "[::1]:10072",
            "192.0.2.1",
            "Web-1:10072",
        ] {
            assert!(names(host, Some("web-1")), "{host}");
        }
        for host in ["evil.example", "evil.example:10072", "localhost.evil.example", "", "web-2"] {
            assert!(!names(host, Some("web-1")), "{host}");
        }
        assert!(!names("web-1", None));
        assert!(!names_this_host(&Request::new(axum::body::Body::empty()), None));
    }
}
