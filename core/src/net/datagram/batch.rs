use std::net::{IpAddr, SocketAddr};

use crate::{Error, Result};

/// Datagrams in one batch, at most.
pub(super) const MOST: usize = 32;

/// A number of datagrams in memory that is allocated once.
///
/// Make it once and use it again: [`DatagramSocket::recv`](super::DatagramSocket::recv) overwrites it, and
/// [`clear`](Self::clear) empties it for [`push`](Self::push).
#[derive(Debug)]
pub struct Batch {
    octets: Box<[u8]>,
    /// Octets that each datagram may have.
    each: usize,
    pub(super) filled: Vec<Slot>,
}

/// What is known about one datagram; its payload lies in the batch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    /// Which of the batch's rooms it lies in.
    pub(super) room: usize,
    pub(super) len: usize,
    pub(super) peer: SocketAddr,
    pub(super) local: Option<IpAddr>,
    pub(super) truncated: bool,
}

/// One datagram of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Datagram<'a> {
    /// What it carries; the beginning of it, if truncated.
    pub payload: &'a [u8],
    /// Who sent it, or is to get it. An IPv4-mapped address is given as IPv4.
    pub peer: SocketAddr,
    /// The address of ours that it was sent to, and so must be answered from. `None` lets the system choose,
    /// as for what came by multicast.
    pub local: Option<IpAddr>,
    /// Whether it was longer than the batch has room for; the rest is lost.
    pub truncated: bool,
}

impl Batch {
    /// A batch of datagrams of up to `octets` each; a UDP payload has at most 65,527.
    pub fn new(octets: usize) -> Self {
        let each = octets.clamp(1, usize::from(u16::MAX));
        Self { octets: vec![0; each * MOST].into(), each, filled: Vec::with_capacity(MOST) }
    }

    /// The number of datagrams.
    pub fn len(&self) -> usize {
        self.filled.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.filled.is_empty()
    }

    /// Whether [`push`](Self::push) has no room.
    pub fn is_full(&self) -> bool {
        self.next() == MOST
    }

    /// The first room behind those in use.
    fn next(&self) -> usize {
        self.filled.last().map_or(0, |last| last.room + 1)
    }

    /// Forgets all datagrams, and keeps the memory.
    pub fn clear(&mut self) {
        self.filled.clear();
    }

    /// The datagrams, in order.
    pub fn iter(&self) -> impl Iterator<Item = Datagram<'_>> {
        self.filled.iter().map(|slot| Datagram {
            payload: self
                .octets
                .get(slot.room * self.each..)
                .and_then(|o| o.get(..slot.len))
                .unwrap_or_default(),
            peer: slot.peer,
            local: slot.local,
            truncated: slot.truncated,
        })
    }

    /// Adds a datagram to be sent to `peer`, from `local`: as in the [`Datagram`] that it answers.
    ///
    /// # Errors
    /// If the batch is full, or the payload longer than this batch's datagrams may be. The batch is then as before.
    pub fn push(&mut self, payload: &[u8], peer: SocketAddr, local: Option<IpAddr>) -> Result<()> {
        if self.is_full() {
            return Err(Error::local("the batch of datagrams is full"));
        }
        let number = self.next();
        let room = self.octets.chunks_exact_mut(self.each).nth(number);
        let room = room.and_then(|room| room.get_mut(..payload.len())).ok_or_else(|| {
            Error::local(format!("a datagram of {} octets, where {} fit", payload.len(), self.each))
        })?;
        room.copy_from_slice(payload);
        self.filled.push(Slot { room: number, len: payload.len(), peer, local, truncated: false });
        Ok(())
    }

    /// The room for each datagram, in order, and the list to say there what came.
    pub(super) fn rooms(&mut self) -> (impl Iterator<Item = &mut [u8]>, &mut Vec<Slot>) {
        (self.octets.chunks_exact_mut(self.each), &mut self.filled)
    }
}
