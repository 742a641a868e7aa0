//! Who gets the places there are: no client all of them, and those on the host always some.

use super::guard::Limits;
use std::collections::BTreeMap;
use std::future::Future;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Whom connections are counted for: an address; of IPv6 its first 64 bits, since whoever has one
/// address there has all that share them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Client(IpAddr);

impl From<IpAddr> for Client {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V6(v6) if !v6.is_loopback() => {
                Self(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)).into())
            }
            other @ (IpAddr::V4(_) | IpAddr::V6(_)) => Self(other),
        }
    }
}

impl Client {
    fn is_here(self) -> bool {
        self.0.is_loopback()
    }
}

/// The places of all listeners together.
#[derive(Debug)]
pub(super) struct Places {
    limits: Limits,
    all: Arc<Semaphore>,
    /// What of them those elsewhere may hold.
    elsewhere: Arc<Semaphore>,
    /// Those that have a connection.
    clients: Mutex<BTreeMap<Client, Connections>>,
}

/// The connections of a client.
#[derive(Debug)]
struct Connections {
    number: usize,
    places: Arc<Semaphore>,
}

impl Places {
    pub(super) fn new(limits: Limits) -> Arc<Self> {
        let Limits { connections, reserved, .. } = limits;
        Arc::new(Self {
            limits,
            all: Arc::new(Semaphore::new(connections)),
            elsewhere: Arc::new(Semaphore::new(connections.saturating_sub(reserved))),
            clients: Mutex::new(BTreeMap::new()),
        })
    }

    /// Counts a connection until the ticket is dropped. `None` if too many wait already, of this
    /// client or altogether: it is to be closed.
    pub(super) fn admit(self: &Arc<Self>, address: IpAddr) -> Option<Ticket> {
        let Limits { waiting, per_client, reserved, .. } = self.limits;
        let client = Client::from(address);
        let (most, most_of_one) = if client.is_here() {
            (waiting, waiting / 2)
        } else {
            (waiting.saturating_sub(reserved), per_client.saturating_mul(2))
        };
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let of_one = clients.get(&client).map_or(0, |of| of.number);
        if of_one >= most_of_one || clients.values().map(|of| of.number).sum::<usize>() >= most {
            return None;
        }
        let own = clients.entry(client).or_insert_with(|| Connections {
            number: 0,
            places: Arc::new(Semaphore::new(per_client)),
        });
        own.number = own.number.saturating_add(1);
        Some(Ticket { client, own: Arc::clone(&own.places), places: Arc::clone(self) })
    }
}

/// What a connection is counted by.
#[derive(Debug)]
pub(super) struct Ticket {
    client: Client,
    own: Arc<Semaphore>,
    places: Arc<Places>,
}

impl Ticket {
    /// A place, once there is one. The places of the client come first: who waits for those holds
    /// none that others wait for.
    pub(super) fn place(&self) -> impl Future<Output = Place> + Send + 'static {
        let elsewhere = (!self.client.is_here()).then(|| Arc::clone(&self.places.elsewhere));
        let (own, all) = (Arc::clone(&self.own), Arc::clone(&self.places.all));
        async move {
            let mut permits = Vec::new();
            for semaphore in [Some(own), elsewhere, Some(all)].into_iter().flatten() {
                // They are never closed. If one were, the connection would only lack its place.
                permits.extend(semaphore.acquire_owned().await.ok());
            }
            Place { _permits: permits }
        }
    }
}

impl Ticket {
    /// Whether the connection may go on after an answer: it holds its place meanwhile, and so those who
    /// do may have no more than half of the places of anybody.
    pub(super) fn may_stay(&self) -> bool {
        let Limits { connections, per_client, reserved, .. } = self.places.limits;
        let half_is_free = |of: &Semaphore, all: usize| of.available_permits() >= all.div_ceil(2);
        let elsewhere = connections.saturating_sub(reserved);
        half_is_free(&self.places.all, connections)
            && half_is_free(&self.own, per_client)
            && (self.client.is_here() || half_is_free(&self.places.elsewhere, elsewhere))
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut clients = self.places.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = clients.get_mut(&self.client) {
            own.number = own.number.saturating_sub(1);
            if own.number == 0 {
                clients.remove(&self.client);
            }
        }
    }
}

/// A place, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    _permits: Vec<OwnedSemaphorePermit>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    fn at(address: &str) -> IpAddr {
        address.parse().unwrap()
    }

    /// A place, if there is one at once.
    fn taken(ticket: &Ticket) -> Option<Place> {
        match pin!(ticket.place()).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(place) => Some(place),
            Poll::Pending => None,
        }
    }

    #[test]
    fn no_client_takes_all_places_and_some_are_for_those_on_the_host() {
        let places = Places::new(Limits::DEFAULT);
        let serve = |address: &str| {
            let mut held = Vec::new();
            for _ in 0..40 {
                let Some(ticket) = places.admit(at(address)) else { break };
                let place = taken(&ticket);
                held.push((ticket, place));
            }
            let served = held.iter().filter(|(_, place)| place.is_some()).count();
            ((held.len(), served), held)
        };
        let (one, first) = serve("192.0.2.1");
        assert_eq!(one, (16, 8), "the rest waits, or is closed");
        // An address of IPv4 is the same in the form of IPv6.
        assert_eq!(serve("::ffff:192.0.2.1").0, (0, 0));
        // Of IPv6 they share a network.
        let (two, _second) = serve("2001:db8::1");
        assert_eq!(two, (16, 8));
        assert_eq!(serve("2001:db8::ffff:1").0, (0, 0));
        let (three, _third) = serve("192.0.2.3");
        assert_eq!(three, (16, 8));
        let (four, _fourth) = serve("192.0.2.4");
        assert_eq!(four, (16, 4), "four are reserved");
        let (here, _local) = serve("127.0.0.1");
        assert_eq!(here, (40, 4));

        // What ends leaves nothing behind.
        drop(first);
        assert_eq!(serve("192.0.2.1").0, (16, 8));
        assert_eq!(places.clients.lock().unwrap().len(), 4);
    }
}
