//! Files that the kernel sends: their octets never come to us.

use std::time::Duration;

use bytes::{Buf as _, BytesMut};
use ropewalk_core::net::{Connection, SendFile};
use ropewalk_core::{Error, Result};
use tokio::task::coop::consume_budget;

use super::super::FileRange;
use super::link::Link;
use super::transmit::flush;

/// Octets that are sent before others get their turn.
const SLICE: u64 = 2 * 1024 * 1024;
/// Octets that are read at once where a file is not in memory.
const READ: u64 = 256 * 1024;

/// Whether this file can go this way: from a descriptor to a socket with nothing between them.
pub(super) fn can(conn: &Connection, file: &FileRange) -> bool {
    conn.as_tcp().is_some() && file.file.as_fd().is_some()
}

/// Sends what is in front of `link`, and this part of a file.
///
/// # Errors
/// Where the peer takes nothing for as long as `patience`, the connection's time is over, or the file shrank: what was
/// promised cannot be kept.
pub(super) async fn send(
    link: &mut Link,
    mut file: FileRange,
    patience: Duration,
    sent: &mut u64,
) -> Result<()> {
    let mut past = SendFile::new(&link.conn, patience);
    // Sends a head so that it leaves together with what follows it.
    while !link.front.is_empty() {
        let octets = past.front(&mut link.conn, &link.front).await?;
        link.front.advance(octets);
    }
    // Up to here the file is in memory, or was a moment ago.
    let mut warm = file.offset;
    while file.len > 0 {
        if warm <= file.offset {
            let slice = file.len.min(SLICE);
            if !file.file.is_warm(file.offset, slice) {
                let octets = read(link, &file).await?;
                advance(&mut file, octets, sent);
                continue;
            }
            warm = file.offset + slice;
        }
        let from = file.file.as_fd().ok_or_else(|| Error::local("the file is gone"))?;
        match past.slice(&mut link.conn, from, file.offset, warm - file.offset).await? {
            0 => return Err(Error::local("the file shrank while it was sent")),
            octets => advance(&mut file, octets, sent),
        }
        consume_budget().await;
    }
    Ok(())
}

fn advance(file: &mut FileRange, octets: u64, sent: &mut u64) {
    file.offset += octets;
    file.len -= octets;
    *sent += octets;
}

/// Reads what is not in memory, and sends it.
async fn read(link: &mut Link, file: &FileRange) -> Result<u64> {
    // The cast is of at most READ.
    let most = file.len.min(READ) as usize;
    let read = file.file.read_at(file.offset, BytesMut::with_capacity(most)).await;
    let mut octets = read.map_err(|error| Error::local("cannot read the file").caused_by(error))?;
    octets.truncate(most);
    if octets.is_empty() {
        return Err(Error::local("the file shrank while it was sent"));
    }
    let sent = octets.len() as u64;
    link.data = octets.freeze();
    flush(link).await?;
    Ok(sent)
}
