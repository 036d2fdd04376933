//! The header of the PROXY protocol, versions 1 and 2, as HAProxy's specification gives it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

use crate::{Address, Error, Result};

/// The longest header that is read: a version 2 one with its extensions.
const MOST: usize = 4096;
/// The shortest header of all: `PROXY UNKNOWN` and its line end.
const LEAST: usize = 15;
/// The longest version 1 header, its line end included (specification §2.1).
const MOST_V1: usize = 107;
/// What every version 2 header begins with.
const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
/// The signature, version and command, family, length.
const FIXED: usize = 16;
/// An extension that holds the header's CRC-32C.
const CRC32C: u8 = 0x03;

/// What a proxy says of a connection.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Header {
    /// It speaks for itself, or does not know: the connection's own addresses hold.
    Own,
    /// It speaks for this peer, who came to this address.
    Proxied { peer: Address, local: Address },
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Parsed {
    /// It is at least this many octets longer.
    More(usize),
    Done(Header),
}

/// Reads a header that is all of the input, or begins with it.
pub(super) fn parse(input: &[u8]) -> Result<Parsed> {
    if agrees(input, SIGNATURE) {
        parse_v2(input)
    } else if agrees(input, b"PROXY ") {
        parse_v1(input)
    } else {
        Err(wrong("no PROXY header"))
    }
}

/// Whether the input begins with the mark, as far as it goes.
fn agrees(input: &[u8], mark: &[u8]) -> bool {
    input.iter().zip(mark).all(|(a, b)| a == b)
}

fn wrong(what: &'static str) -> Error {
    Error::peer(what)
}

fn parse_v1(input: &[u8]) -> Result<Parsed> {
    let head = input.get(..MOST_V1.min(input.len())).unwrap_or_default();
    let Some(end) = head.windows(2).position(|w| w == b"\r\n") else {
        if head.len() == MOST_V1 || head.contains(&b'\n') {
            return Err(wrong("PROXY header without its line end"));
        }
        let line_end = if head.ends_with(b"\r") { 1 } else { 2 };
        return Ok(Parsed::More(line_end.max(LEAST.saturating_sub(head.len()))));
    };
    let line = head.get(..end).and_then(|line| std::str::from_utf8(line).ok());
    let line = line.ok_or_else(|| wrong("PROXY header is not ASCII"))?;
    let words: Vec<_> = line.split(' ').collect();
    let header = match words.as_slice() {
        ["PROXY", "UNKNOWN", ..] => Header::Own,
        ["PROXY", "TCP4", peer, local, from, to] => addresses::<Ipv4Addr>(peer, local, from, to)?,
        ["PROXY", "TCP6", peer, local, from, to] => addresses::<Ipv6Addr>(peer, local, from, to)?,
        _ => return Err(wrong("PROXY header of an unknown form")),
    };
    Ok(Parsed::Done(header))
}

fn addresses<Ip>(peer: &str, local: &str, from: &str, to: &str) -> Result<Header>
where
    Ip: std::str::FromStr + Into<IpAddr>,
{
    let address = |ip: &str, port: &str| {
        let ip: Ip = ip.parse().ok()?;
        let plain = port.bytes().all(|b| b.is_ascii_digit()) && (port == "0" || !port.starts_with('0'));
        let port = port.parse().ok().filter(|_| plain)?;
        Some(Address::from(SocketAddr::new(ip.into(), port)))
    };
    match (address(peer, from), address(local, to)) {
        (Some(peer), Some(local)) => Ok(Header::Proxied { peer, local }),
        _ => Err(wrong("PROXY header with a malformed address")),
    }
}

fn parse_v2(input: &[u8]) -> Result<Parsed> {
    let least = Parsed::More(LEAST.saturating_sub(input.len()).max(1));
    let Some((fixed, rest)) = input.split_at_checked(FIXED) else { return Ok(least) };
    let &[.., command, family, high, low] = fixed else { return Ok(least) };
    let length = usize::from(u16::from_be_bytes([high, low]));
    if FIXED + length > MOST {
        return Err(wrong("PROXY header too long"));
    }
    let Some(body) = rest.get(..length) else { return Ok(Parsed::More(length - rest.len())) };
    let header = match command {
        0x20 => Header::Own,
        0x21 => proxied(family, body)?,
        _ => return Err(wrong("PROXY header of an unknown version or command")),
    };
    check_sum(input.get(..FIXED + length).unwrap_or_default(), addresses_length(family))?;
    Ok(Parsed::Done(header))
}

/// Octets that the addresses of a family take (specification §2.2).
fn addresses_length(family: u8) -> usize {
    match family >> 4 {
        1 => 12,
        2 => 36,
        3 => 216,
        _ => 0,
    }
}

