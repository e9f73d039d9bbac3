//! What is said when a command cannot listen where it should.

use std::{
    io::{Error, ErrorKind},
    net::SocketAddr,
};

/// Where something should listen, and how that is changed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'a> {
    /// What listens, for example `the console`.
    pub(super) what: &'a str,
    /// Where.
    pub(super) address: SocketAddr,
    /// The flag that changes it.
    pub(super) flag: &'a str,
    /// What else can be done; empty, or a sentence with a blank before it.
    pub(super) also: &'a str,
}

impl Wanted<'_> {
    /// The system's reason in words that say what to do.
    pub(super) fn refused(self, error: &Error) -> anyhow::Error {
        let Self {
            what,
            address,
            flag,
            also,
        } = self;
        let (ip, port) = (address.ip(), address.port());
        // Written as it is typed: IPv6 in brackets.
        let host = address.to_string();
        let host = host.strip_suffix(&format!(":{port}")).unwrap_or(&host);
        match error.kind() {
            ErrorKind::AddrInUse => anyhow::anyhow!(
                "{what} cannot listen: port {port} on {ip} is taken by another program. Stop that one, or choose another \
                 port with {flag} {host}:PORT.{also}"
            ),
            ErrorKind::PermissionDenied => anyhow::anyhow!(
                "{what} cannot listen: port {port} may not be used by this user. Choose one above 1023 with {flag} \
                 {host}:PORT.{also}"
            ),
            ErrorKind::AddrNotAvailable => anyhow::anyhow!(
                "{what} cannot listen: {ip} is not an address of this machine. Choose another with {flag} \
                 ADDRESS:{port}.{also}"
            ),
            _ => anyhow::anyhow!(
                "{what} cannot listen on {address}: {error}. Choose another address with {flag} ADDRESS:PORT.{also}"
            ),
        }
    }
}
