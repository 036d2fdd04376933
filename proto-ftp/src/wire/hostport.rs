use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};

/// Why text is no address of a data connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BadAddress {
    /// It is not written as one.
    Syntax,
    /// A protocol other than 1 and 2, IPv4 and IPv6 (RFC 2428 §2).
    Protocol,
}

/// Reads the argument of PORT: six numbers (RFC 959 §4.1.2).
///
/// # Errors
/// [`BadAddress::Syntax`].
pub fn parse_port(text: &[u8]) -> Result<SocketAddrV4, BadAddress> {
    let mut numbers = text.split(|byte| *byte == b',');
    let mut next = || numbers.next().and_then(|part| number(part, 3)).and_then(|n| u8::try_from(n).ok());
    let mut octets = [0; 6];
    for octet in &mut octets {
        *octet = next().ok_or(BadAddress::Syntax)?;
    }
    if numbers.next().is_some() {
        return Err(BadAddress::Syntax);
    }
    let [a, b, c, d, high, low] = octets;
    Ok(SocketAddrV4::new(Ipv4Addr::new(a, b, c, d), u16::from_be_bytes([high, low])))
}

/// The argument of PORT.
pub fn write_port(at: SocketAddrV4) -> String {
    let ([a, b, c, d], [high, low]) = (at.ip().octets(), at.port().to_be_bytes());
    format!("{a},{b},{c},{d},{high},{low}")
}

/// Reads the argument of EPRT, between whatever delimiter it begins with (RFC 2428 §2).
///
/// # Errors
/// See [`BadAddress`].
pub fn parse_eprt(text: &[u8]) -> Result<SocketAddr, BadAddress> {
    let delimiter = *text.first().filter(|byte| (33..=126).contains(*byte)).ok_or(BadAddress::Syntax)?;
    let parts: Vec<&[u8]> = text.split(|byte| *byte == delimiter).collect();
    let [b"", protocol, address, port, b""] = parts.as_slice() else { return Err(BadAddress::Syntax) };
    let protocol = number(protocol, 5).ok_or(BadAddress::Syntax)?;
    // How addresses of another one are written, nobody knows.
    if !matches!(protocol, 1 | 2) {
        return Err(BadAddress::Protocol);
    }
    let port = number(port, 5).and_then(|port| u16::try_from(port).ok()).ok_or(BadAddress::Syntax)?;
    let address: IpAddr =
        str::from_utf8(address).ok().and_then(|text| text.parse().ok()).ok_or(BadAddress::Syntax)?;
    match (protocol, address) {
        (1, IpAddr::V4(_)) | (2, IpAddr::V6(_)) => Ok(SocketAddr::new(address.to_canonical(), port)),
        _ => Err(BadAddress::Syntax),
    }
}

/// The argument of EPRT.
pub fn write_eprt(at: SocketAddr) -> String {
    let protocol = if at.is_ipv4() { 1 } else { 2 };
    format!("|{protocol}|{}|{}|", at.ip(), at.port())
}

/// The text of a 227 (RFC 959 §4.1.2).
pub fn write_pasv_reply(at: SocketAddrV4) -> String {
    format!("Entering Passive Mode ({}).", write_port(at))
}

/// Finds the address in the text of a 227, whatever stands around it (RFC 1123 §4.1.2).
///
/// # Errors
/// [`BadAddress::Syntax`].
pub fn parse_pasv_reply(text: &[u8]) -> Result<SocketAddrV4, BadAddress> {
    let is_part = |byte: &u8| byte.is_ascii_digit() || *byte == b',';
    let mut runs = text.split(|byte| !is_part(byte)).filter(|run| run.len() >= 11);
    runs.find_map(|run| parse_port(run).ok()).ok_or(BadAddress::Syntax)
}

/// The text of a 229 (RFC 2428 §3).
pub fn write_epsv_reply(port: u16) -> String {
    format!("Entering Extended Passive Mode (|||{port}|)")
}

