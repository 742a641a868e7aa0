//! The server over real loopback sockets, spoken to by plain blocking clients.
