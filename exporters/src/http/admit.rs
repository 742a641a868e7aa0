//! Who may see what.
//!
//! Until somebody says how to authenticate, only those on the host itself see more than the metrics
//! page and whether the agent is well: what the rest tells of a host (versions, addresses of pages,
//! processes) helps whoever wants to break into it.

use super::guard::GuardedListener;
use super::web::Setup;
use super::{TEXT, answer};
use axum::extract::connect_info::Connected;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use axum::serve::IncomingStream;
use std::net::SocketAddr;
use std::sync::Arc;

/// Who is at the other end of a connection, and what held when it began.
#[derive(Debug, Clone)]
pub(super) struct Visitor {
    pub(super) peer: SocketAddr,
    pub(super) setup: Arc<Setup>,
}

impl Connected<IncomingStream<'_, GuardedListener>> for Visitor {
    fn connect_info(stream: IncomingStream<'_, GuardedListener>) -> Self {
        stream.io().visitor()
    }
}

/// Paths for everybody, beside that of the metrics.
const HEALTH: [&str; 4] = ["/healthz", "/-/healthy", "/readyz", "/-/ready"];

/// Lets requests through, or says why not; adds the headers that were asked for either way.
pub(super) async fn admit(
    State(telemetry_path): State<Arc<str>>,
    ConnectInfo(visitor): ConnectInfo<Visitor>,
    request: Request,
    next: Next,
) -> Response {
    let Visitor { peer, setup } = visitor;
    let mut response = if let Some(passwords) = setup.passwords()
        && !passwords.admits(request.headers()).await
    {
        unauthorized()
    } else if setup.authenticates() || is_for(peer, request.uri().path(), &telemetry_path) {
        next.run(request).await
    } else {
        answer(StatusCode::FORBIDDEN, TEXT, FORBIDDEN)
    };
    for (name, value) in setup.headers() {
        response.headers_mut().insert(name.clone(), value.clone());
    }
    response
}

/// Whether somebody who has not shown who he is may see a page.
fn is_for(peer: SocketAddr, path: &str, telemetry_path: &str) -> bool {
    path == telemetry_path || HEALTH.contains(&path) || peer.ip().to_canonical().is_loopback()
}

const FORBIDDEN: &str = "from other hosts only the metrics and the health of the agent are shown \
    until it knows who asks: set basic_auth_users, or client_auth_type: \
    RequireAndVerifyClientCert, in the file of --web.config.file (docs/web.md), or ask from this \
    host\n";

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
            let peer: SocketAddr = peer.parse().unwrap();
            let is_here = here.iter().any(|here| here.parse() == Ok(peer));
            for path in ["/metrics", "/healthz", "/readyz", "/-/healthy", "/-/ready"] {
                assert!(is_for(peer, path, "/metrics"), "{peer} {path}");
            }
            for path in ["/", "/api/v1/snapshot", "/metrics/", "//metrics", "/other"] {
                assert_eq!(is_for(peer, path, "/metrics"), is_here, "{peer} {path}");
            }
            assert_eq!(is_for(peer, "/metrics", "/elsewhere"), is_here, "{peer}");
        }
    }
}
