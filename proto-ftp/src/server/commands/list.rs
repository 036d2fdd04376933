//! LIST, NLST, MLSD, STAT (RFC 959 §4.1.3, RFC 3659 §7).

use std::time::SystemTime;

use ropewalk_core::data::files::{Entry, Kind, ListOptions, VPath};

use super::super::errors::{Doing, refusal};
use super::super::event::{Ask, Event, Form, Transfer, What};
use super::super::handler::Handler;
use super::super::session::{Asked, Session};
use crate::state::Stage;
use crate::wire::{Reply, write_ls};

/// Entries that STAT shows: it holds them in memory.
const SHOWN: usize = 1000;

impl Session {
    pub(super) fn list(&mut self, argument: &[u8]) {
        self.listing(without_flags(argument), Form::Ls);
    }

    pub(super) fn nlst(&mut self, argument: &[u8]) {
        self.listing(without_flags(argument), Form::Names);
    }

    pub(super) fn mlsd(&mut self, path: &[u8]) {
        self.listing(path, Form::Facts(self.facts));
    }

    fn listing(&mut self, path: &[u8], form: Form) {
        let Some(path) = self.path(path) else { return };
        let what = What::List(form);
        let transfer = Transfer { what, path, ascii: false, private: self.tls.private };
        self.ask(Asked::Begin, Event::Begin(transfer));
    }

    pub(super) fn stat(&mut self, path: &[u8]) {
        if !path.is_empty() {
            return match self.stage {
                Stage::Ready => self.about(without_flags(path), Ask::Status),
                _ => self.reply(530, "log in first"),
            };
        }
        if self.is_busy() {
            return self.ask(Asked::Progress, Event::Progress);
        }
        let yes = |is: bool| if is { "yes" } else { "no" };
        let reply = Reply::new(211, "Status:")
            .line(format!("logged in: {}", yes(self.stage == Stage::Ready)))
            .line(format!("TLS: {}; data under TLS: {}", yes(self.tls.on), yes(self.tls.private)))
            .line(format!(
                "type: {}; mode: stream; structure: file",
                if self.ascii { "ASCII" } else { "image" }
            ))
            .end("End");
        self.say(&reply);
    }
}

/// Flags of `ls` mean nothing here, above all the one that recurses.
fn without_flags(mut argument: &[u8]) -> &[u8] {
    while argument.starts_with(b"-") {
        argument = super::split(argument).1;
    }
    argument
}

impl Handler<'_> {
    /// What STAT NAME says: the lines of LIST, within a reply.
    pub(super) async fn status(&self, path: &VPath) -> Result<Reply, Reply> {
        let files = self.files()?;
        let meta = self.stat(path).await?;
        let now = SystemTime::now().into();
        let line = |entry: &Entry| {
            let mut line = Vec::new();
            write_ls(entry, now, &mut line);
            line.truncate(line.len().saturating_sub(2));
            line
        };
        let mut reply = Reply::new(if meta.kind == Kind::Dir { 212 } else { 213 }, "Status:");
        if meta.kind != Kind::Dir {
            let name = path.file_name().ok_or_else(|| Reply::new(550, "no name"))?;
            return Ok(reply.line(line(&Entry { name, meta })).end("End"));
        }
        let mut options = ListOptions::default();
        options.follow = true;
        let failed = |error| refusal(&error, Doing::Using, path);
        let mut stream = files.list(path, options).await.map_err(failed)?;
        let mut shown = 0;
        while shown < SHOWN {
            let batch = stream.next_batch(SHOWN - shown).await.map_err(failed)?;
            if batch.is_empty() {
                return Ok(reply.end("End"));
            }
            shown += batch.len();
            reply = batch.iter().fold(reply, |reply, entry| reply.line(line(entry)));
        }
        Ok(reply.end("There is more: LIST shows all"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_of_ls_are_dropped() {
        for (given, meant) in
            [("-laR /x y", "/x y"), ("-a -l x", "x"), ("-a", ""), ("x -a", "x -a"), ("", "")]
        {
            assert_eq!(without_flags(given.as_bytes()), meant.as_bytes());
        }
    }
}
