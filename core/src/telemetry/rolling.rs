use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::fchown;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;

use super::Rotation;

/// A log file that may be begun anew each hour or day, by UTC; then the time stands behind its name:
/// `ropewalk.log.2026-11-21`. Only files of such a name are ever removed.
pub(super) struct Rolling {
    path: PathBuf,
    rotation: Rotation,
    keep: usize,
    /// The hour or day since 1970 that the open file is of.
    period: i64,
    file: File,
    /// Whether the first file was not there before.
    made: bool,
    reopen: Reopen,
}

/// Has a log file opened again by its name, once: after somebody has moved it away, as logrotate does. Clones are of the
/// same file.
#[derive(Clone, Debug, Default)]
pub struct Reopen(Arc<AtomicBool>);

impl Reopen {
    /// Asks for it: it is done before the next line is written. Where the file cannot be opened, the log goes on in the old one.
    pub fn ask(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn is_asked(&self) -> bool {
        self.0.swap(false, Ordering::Relaxed)
    }
}

impl Rolling {
    /// Opens the file of this time; its folder is there.
    pub(super) fn open(path: &Path, rotation: Rotation, keep: usize, now: Timestamp) -> io::Result<Self> {
        let name = named(path, rotation, now);
        // One that is there, or that a link leads to, may be somebody's already.
        let new = File::options().append(true).create_new(true).open(&name).ok();
        let (made, file) = (new.is_some(), new.map_or_else(|| append(&name), Ok)?);
        let period = period(rotation, now);
        let (path, reopen) = (path.to_owned(), Reopen::default());
        let rolling = Self { path, rotation, keep: keep.max(1), period, file, made, reopen };
        rolling.prune();
        Ok(rolling)
    }

    /// Gives the file to this user and group, if it was made: one that was there belongs to whom it did.
    pub(super) fn give(&self, (uid, gid): (Option<u32>, Option<u32>)) -> io::Result<()> {
        if self.made && (uid, gid) != (None, None) { fchown(&self.file, uid, gid) } else { Ok(()) }
    }

    /// Has it opened again.
    pub(super) fn reopen(&self) -> Reopen {
        self.reopen.clone()
    }

    /// Begins the file of this time, if there is not one yet or it is to be opened again. Where that cannot be opened, as when privileges were
    /// given up, the old one goes on for another period.
    fn roll(&mut self, now: Timestamp) {
        let period = period(self.rotation, now).max(self.period);
        if period == self.period && !self.reopen.is_asked() {
            return;
        }
        self.period = period;
        match append(&named(&self.path, self.rotation, now)) {
            Ok(file) => {
                self.file = file;
                self.prune();
            }
            // The log cannot tell it.
            Err(error) => eprintln!("cannot open the log file {}: {error}", self.path.display()),
        }
    }

    /// Removes the oldest files of this name and a time.
    fn prune(&self) {
        let folder = self.path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut old: Vec<_> = fs::read_dir(folder)
            .into_iter()
            .flatten()
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| self.is_ours(path))
            .collect();
        old.sort();
        let surplus = old.len().saturating_sub(self.keep);
        for path in old.iter().take(surplus) {
            if let Err(error) = fs::remove_file(path) {
                eprintln!("cannot remove the old log file {}: {error}", path.display());
            }
        }
    }

    fn is_ours(&self, path: &Path) -> bool {
        let pattern = match self.rotation {
            Rotation::Hourly => "0000-00-00-00",
            Rotation::Daily => "0000-00-00",
            Rotation::Never => return false,
        };
        let name = |path: &Path| Some(path.file_name()?.to_str()?.to_owned());
        let (Some(own), Some(other)) = (name(&self.path), name(path)) else { return false };
        let time = other.strip_prefix(&own).and_then(|rest| rest.strip_prefix('.')).unwrap_or_default();
        time.len() == pattern.len()
            && time
                .bytes()
                .zip(pattern.bytes())
                .all(|(t, p)| if p == b'0' { t.is_ascii_digit() } else { t == p })
    }
}

