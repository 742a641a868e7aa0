//! Basic authentication (RFC 7617) against bcrypt hashes.
//!
//! As exporter-toolkit does it: an unknown user costs as much time as a known one, so that names
//! cannot be told by the clock, and a password that was right is remembered as a digest, so that a
//! scrape does not cost a bcrypt each time. Wrong ones are not remembered; they are verified away
//! from the runtime, one at a time, and wait no longer than a request may take. Of one client only a
//! few wait, so that whoever guesses keeps nobody else out.

use super::WebConfigError;
use super::config::wrong;
use crate::http::places::Client;
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

/// Passwords of one client that are verified or wait for it.
const MOST_OF_ONE: usize = 2;

type Seen = [u8; 32];

/// Users, with hashes of their passwords.
pub(in crate::http) struct Passwords {
    hashes: BTreeMap<String, String>,
    memory: Arc<Memory>,
}

/// What outlives a change of the file.
struct Memory {
    /// Digests of what was right. They are of the hash too: of one that is gone none is found.
    right: Mutex<BTreeSet<Seen>>,
    /// Passwords that are verified or wait for it.
    waiting: Mutex<BTreeMap<Client, usize>>,
    turn: Arc<Semaphore>,
}

/// Whether somebody is let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) enum Admission {
    /// He is.
    Granted,
    /// He named no user with his password.
    Refused,
    /// Too many of his passwords wait already.
    Busy,
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
        let memory = Memory {
            right: Mutex::new(BTreeSet::new()),
            waiting: Mutex::new(BTreeMap::new()),
            turn: Arc::new(Semaphore::new(1)),
        };
        Ok(Self { hashes: users.clone(), memory: Arc::new(memory) })
    }

    /// The same users, with what is remembered of earlier ones.
    pub(super) fn remembering(&self, before: &Self) -> Self {
        Self { hashes: self.hashes.clone(), memory: Arc::clone(&before.memory) }
    }

    /// Whether a request of a client names a user with his password.
    pub(in crate::http) async fn admits(&self, headers: &HeaderMap, client: Client) -> Admission {
        let Some((user, password)) = credentials(headers) else { return Admission::Refused };
        // For somebody unknown the hash of somebody else, whose password would not let him in.
        let known = self.hashes.get(&user).cloned();
        let is_known = known.is_some();
        let Some(hash) = known.or_else(|| self.hashes.values().next().cloned()) else {
            return Admission::Refused;
        };
        let seen = digest(&user, &hash, &password);
        if is_known && self.memory.remembers(&seen) {
            return Admission::Granted;
        }
        let Some(waiting) = Waiting::begin(&self.memory, client) else { return Admission::Busy };
        let turn = Arc::clone(&self.memory.turn).acquire_owned().await;
        let Ok(turn) = turn else { return Admission::Refused };
        // Whoever waited behind the first of many that are the same need not ask again.
        if is_known && self.memory.remembers(&seen) {
            return Admission::Granted;
        }
        let verified = spawn_blocking(move || {
            let verified = bcrypt::verify(password, &hash).unwrap_or(false);
            // Held to the end, also where nobody waits for the answer any more.
            drop((turn, waiting));
            verified
        });
        let is_right = verified.await.unwrap_or(false) && is_known;
        if is_right {
            let mut right = self.memory.right.lock().unwrap_or_else(PoisonError::into_inner);
            if right.len() >= MOST_REMEMBERED {
                right.clear();
            }
            right.insert(seen);
        }
        if is_right { Admission::Granted } else { Admission::Refused }
    }
}

impl Memory {
    fn remembers(&self, seen: &Seen) -> bool {
        self.right.lock().unwrap_or_else(PoisonError::into_inner).contains(seen)
    }
}

/// Counts a password of a client until it is dropped.
struct Waiting {
    memory: Arc<Memory>,
    client: Client,
}

