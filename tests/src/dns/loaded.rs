use std::io;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use super::ferret::Server;
use crate::Subject;

/// A server that a command gives zones to.
#[derive(Debug)]
pub struct Loaded {
    subject: Subject,
    command: String,
    /// A folder of its own, which is removed in the end.
    dir: PathBuf,
}

impl Loaded {
    /// The server, and the command of the shell: the name of a zone is in its `ZONE`, and its text in the file that
    /// `ZONE_FILE` names. Once it has ended well, the zone is served, and no other.
    ///
    /// # Errors
    /// Where no folder can be made for the file.
    pub fn new(subject: Subject, command: &str) -> io::Result<Self> {
        static MADE: AtomicUsize = AtomicUsize::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("ropewalk-zones-{}-{number}", std::process::id()));
        std::fs::create_dir(&dir)?;
        Ok(Self { subject, command: command.into(), dir })
    }
}

impl Drop for Loaded {
    fn drop(&mut self) {
        // What is left in the folder of temporary files does no harm.
        let _removed = std::fs::remove_dir_all(&self.dir);
    }
}

impl Server for Loaded {
    async fn load(&mut self, name: &str, zone: &str) -> Result<(), String> {
        let file = self.dir.join("zone");
        std::fs::write(&file, zone).map_err(|error| format!("{}: {error}", file.display()))?;
        let mut command = Command::new("sh");
        command.arg("-c").arg(&self.command).env("ZONE", name).env("ZONE_FILE", &file).stdin(Stdio::null());
        match command.status() {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(format!("the command ended with {status}")),
            Err(error) => Err(format!("the command cannot be run: {error}")),
        }
    }

    fn subject(&self) -> &Subject {
        &self.subject
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_command_is_given_the_name_and_the_text_of_a_zone() {
        let subject = || Subject::at("127.0.0.1:1").unwrap();
        let command = "test \"$ZONE\" = bar. && grep -q SOA \"$ZONE_FILE\"";
        let mut server = Loaded::new(subject(), command).unwrap();
        assert_eq!(server.load("bar.", "bar. SOA").await, Ok(()));
        assert!(server.load("foo.", "bar. SOA").await.is_err());
        let dir = server.dir.clone();
        drop(server);
        assert!(!dir.exists());
    }
}