fn proxied(family: u8, body: &[u8]) -> Result<Header> {
    let addresses = body
        .get(..addresses_length(family))
        .ok_or_else(|| wrong("PROXY header shorter than its addresses"))?;
    match (family, addresses) {
        // AF_UNSPEC: the receiver uses the connection's own.
        (0x00, _) => Ok(Header::Own),
        (0x11, &[a, b, c, d, e, f, g, h, p1, p2, l1, l2]) => Ok(Header::Proxied {
            peer: SocketAddr::from(([a, b, c, d], u16::from_be_bytes([p1, p2]))).into(),
            local: SocketAddr::from(([e, f, g, h], u16::from_be_bytes([l1, l2]))).into(),
        }),
        (0x21, addresses) => {
            let (ips, ports) =
                addresses.split_at_checked(32).ok_or_else(|| wrong("PROXY header too short"))?;
            let (peer, local) = ips.split_at_checked(16).ok_or_else(|| wrong("PROXY header too short"))?;
            let &[p1, p2, l1, l2] = ports else { return Err(wrong("PROXY header too short")) };
            Ok(Header::Proxied { peer: v6(peer, [p1, p2])?, local: v6(local, [l1, l2])? })
        }
        (0x31, addresses) => {
            let (peer, local) = addresses.split_at(addresses.len() / 2);
            Ok(Header::Proxied { peer: unix(peer), local: unix(local) })
        }
        _ => Err(wrong("PROXY header for something that is no stream")),
    }
}

fn v6(ip: &[u8], port: [u8; 2]) -> Result<Address> {
    let ip: [u8; 16] = ip.try_into().map_err(|_| wrong("PROXY header too short"))?;
    Ok(SocketAddr::from((ip, u16::from_be_bytes(port))).into())
}

fn unix(path: &[u8]) -> Address {
    let end = path.iter().position(|b| *b == 0).unwrap_or(path.len());
    let path = path.get(..end).filter(|p| !p.is_empty());
    Address::Unix(path.map(|p| PathBuf::from(std::ffi::OsStr::from_bytes(p))))
}

/// Checks the CRC-32C extension, where there is one: it covers the header with its own value as zeros
/// (specification §2.2.3).
fn check_sum(header: &[u8], addresses: usize) -> Result<()> {
    let mut at = FIXED + addresses;
    while let Some(&[kind, high, low]) = header.get(at..at + 3) {
        let length = usize::from(u16::from_be_bytes([high, low]));
        let value = header.get(at + 3..at + 3 + length).ok_or_else(|| wrong("PROXY extension cut short"))?;
        if kind == CRC32C {
            let said: [u8; 4] = value.try_into().map_err(|_| wrong("PROXY checksum of a wrong length"))?;
            let mut clean = header.to_vec();
            if let Some(place) = clean.get_mut(at + 3..at + 7) {
                place.fill(0);
            }
            if crc32c(&clean) != u32::from_be_bytes(said) {
                return Err(wrong("PROXY header with a wrong checksum"));
            }
        }
        at += 3 + length;
    }
    Ok(())
}