impl Waiting {
    /// `None` if there are too many already.
    fn begin(memory: &Arc<Memory>, client: Client) -> Option<Self> {
        let mut waiting = memory.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let number = waiting.entry(client).or_insert(0);
        if *number >= MOST_OF_ONE {
            return None;
        }
        *number = number.saturating_add(1);
        Some(Self { memory: Arc::clone(memory), client })
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut waiting = self.memory.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(number) = waiting.get_mut(&self.client) {
            *number = number.saturating_sub(1);
            if *number == 0 {
                waiting.remove(&self.client);
            }
        }
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
    use std::future::Future as _;
    use std::task::{Context, Poll, Waker};

    fn sent(value: &str) -> HeaderMap {
        HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_str(value).unwrap())])
    }

    fn basic(user: &str, password: &str) -> HeaderMap {
        sent(&format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))))
    }

    fn at(address: &str) -> Client {
        address.parse::<std::net::IpAddr>().unwrap().into()
    }

    fn admits(passwords: &Passwords, headers: &HeaderMap) -> bool {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(passwords.admits(headers, at("192.0.2.1"))) == Admission::Granted
    }

    /// The lowest cost there is, so that tests are quick.
    fn two() -> Passwords {
        let hash = |password: &str| bcrypt::hash(password, 4).unwrap();
        let users = [("alice", hash("one:two")), ("bob", hash("ü"))];
        let users = users.map(|(user, hash)| (user.to_owned(), hash)).into();
        Passwords::new(&users).unwrap()
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
        assert_eq!(
            passwords.memory.right.lock().unwrap().len(),
            2,
            "what was wrong is not remembered"
        );
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
        let passwords = Passwords::new(&users).unwrap();
        assert!(admits(&passwords, &basic("alice", "x")));
        // The hash that an unknown user is compared with is Alice's, and so is the password.
        assert!(!admits(&passwords, &basic("mallory", "x")));
        assert!(!admits(&passwords, &basic("mallory", "x")));
    }
    #[test]
    fn whoever_sends_many_passwords_waits_behind_himself_and_not_before_others() {
        let passwords = two();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let _inside = runtime.enter();
        let wrong: Vec<HeaderMap> = (0..4).map(|n| basic("alice", &n.to_string())).collect();
        let right = basic("bob", "ü");
        // As if one was being verified.
        let turn = Arc::clone(&passwords.memory.turn).try_acquire_owned().unwrap();
        let mut context = Context::from_waker(Waker::noop());
        let mut guesses: Vec<_> =
            wrong.iter().map(|sent| Box::pin(passwords.admits(sent, at("192.0.2.1")))).collect();
        let polled: Vec<_> =
            guesses.iter_mut().map(|guess| guess.as_mut().poll(&mut context)).collect();
        let busy = Poll::Ready(Admission::Busy);
        assert_eq!(polled, [Poll::Pending, Poll::Pending, busy, busy]);
        let mut other = Box::pin(passwords.admits(&right, at("192.0.2.2")));
        assert_eq!(other.as_mut().poll(&mut context), Poll::Pending);
        // Who goes away leaves nothing behind.
        drop((guesses, turn));
        assert_eq!(runtime.block_on(other), Admission::Granted);
        assert_eq!(passwords.memory.waiting.lock().unwrap().len(), 0);
    }

    #[test]
    fn what_was_right_is_remembered_when_the_file_changes_for_the_same_hash_and_no_other() {
        let old = two();
        assert!(admits(&old, &basic("alice", "one:two")) && admits(&old, &basic("bob", "ü")));
        let mut users = old.hashes.clone();
        users.insert("bob".to_owned(), bcrypt::hash("new", 4).unwrap());
        let new = Passwords::new(&users).unwrap().remembering(&old);
        // Nothing is verified while somebody else has the turn.
        let turn = Arc::clone(&new.memory.turn).try_acquire_owned().unwrap();
        assert!(admits(&new, &basic("alice", "one:two")));
        drop(turn);
        assert!(!admits(&new, &basic("bob", "ü")));
        assert!(admits(&new, &basic("bob", "new")));
        users.remove("alice");
        let fewer = Passwords::new(&users).unwrap().remembering(&new);
        assert!(!admits(&fewer, &basic("alice", "one:two")));
    }
}
