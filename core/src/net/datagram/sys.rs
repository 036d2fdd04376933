//! recvmmsg(2) and sendmmsg(2), with IP_PKTINFO and IPV6_PKTINFO.

use std::array;
use std::cell::RefCell;
use std::io::{self, IoSlice, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::RawFd;

use nix::cmsg_space;
use nix::libc::{in_addr, in_pktinfo, in6_addr, in6_pktinfo};
use nix::sys::socket::{
    ControlMessage, ControlMessageOwned, MsgFlags, MultiHeaders, RecvMsg, SockaddrStorage, recvmmsg, sendmmsg,
};

use super::batch::{Batch, Datagram, MOST, Slot};

/// What the kernel wants to be given again and again. One per thread, since it holds raw pointers that may not
/// cross threads; one per use, since the kernel leaves its lengths in them.
struct Headers {
    recv_v4: MultiHeaders<SockaddrStorage>,
    recv_v6: MultiHeaders<SockaddrStorage>,
    send: MultiHeaders<SockaddrStorage>,
    send_v4: MultiHeaders<SockaddrStorage>,
    send_v6: MultiHeaders<SockaddrStorage>,
}

thread_local! {
    static HEADERS: RefCell<Headers> = RefCell::new(Headers {
        recv_v4: MultiHeaders::preallocate(MOST, Some(cmsg_space!(in_pktinfo))),
        recv_v6: MultiHeaders::preallocate(MOST, Some(cmsg_space!(in6_pktinfo))),
        send: MultiHeaders::preallocate(MOST, None),
        send_v4: MultiHeaders::preallocate(MOST, Some(cmsg_space!(in_pktinfo))),
        send_v6: MultiHeaders::preallocate(MOST, Some(cmsg_space!(in6_pktinfo))),
    });
}

/// Takes what is there, without waiting.
pub(super) fn recv(fd: RawFd, is_v6: bool, batch: &mut Batch) -> io::Result<()> {
    batch.clear();
    let (mut rooms, filled) = batch.rooms();
    HEADERS.with_borrow_mut(|headers| {
        let mut slices: [[IoSliceMut<'_>; 1]; MOST] =
            array::from_fn(|_| [IoSliceMut::new(rooms.next().unwrap_or_default())]);
        let headers = if is_v6 { &mut headers.recv_v6 } else { &mut headers.recv_v4 };
        let messages = recvmmsg(fd, headers, &mut slices, MsgFlags::MSG_DONTWAIT, None)?;
        for (room, message) in messages.enumerate() {
            // Without a sender there is nobody to answer, and the kernel always names one.
            let peer = message.address.and_then(|at| address(&at));
            filled.push(Slot {
                room,
                len: message.bytes,
                peer: peer.unwrap_or(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0))),
                local: local(&message),
                truncated: message.flags.contains(MsgFlags::MSG_TRUNC),
            });
        }
        Ok(())
    })
}

fn address(at: &SockaddrStorage) -> Option<SocketAddr> {
    if let Some(at) = at.as_sockaddr_in() {
        return Some((at.ip(), at.port()).into());
    }
    let at = at.as_sockaddr_in6()?;
    match at.ip().to_ipv4_mapped() {
        Some(ip) => Some((ip, at.port()).into()),
        // Keeps the scope, which a link-local address needs.
        None => Some(std::net::SocketAddrV6::new(at.ip(), at.port(), 0, at.scope_id()).into()),
    }
}

fn local(message: &RecvMsg<'_, '_, SockaddrStorage>) -> Option<IpAddr> {
    let ip = message.cmsgs().ok()?.find_map(|control| match control {
        // `spec_dst` is the address to answer from, also for a broadcast.
        ControlMessageOwned::Ipv4PacketInfo(info) => {
            Some(IpAddr::V4(Ipv4Addr::from(u32::from_be(info.ipi_spec_dst.s_addr))))
        }
        ControlMessageOwned::Ipv6PacketInfo(info) => {
            Some(IpAddr::V6(Ipv6Addr::from(info.ipi6_addr.s6_addr)).to_canonical())
        }
        _ => None,
    })?;
    (!ip.is_multicast() && !ip.is_unspecified()).then_some(ip)
}

/// Sends the datagrams from the `skip`-th on that go out from one address, with one call; gives their number.
pub(super) fn send(fd: RawFd, is_v6: bool, batch: &Batch, skip: usize) -> io::Result<usize> {
    let Some(first) = batch.iter().nth(skip) else { return Ok(0) };
    let mut run = batch.iter().skip(skip).take_while(|datagram| datagram.local == first.local);
    let mut slices: [[IoSlice<'_>; 1]; MOST] = [[IoSlice::new(&[])]; MOST];
    let mut peers: [Option<SockaddrStorage>; MOST] = [None; MOST];
    let mut count = 0;
    for ((slice, peer), Datagram { payload, peer: to, .. }) in slices.iter_mut().zip(&mut peers).zip(&mut run)
    {
        *slice = [IoSlice::new(payload)];
        *peer = Some(if is_v6 { mapped(to) } else { to }.into());
        count += 1;
    }
    let slices = slices.get(..count).unwrap_or_default();
    let peers = peers.get(..count).unwrap_or_default();
    HEADERS.with_borrow_mut(|headers| {
        let flags = MsgFlags::MSG_DONTWAIT;
        let sent = match first.local {
            None => sendmmsg(fd, &mut headers.send, slices, peers, [], flags)?.count(),
            Some(ip) if is_v6 => {
                let info = in6_pktinfo { ipi6_addr: in6_addr { s6_addr: v6(ip).octets() }, ipi6_ifindex: 0 };
                let from = [ControlMessage::Ipv6PacketInfo(&info)];
                sendmmsg(fd, &mut headers.send_v6, slices, peers, from, flags)?.count()
            }
            Some(ip) => {
                let IpAddr::V4(ip) = ip.to_canonical() else {
                    return Err(io::Error::new(
                        io::ErrorKind::InvalidInput,
                        "an IPv6 address on an IPv4 socket",
                    ));
                };
                let ours = in_addr { s_addr: u32::from(ip).to_be() };
                let info = in_pktinfo { ipi_ifindex: 0, ipi_spec_dst: ours, ipi_addr: in_addr { s_addr: 0 } };
                let from = [ControlMessage::Ipv4PacketInfo(&info)];
                sendmmsg(fd, &mut headers.send_v4, slices, peers, from, flags)?.count()
            }
        };
        Ok(sent)
    })
}

fn v6(ip: IpAddr) -> Ipv6Addr {
    match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped(),
        IpAddr::V6(ip) => ip,
    }
}

/// The address as one of IPv6, as a socket of both families wants it.
fn mapped(at: SocketAddr) -> SocketAddr {
    match at {
        SocketAddr::V4(v4) => (v4.ip().to_ipv6_mapped(), v4.port()).into(),
        SocketAddr::V6(_) => at,
    }
}