/// CRC-32C, bit by bit: headers are short and rarely carry one.
fn crc32c(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| if crc & 1 == 1 { (crc >> 1) ^ 0x82f6_3b78 } else { crc >> 1 };
    !bytes.iter().fold(!0u32, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), step))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn done(input: &[u8]) -> Header {
        match parse(input).unwrap() {
            Parsed::Done(header) => header,
            Parsed::More(octets) => panic!("{octets} more"),
        }
    }

    fn proxied(peer: &str, local: &str) -> Header {
        let at = |s: &str| Address::from(s.parse::<SocketAddr>().unwrap());
        Header::Proxied { peer: at(peer), local: at(local) }
    }

    fn v2(command: u8, family: u8, body: &[u8]) -> Vec<u8> {
        let length = u16::try_from(body.len()).unwrap().to_be_bytes();
        [SIGNATURE.as_slice(), &[command, family], &length, body].concat()
    }

    #[test]
    fn version_1() {
        let line = b"PROXY TCP4 192.0.2.1 198.51.100.2 1025 443\r\n";
        assert_eq!(done(line), proxied("192.0.2.1:1025", "198.51.100.2:443"));
        let line = b"PROXY TCP6 2001:db8::1 2001:db8::2 65535 0\r\n";
        assert_eq!(done(line), proxied("[2001:db8::1]:65535", "[2001:db8::2]:0"));
        assert_eq!(done(b"PROXY UNKNOWN whatever it says\r\n"), Header::Own);
        assert_eq!(done(b"PROXY UNKNOWN\r\n"), Header::Own);
    }

    #[test]
    fn the_longest_version_1_line_is_read_and_one_more_is_not() {
        let fill = |n: usize| format!("PROXY UNKNOWN {}\r\n", "x".repeat(n - 16)).into_bytes();
        assert_eq!(done(&fill(107)), Header::Own);
        assert!(parse(&fill(108)).is_err());
    }

    #[test]
    fn malformed_version_1_is_refused() {
        for bad in [
            "PROXY TCP4 192.0.2.1 198.51.100.2 1025 65536\r\n",
            "PROXY TCP4 192.0.2.1 198.51.100.2 01 2\r\n",
            "PROXY TCP4 192.0.2.1 198.51.100.2 +1 2\r\n",
            "PROXY TCP4 192.0.2.256 198.51.100.2 1 2\r\n",
            "PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n",
            "PROXY TCP4  192.0.2.1 198.51.100.2 1 2\r\n",
            "PROXY TCP4 192.0.2.1 198.51.100.2 1\r\n",
            "PROXY TCP4 192.0.2.1 198.51.100.2 1 2 3\r\n",
            "PROXY UDP4 192.0.2.1 198.51.100.2 1 2\r\n",
            "PROXY UNKNOWN\n",
            "proxy UNKNOWN\r\n",
            "GET / HTTP/1.1\r\n",
        ] {
            assert!(parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn version_2() {
        let body = [192, 0, 2, 1, 198, 51, 100, 2, 4, 1, 1, 187];
        let header = v2(0x21, 0x11, &body);
        assert_eq!(done(&header), proxied("192.0.2.1:1025", "198.51.100.2:443"));
        let mut body = vec![0; 36];
        (body[15], body[31], body[33], body[35]) = (1, 2, 7, 8);
        assert_eq!(done(&v2(0x21, 0x21, &body)), proxied("[::1]:7", "[::2]:8"));
        let mut body = vec![0; 216];
        body[..4].copy_from_slice(b"/a/b");
        let unix = Header::Proxied { peer: Address::Unix(Some("/a/b".into())), local: Address::Unix(None) };
        assert_eq!(done(&v2(0x21, 0x31, &body)), unix);
        assert_eq!(done(&v2(0x20, 0x11, &body)), Header::Own);
        assert_eq!(done(&v2(0x21, 0x00, b"")), Header::Own);
    }

    #[test]
    fn malformed_version_2_is_refused() {
        assert!(parse(&v2(0x22, 0x11, &[0; 12])).is_err(), "command");
        assert!(parse(&v2(0x11, 0x11, &[0; 12])).is_err(), "version");
        assert!(parse(&v2(0x21, 0x12, &[0; 12])).is_err(), "datagram");
        assert!(parse(&v2(0x21, 0x11, &[0; 11])).is_err(), "short");
        assert!(parse(&v2(0x21, 0x21, &[0; 35])).is_err(), "short");
        assert!(parse(&v2(0x20, 0x00, &[0; MOST - FIXED + 1])).is_err(), "long");
        assert_eq!(done(&v2(0x20, 0x00, &[0; MOST - FIXED])), Header::Own);
        assert!(parse(&v2(0x21, 0x00, &[4, 0, 9, 1])).is_err(), "extension cut short");
    }

    #[test]
    fn checksums_hold() {
        // The check value that the CRC catalogues give for CRC-32C.
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
        let mut body = [[0; 12].as_slice(), &[4, 0, 2, 9, 9], &[CRC32C, 0, 4, 0, 0, 0, 0]].concat();
        let sum = crc32c(&v2(0x21, 0x11, &body)).to_be_bytes();
        let at = body.len() - 4;
        body[at..].copy_from_slice(&sum);
        assert!(parse(&v2(0x21, 0x11, &body)).is_ok());
        body[0] ^= 1;
        assert!(parse(&v2(0x21, 0x11, &body)).is_err());
    }

    proptest! {
        #[test]
        fn every_prefix_asks_for_more_and_never_for_what_follows(port: u16, ip: u32, two: bool) {
            let ip = Ipv4Addr::from(ip);
            let header = if two {
                let body = [ip.octets().as_slice(), &ip.octets(), &port.to_be_bytes(), &[0, 1]].concat();
                v2(0x21, 0x11, &body)
            } else {
                format!("PROXY TCP4 {ip} {ip} {port} 1\r\n").into_bytes()
            };
            for end in 0..header.len() {
                let parsed = parse(&header[..end]).unwrap();
                let Parsed::More(octets) = parsed else { panic!("{parsed:?}") };
                prop_assert!(octets > 0 && end + octets <= header.len(), "{octets} after {end}");
            }
            prop_assert_eq!(done(&header), proxied(&format!("{ip}:{port}"), &format!("{ip}:1")));
        }

        #[test]
        fn nothing_makes_it_panic(tail: Vec<u8>, which: u8) {
            let mark: &[u8] = match which % 3 { 0 => b"PROXY ", 1 => SIGNATURE, _ => b"" };
            let _ = parse(&[mark, &tail].concat());
        }
    }
}