/// Finds the port in the text of a 229.
///
/// # Errors
/// [`BadAddress::Syntax`].
pub fn parse_epsv_reply(text: &[u8]) -> Result<u16, BadAddress> {
    let open = text.iter().position(|byte| *byte == b'(').ok_or(BadAddress::Syntax)?;
    let rest = text.get(open + 1..).unwrap_or_default();
    let close = rest.iter().position(|byte| *byte == b')').ok_or(BadAddress::Syntax)?;
    let inside = rest.get(..close).unwrap_or_default();
    let delimiter = inside.first().ok_or(BadAddress::Syntax)?;
    let parts: Vec<&[u8]> = inside.split(|byte| byte == delimiter).collect();
    let [b"", _, _, port, b""] = parts.as_slice() else { return Err(BadAddress::Syntax) };
    number(port, 5)
        .and_then(|port| u16::try_from(port).ok())
        .filter(|port| *port > 0)
        .ok_or(BadAddress::Syntax)
}

/// A number of at most so many digits, and nothing else.
fn number(text: &[u8], digits: usize) -> Option<u32> {
    if text.is_empty() || text.len() > digits || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    str::from_utf8(text).ok()?.parse().ok()
}

impl fmt::Display for BadAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Syntax => "not an address and port",
            Self::Protocol => "network protocol not supported, use (1,2)",
        })
    }
}

impl std::error::Error for BadAddress {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_port_is_six_octets_and_nothing_else() {
        assert_eq!(parse_port(b"192,0,2,1,4,1").unwrap(), "192.0.2.1:1025".parse().unwrap());
        for bad in
            ["", "1,2,3,4,5", "1,2,3,4,5,6,7", "256,0,0,1,1,1", "1,2,3,4,5,", "+1,2,3,4,5,6", "1, 2,3,4,5,6"]
        {
            assert_eq!(parse_port(bad.as_bytes()), Err(BadAddress::Syntax), "{bad}");
        }
    }

    #[test]
    fn eprt_has_any_delimiter_and_a_known_protocol() {
        for (text, at) in [
            ("|1|192.0.2.1|1025|", "192.0.2.1:1025"),
            ("!2!2001:db8::1!65535!", "[2001:db8::1]:65535"),
            ("d1d192.0.2.1d1d", "192.0.2.1:1"),
        ] {
            assert_eq!(parse_eprt(text.as_bytes()), Ok(at.parse().unwrap()), "{text}");
        }
        assert_eq!(parse_eprt(b"|3|192.0.2.1|1025|"), Err(BadAddress::Protocol));
        for bad in [
            "",
            "|",
            "|1|192.0.2.1|1025",
            "|1|::1|5|",
            "|2|192.0.2.1|5|",
            "|1|192.0.2.1|65536|",
            "|1|host|5|",
        ] {
            assert_eq!(parse_eprt(bad.as_bytes()), Err(BadAddress::Syntax), "{bad}");
        }
    }

    #[test]
    fn odd_replies_of_servers_are_understood() {
        for text in ["Entering Passive Mode (192,0,2,1,4,1).", "=192,0,2,1,4,1", "ok 192,0,2,1,4,1 go"] {
            assert_eq!(parse_pasv_reply(text.as_bytes()), Ok("192.0.2.1:1025".parse().unwrap()), "{text}");
        }
        assert_eq!(parse_epsv_reply(b"Entering (|||50000|)"), Ok(50_000));
        assert_eq!(parse_epsv_reply(b"ok (!!!7!) "), Ok(7));
        for bad in ["", "()", "(|||0|)", "(|||70000|)", "(|||5|", "|||5|"] {
            assert_eq!(parse_epsv_reply(bad.as_bytes()), Err(BadAddress::Syntax), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(at: SocketAddr, v4: SocketAddrV4) {
            let at = SocketAddr::new(at.ip().to_canonical(), at.port());
            prop_assert_eq!(parse_eprt(write_eprt(at).as_bytes()), Ok(at));
            prop_assert_eq!(parse_port(write_port(v4).as_bytes()), Ok(v4));
            prop_assert_eq!(parse_pasv_reply(write_pasv_reply(v4).as_bytes()), Ok(v4));
            if at.port() > 0 {
                prop_assert_eq!(parse_epsv_reply(write_epsv_reply(at.port()).as_bytes()), Ok(at.port()));
            }
        }

        #[test]
        fn no_bytes_panic(text in prop::collection::vec(any::<u8>(), 0..40)) {
            let _ = (parse_port(&text), parse_eprt(&text), parse_pasv_reply(&text), parse_epsv_reply(&text));
        }
    }
}
