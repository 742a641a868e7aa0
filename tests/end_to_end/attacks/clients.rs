//! Clients by the thousand, against the real server.

use crate::harness::{Agent, sample};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use scrubjay_tests::trees;
use socket2::{Domain, Socket, Type};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

const CONNECTIONS: u64 = 10_000;
/// Addresses that attack: of each, the server lets a few wait.
const ADDRESSES: u64 = 100;

/// A connection from one of the addresses that this host has on its loopback interface.
fn connect_from(source: Ipv4Addr, address: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&SocketAddr::from((source, 0)).into())?;
    socket.connect_timeout(&address.into(), Duration::from_secs(10))?;
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    Ok(stream)
}

/// The status of an answer; `None` where the connection is closed without one.
fn asked_from(source: Ipv4Addr, address: SocketAddr) -> Option<String> {
    let mut stream = connect_from(source, address).ok()?;
    stream
        .write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    answer.starts_with("HTTP/1.1 200 ").then_some(answer)
}

/// Makes room for open files here; who is started afterwards has it too.
fn room_for(files: u64) -> Result<(), String> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current.is_none_or(|current| current >= files) {
        return Ok(());
    }
    let wanted = maximum.map_or(files, |maximum| maximum.min(files));
    if wanted < files {
        return Err(format!("{files} files may not be open here, {wanted} may"));
    }
    setrlimit(Resource::Nofile, Rlimit { current: Some(files), maximum })
        .map_err(|error| error.to_string())
}

#[test]
fn ten_thousand_connections_take_neither_memory_nor_passes_nor_the_place_of_a_scraper() {
    if let Err(why) = room_for(CONNECTIONS + 500) {
        return println!("skipped: {why}");
    }
    let home = tempfile::tempdir().unwrap();
    let root = home.path().join("host.tree");
    std::fs::write(&root, trees::host("busy-server")).unwrap();
    let agent = Agent::start(home.path(), &root);
    agent.metrics_after(1);
    let before = agent.resident_kib();
    let address: SocketAddr = agent.address().parse().unwrap();
    let mut held = Vec::new();
    for number in 0..CONNECTIONS {
        let last = u8::try_from(number % ADDRESSES + 1).unwrap();
        let mut stream = connect_from(Ipv4Addr::new(127, 0, 7, last), address).unwrap();
        // Some send nothing, some half a request.
        if number % 2 == 0 {
            let _ = stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: loc");
        }
        held.push(stream);
    }
    assert_eq!(u64::try_from(held.len()).unwrap(), CONNECTIONS);
    // Those that wait have their five seconds, and then there is room.
    let scraper = Ipv4Addr::new(127, 0, 8, 1);
    let answer = (0..300).find_map(|_| {
        asked_from(scraper, address).or_else(|| {
            std::thread::sleep(Duration::from_millis(100));
            None
        })
    });
    let page = answer.unwrap_or_else(|| panic!("a scraper is kept out for half a minute"));
    let passes = sample(&page, "scrubjay_agent_passes_total").unwrap();
    let grown = agent.resident_kib().saturating_sub(before);
    assert!(grown < 32 << 10, "{grown} KiB more than before");
    drop(held);
    assert!(sample(&agent.metrics_after(passes + 2), "scrubjay_agent_passes_total").is_some());
    assert_eq!(agent.stop(), 0);
}
