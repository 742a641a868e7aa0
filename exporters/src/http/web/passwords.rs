//! Basic authentication (RFC 7617) against bcrypt hashes.
//!
//! As exporter-toolkit does it: an unknown user costs as much time as a known one, so that names
//! cannot be told by the clock, and a password that was right is remembered as a digest, so that a
//! scrape does not cost a bcrypt each time. Wrong ones are not remembered; they are verified away
//! from the runtime, one at a time, and wait no longer than a request may take.

use super::WebConfigError;
use super::config::wrong;
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bcrypt::HashParts;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr as _;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

/// A step more doubles the time; 15 is about two seconds, and a request may take five.
const HIGHEST_COST: u32 = 15;

/// Digests kept. There are as many as there are users, unless somebody plays with equal passwords.
const MOST_REMEMBERED: usize = 256;

type Seen = [u8; 32];

/// Users, with hashes of their passwords.
pub(in crate::http) struct Passwords {
    hashes: BTreeMap<String, String>,
    /// Digests of what was right.
    right: Mutex<BTreeSet<Seen>>,
    turn: Arc<Semaphore>,
}

impl Passwords {
    pub(super) fn new(users: &BTreeMap<String, String>) -> Result<Self, WebConfigError> {
        for (user, hash) in users {
            let key = format!("basic_auth_users.{user}");
            let Ok(parts) = HashParts::from_str(hash) else {
                let why =
                    "is not a bcrypt hash; make one with: htpasswd -nBC 10 \"\" | tr -d ':\\n'";
                return Err(wrong(&key, why));
            };
            let cost = parts.get_cost();
            if cost > HIGHEST_COST {
                let why = format!(
                    "has a cost of {cost}, which takes longer than a request may; at most \
                     {HIGHEST_COST}"
                );
                return Err(wrong(&key, why));
            }
            // A name with a colon could never be sent.
            if user.contains(':') {
                return Err(wrong(&key, "a name must not hold a colon"));
            }
        }
        Ok(Self {
            hashes: users.clone(),
            right: Mutex::new(BTreeSet::new()),
            turn: Arc::new(Semaphore::new(1)),
        })
    }

    /// Whether a request names a user with his password.
    pub(in crate::http) async fn admits(self: &Arc<Self>, headers: &HeaderMap) -> bool {
        let Some((user, password)) = credentials(headers) else { return false };
        // For somebody unknown the hash of somebody else, whose password would not let him in.
        let known = self.hashes.get(&user).cloned();
        let is_known = known.is_some();
        let Some(hash) = known.or_else(|| self.hashes.values().next().cloned()) else {
            return false;
        };
        let seen = digest(&user, &hash, &password);
        if is_known && self.remembers(&seen) {
            return true;
        }
        let Ok(turn) = Arc::clone(&self.turn).acquire_owned().await else { return false };
        // Whoever waited behind the first of many that are the same need not ask again.
        if is_known && self.remembers(&seen) {
            return true;
        }
        let verified = spawn_blocking(move || {
            let verified = bcrypt::verify(password, &hash).unwrap_or(false);
            // Held to the end, also where nobody waits for the answer any more.
            drop(turn);
            verified
        });
        let is_right = verified.await.unwrap_or(false) && is_known;
        if is_right {
            let mut right = self.right.lock().unwrap_or_else(PoisonError::into_inner);
            if right.len() >= MOST_REMEMBERED {
                right.clear();
            }
            right.insert(seen);
        }
        is_right
    }

    fn remembers(&self, seen: &Seen) -> bool {
        self.right.lock().unwrap_or_else(PoisonError::into_inner).contains(seen)
    }
}

/// Each part with its length before it, so that none can be moved into the next.
fn digest(user: &str, hash: &str, password: &[u8]) -> Seen {
    let mut digest = Sha256::new();
    for part in [user.as_bytes(), hash.as_bytes(), password] {
        digest.update(part.len().to_le_bytes());
        digest.update(part);
    }
    digest.finalize().into()
}

fn credentials(headers: &HeaderMap) -> Option<(String, Vec<u8>)> {
    let value = headers.get(AUTHORIZATION)?.as_bytes();
    let (scheme, encoded) = value.split_at_checked(6)?;
    if !scheme.eq_ignore_ascii_case(b"basic ") {
        return None;
    }
    let decoded = STANDARD.decode(encoded.trim_ascii()).ok()?;
    let colon = decoded.iter().position(|byte| *byte == b':')?;
    let (user, password) = decoded.split_at_checked(colon)?;
    let user = String::from_utf8(user.to_vec()).ok()?;
    Some((user, password.get(1..)?.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn sent(value: &str) -> HeaderMap {
        HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_str(value).unwrap())])
    }

    fn basic(user: &str, password: &str) -> HeaderMap {
        sent(&format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))))
    }

    fn admits(passwords: &Arc<Passwords>, headers: &HeaderMap) -> bool {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(passwords.admits(headers))
    }

    /// The lowest cost there is, so that tests are quick.
    fn two() -> Arc<Passwords> {
        let hash = |password: &str| bcrypt::hash(password, 4).unwrap();
        let users = [("alice", hash("one:two")), ("bob", hash("ü"))];
        let users = users.map(|(user, hash)| (user.to_owned(), hash)).into();
        Arc::new(Passwords::new(&users).unwrap())
    }

    #[test]
    fn the_right_password_is_admitted_and_no_other() {
        let passwords = two();
        for round in 0..2 {
            assert!(admits(&passwords, &basic("alice", "one:two")), "{round}");
            assert!(admits(&passwords, &basic("bob", "ü")), "{round}");
            for (user, password) in [
                ("alice", "one"),
                ("alice", ""),
                ("bob", "one:two"),
                ("", ""),
                ("carol", "one:two"),
                ("alice:one", "two "),
            ] {
                assert!(!admits(&passwords, &basic(user, password)), "{user} {password} {round}");
            }
        }
        assert_eq!(passwords.right.lock().unwrap().len(), 2, "what was wrong is not remembered");
    }

    #[test]
    fn what_is_no_basic_authentication_is_not_admitted() {
        let passwords = two();
        assert!(!admits(&passwords, &HeaderMap::new()));
        for value in ["Basic", "Basic ", "Basic !!!", "Bearer x", "Basic YWxpY2U=", "basicx"] {
            assert!(!admits(&passwords, &sent(value)), "{value}");
        }
        assert!(admits(&passwords, &sent(&format!("bAsIc {}", STANDARD.encode("alice:one:two")))));
    }

    #[test]
    fn a_password_of_one_user_is_none_of_another_with_the_same_hash() {
        let hash = bcrypt::hash("x", 4).unwrap();
        let users = BTreeMap::from([("alice".to_owned(), hash)]);
        let passwords = Arc::new(Passwords::new(&users).unwrap());
        assert!(admits(&passwords, &basic("alice", "x")));
        // The hash that an unknown user is compared with is Alice's, and so is the password.
        assert!(!admits(&passwords, &basic("mallory", "x")));
        assert!(!admits(&passwords, &basic("mallory", "x")));
    }
}