impl Write for Rolling {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.roll(Timestamp::now());
        self.file.write(line)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn append(path: &Path) -> io::Result<File> {
    File::options().append(true).create(true).open(path)
}

fn period(rotation: Rotation, now: Timestamp) -> i64 {
    match rotation {
        Rotation::Hourly => now.as_second() / 3600,
        Rotation::Daily => now.as_second() / 86_400,
        Rotation::Never => 0,
    }
}

fn named(path: &Path, rotation: Rotation, now: Timestamp) -> PathBuf {
    let time = match rotation {
        Rotation::Hourly => now.strftime("%Y-%m-%d-%H"),
        Rotation::Daily => now.strftime("%Y-%m-%d"),
        Rotation::Never => return path.to_owned(),
    };
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{time}"));
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(time: &str) -> Timestamp {
        time.parse().unwrap()
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<_> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_that_is_not_rotated_is_appended_to_and_nothing_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let others = ["log", "log.2026-11-20", "logbook.txt"];
        others.iter().for_each(|name| fs::write(folder.path().join(name), "old\n").unwrap());
        let path = folder.path().join("log");
        let mut log = Rolling::open(&path, Rotation::Never, 1, Timestamp::now()).unwrap();
        log.write_all(b"new\n").unwrap();
        assert_eq!(names(folder.path()), others);
        assert_eq!(fs::read_to_string(path).unwrap(), "old\nnew\n");
    }

    #[test]
    fn a_file_that_was_moved_away_is_begun_anew_when_that_is_asked() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let mut log = Rolling::open(&path, Rotation::Never, 1, Timestamp::now()).unwrap();
        let reopen = log.reopen();
        fs::rename(&path, folder.path().join("log.1")).unwrap();
        log.write_all(b"one\n").unwrap();
        reopen.ask();
        log.write_all(b"two\n").unwrap();
        log.write_all(b"three\n").unwrap();
        assert_eq!(fs::read_to_string(folder.path().join("log.1")).unwrap(), "one\n");
        assert_eq!(fs::read_to_string(&path).unwrap(), "two\nthree\n");
        // Where that is not possible, the old one goes on.
        fs::remove_dir_all(folder.path()).unwrap();
        reopen.ask();
        log.write_all(b"four\n").unwrap();
    }

    #[test]
    fn each_day_has_its_file_and_only_the_oldest_of_them_go() {
        let folder = tempfile::tempdir().unwrap();
        let others = ["log", "log.2026-11-1", "log.bak", "logs.2026-11-18"];
        for name in others.iter().chain(&["log.2026-11-18", "log.2026-11-19"]) {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let path = folder.path().join("log");
        let mut log = Rolling::open(&path, Rotation::Daily, 2, at("2026-11-20T23:59:59Z")).unwrap();
        log.file.write_all(b"one\n").unwrap();
        log.roll(at("2026-11-20T23:59:59.9Z"));
        log.roll(at("2026-11-21T00:00:00Z"));
        log.file.write_all(b"two\n").unwrap();
        // A clock that goes back begins no file again.
        log.roll(at("2026-11-20T23:59:59Z"));
        log.file.write_all(b"three\n").unwrap();
        let mut left = [&others[..], &["log.2026-11-20", "log.2026-11-21"]].concat();
        left.sort();
        assert_eq!(names(folder.path()), left);
        assert_eq!(fs::read_to_string(folder.path().join("log.2026-11-20")).unwrap(), "one\n");
        assert_eq!(fs::read_to_string(folder.path().join("log.2026-11-21")).unwrap(), "two\nthree\n");
    }

    #[test]
    fn an_hour_has_its_place_in_the_name() {
        assert_eq!(
            named(Path::new("a/log"), Rotation::Hourly, at("2026-11-21T05:59:00Z")),
            Path::new("a/log.2026-11-21-05")
        );
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Rolling::open(&folder.path().join("no/log"), Rotation::Daily, 1, Timestamp::now()).is_err());
    }
}
