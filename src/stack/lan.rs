//! The address under which other machines of the home network reach this one.

use std::net::{IpAddr, UdpSocket};

/// The source address the kernel would use towards the default route; no packet is sent. `None` without a network.
#[must_use]
pub fn address() -> Option<IpAddr> {
    // Connecting a datagram socket only asks the routing table; 192.0.2.0/24 is reserved for documentation.
    let socket = UdpSocket::bind(("0.0.0.0", 0)).ok()?;
    socket.connect(("192.0.2.1", 9)).ok()?;
    let address = socket.local_addr().ok()?.ip();
    (!address.is_loopback() && !address.is_unspecified()).then_some(address)
}
