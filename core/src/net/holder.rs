//! Who holds a port, as far as /proc tells.

use std::fs;
use std::path::Path;

/// Which sockets to look through.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Table {
    Tcp,
    Udp,
}

/// The process that holds a port, as `nginx (pid 123)`. `None` where nobody does, or where we may not see it.
pub(super) fn of(table: Table, port: u16) -> Option<String> {
    let files = match table {
        Table::Tcp => ["/proc/net/tcp", "/proc/net/tcp6"],
        Table::Udp => ["/proc/net/udp", "/proc/net/udp6"],
    };
    let inodes: Vec<u64> = files
        .iter()
        .filter_map(|file| fs::read_to_string(file).ok())
        .flat_map(|text| text.lines().filter_map(|line| inode(line, table, port)).collect::<Vec<_>>())
        .collect();
    if inodes.is_empty() {
        return None;
    }
    let processes = fs::read_dir("/proc").ok()?.flatten();
    processes.into_iter().find_map(|process| {
        let pid: u32 = process.file_name().to_str()?.parse().ok()?;
        if !holds(&process.path().join("fd"), &inodes) {
            return None;
        }
        let name = fs::read_to_string(process.path().join("comm")).ok()?;
        Some(format!("{} (pid {pid})", name.trim_end()))
    })
}

/// The socket's inode, if this line is about a listening (TCP) or bound (UDP) socket on that port.
/// See proc_pid_net(5): `sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode …`.
fn inode(line: &str, table: Table, port: u16) -> Option<u64> {
    let mut fields = line.split_ascii_whitespace().skip(1);
    let (_, local) = fields.next()?.rsplit_once(':')?;
    let state = fields.nth(1)?;
    let listens = table == Table::Udp || state == "0A";
    (listens && u16::from_str_radix(local, 16).ok()? == port).then(|| fields.nth(5)?.parse().ok())?
}

fn holds(fds: &Path, inodes: &[u64]) -> bool {
    let Ok(fds) = fs::read_dir(fds) else { return false };
    fds.flatten().any(|fd| {
        let target = fs::read_link(fd.path()).unwrap_or_default();
        let inode = target.to_str().and_then(|t| t.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok());
        inode.is_some_and(|inode| inodes.contains(&inode))
    })
}
