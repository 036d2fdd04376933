//! The commands: what each needs, and what it does. A file for each family, with both of its ends: what the session
//! makes of the words, and what the handler does about it.

mod facts;
mod list;
mod login;
mod navigate;
mod site;
mod tls;
mod transfer;

use super::session::Session;
use crate::wire::Reply;

pub(super) use transfer::{passive_reply, said};

/// A command, what it needs, and what runs it.
pub(super) struct Spec {
    pub(super) verb: &'static str,
    pub(super) usage: &'static str,
    pub(super) who: Who,
    pub(super) argument: Argument,
    /// What was left for the next command stays as it is: commands that prepare a data connection stand between REST and
    /// RETR.
    pub(super) keeps: bool,
    /// It is this command that what was left is for.
    pub(super) takes: bool,
    pub(super) run: fn(&mut Session, &[u8]),
}

/// Who may give a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    Anybody,
    User,
}

/// Whether a command has an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Argument {
    No,
    May,
    Must,
}

/// The command of this verb, in upper case.
pub(super) fn find(verb: &str) -> Option<&'static Spec> {
    SPECS.iter().find(|spec| spec.verb == verb)
}

macro_rules! specs {
    ($($verb:literal $who:ident $argument:ident $usage:literal $run:path $([$keeps:ident])?;)*) => {
        pub(super) const SPECS: &[Spec] = &[$(Spec {
            verb: $verb,
            usage: $usage,
            who: Who::$who,
            argument: Argument::$argument,
            keeps: is("keeps", &[$(stringify!($keeps))?]),
            takes: is("takes", &[$(stringify!($keeps))?]),
            run: $run,
        }),*];
    };
}

/// Whether the first of these words, if there is one, is that.
const fn is(word: &str, words: &[&str]) -> bool {
    // All words have one length; their first letters differ.
    match words {
        [first, ..] => first.as_bytes()[0] == word.as_bytes()[0],
        [] => false,
    }
}

specs! {
    "ABOR" Anybody No "" Session::abor;
    "ACCT" Anybody Must "ACCOUNT" Session::acct;
    "ADAT" Anybody May "" Session::not_here;
    "ALLO" User Must "OCTETS" Session::allo [keeps];
    "APPE" User Must "NAME" Session::appe;
    "AUTH" Anybody Must "TLS" Session::auth;
    "AVBL" User May "[DIRECTORY]" Session::avbl;
    "CCC" Anybody No "" Session::ccc;
    "CDUP" User No "" Session::cdup;
    "CLNT" Anybody Must "PROGRAM" Session::clnt;
    "CONF" Anybody May "" Session::not_here;
    "CWD" User May "[DIRECTORY]" Session::cwd;
    "DELE" User Must "NAME" Session::dele;
    "ENC" Anybody May "" Session::not_here;
    "EPRT" User Must "|PROTOCOL|ADDRESS|PORT|" Session::eprt [keeps];
    "EPSV" User May "[1|2|ALL]" Session::epsv [keeps];
    "FEAT" Anybody No "" Session::feat;
    "HASH" User Must "NAME" Session::hash;
    "HELP" Anybody May "[COMMAND]" Session::help;
    "HOST" Anybody Must "NAME" Session::host;
    "LIST" User May "[NAME]" Session::list;
    "LPRT" User May "" Session::not_here;
    "LPSV" User May "" Session::not_here;
    "MDTM" User Must "NAME" Session::mdtm;
    "MFF" User Must "FACTS NAME" Session::mff;
    "MFMT" User Must "TIME NAME" Session::mfmt;
    "MIC" Anybody May "" Session::not_here;
    "MKD" User Must "DIRECTORY" Session::mkd;
    "MLSD" User May "[DIRECTORY]" Session::mlsd;
    "MLST" User May "[NAME]" Session::mlst;
    "MODE" User Must "S" Session::mode;
    "NLST" User May "[DIRECTORY]" Session::nlst;
    "NOOP" Anybody No "" Session::noop;
    "OPTS" Anybody Must "COMMAND [OPTION]" Session::opts;
    "PASS" Anybody May "PASSWORD" Session::pass;
    "PASV" User No "" Session::pasv [keeps];
    "PBSZ" Anybody Must "0" Session::pbsz;
    "PORT" User Must "H1,H2,H3,H4,P1,P2" Session::port [keeps];
    "PROT" Anybody Must "C|P" Session::prot;
    "PWD" User No "" Session::pwd;
    "QUIT" Anybody No "" Session::quit;
    "REIN" Anybody No "" Session::rein;
    "REST" User Must "OFFSET" Session::rest [keeps];
    "RETR" User Must "NAME" Session::retr [takes];
    "RMD" User Must "DIRECTORY" Session::rmd;
    "RNFR" User Must "NAME" Session::rnfr;
    "RNTO" User Must "NAME" Session::rnto [takes];
    "SITE" Anybody Must "COMMAND" Session::site;
    "SIZE" User Must "NAME" Session::size [keeps];
    "SMNT" User May "" Session::not_here;
    "STAT" Anybody May "[NAME]" Session::stat;
    "STOR" User Must "NAME" Session::stor [takes];
    "STOU" User May "[NAME]" Session::stou [takes];
    "STRU" User Must "F" Session::stru;
    "SYST" Anybody No "" Session::syst;
    "TYPE" User Must "A|I|L 8" Session::set_type [keeps];
    "USER" Anybody Must "NAME" Session::user;
    "XCRC" User Must "NAME [FROM [TO]]" Session::xcrc;
    "XCUP" User No "" Session::cdup;
    "XCWD" User May "[DIRECTORY]" Session::cwd;
    "XMKD" User Must "DIRECTORY" Session::mkd;
    "XPWD" User No "" Session::pwd;
    "XRMD" User Must "DIRECTORY" Session::rmd;
    "XSHA1" User Must "NAME [FROM [TO]]" Session::xsha1;
    "XSHA256" User Must "NAME [FROM [TO]]" Session::xsha256;
    "XSHA512" User Must "NAME [FROM [TO]]" Session::xsha512;
}

impl Session {
    fn not_here(&mut self, _: &[u8]) {
        self.reply(502, "not implemented");
    }

    fn noop(&mut self, _: &[u8]) {
        self.reply(200, "ok");
    }

    fn syst(&mut self, _: &[u8]) {
        self.reply(215, "UNIX Type: L8");
    }

    fn quit(&mut self, _: &[u8]) {
        self.part(&Reply::new(221, "goodbye"));
    }

    fn clnt(&mut self, program: &[u8]) {
        tracing::debug!(program = %program.escape_ascii(), "client");
        self.reply(200, "noted");
    }

    fn help(&mut self, of: &[u8]) {
        let (verb, rest) = split(of);
        let verb = String::from_utf8_lossy(verb).to_ascii_uppercase();
        // RFC 959 §4.1.3 has HELP SITE in mind.
        if verb == "SITE" && !rest.is_empty() {
            return self.site_help(rest);
        }
        if verb.is_empty() {
            let mut reply = Reply::new(214, "The commands:");
            for specs in SPECS.chunks(8) {
                reply = reply.line(specs.iter().map(|spec| spec.verb).collect::<Vec<_>>().join(" "));
            }
            return self.say(&reply.end("HELP COMMAND says how one is written"));
        }
        match find(&verb) {
            Some(spec) => self.reply(214, format!("{} {}", spec.verb, spec.usage).trim_end()),
            None => self.reply(502, "no such command"),
        }
    }

    /// RFC 2389 §3: what goes beyond RFC 959, and is there in this configuration.
    fn feat(&mut self, _: &[u8]) {
        let features = self.features();
        let reply = features.into_iter().fold(Reply::new(211, "Features:"), Reply::line);
        self.say(&reply.end("End"));
    }

    pub(super) fn features(&self) -> Vec<String> {
        let mut all: Vec<String> = Vec::new();
        if self.tls.offered || self.tls.on {
            all.extend(["AUTH TLS", "PBSZ", "PROT"].map(Into::into));
        }
        all.extend(["AVBL", "CLNT"].map(Into::into));
        if self.options.active {
            all.push("EPRT".into());
        }
        all.push("EPSV".into());
        all.push(self.algorithm.feature());
        if self.hosts {
            all.push("HOST".into());
        }
        all.extend(["MDTM", "MFF modify;UNIX.mode;", "MFMT"].map(Into::into));
        all.push(format!("MLST {}", self.facts.feature()));
        all.extend(["REST STREAM", "SIZE", "TVFS", "UTF8"].map(Into::into));
        all.extend(["XCRC", "XSHA1", "XSHA256", "XSHA512"].map(Into::into));
        all
    }

    /// RFC 2389 §4.
    fn opts(&mut self, argument: &[u8]) {
        let (what, option) = split(argument);
        match what.to_ascii_uppercase().as_slice() {
            b"UTF8" if option.is_empty() || option.eq_ignore_ascii_case(b"ON") => self.reply(200, "always"),
            // RFC 2640 §3: there is no other encoding that we would change to.
            b"UTF8" => self.reply(504, "names are UTF-8"),
            b"MLST" => match crate::wire::Facts::chosen(option) {
                Some(facts) => {
                    self.facts = facts;
                    self.reply(200, format!("MLST OPTS {}", facts.names()).trim_end());
                }
                None => self.reply(501, "OPTS MLST FACT;FACT;"),
            },
            b"HASH" => self.choose_hash(option),
            _ => self.reply(501, "no options for that"),
        }
    }
}

/// The first word, and what stands behind the space after it.
fn split(argument: &[u8]) -> (&[u8], &[u8]) {
    match argument.iter().position(|byte| *byte == b' ').and_then(|at| argument.split_at_checked(at)) {
        Some((word, rest)) => (word, rest.get(1..).unwrap_or_default()),
        None => (argument, b""),
    }
}

#[cfg(test)]
mod tests {
    use super::super::session::tests::{answer, ready};
    use super::*;

    #[test]
    fn verbs_are_in_order_and_once() {
        assert!(SPECS.windows(2).all(|two| two[0].verb < two[1].verb));
    }

    #[test]
    fn what_prepares_a_transfer_keeps_what_was_left_and_what_uses_it_takes_it() {
        let of = |verb| find(verb).map(|spec| (spec.keeps, spec.takes)).unwrap();
        assert_eq!(
            [of("PASV"), of("RETR"), of("LIST"), of("NOOP")],
            [(true, false), (false, true), (false, false), (false, false)]
        );
    }

    #[test]
    fn types_modes_and_structures_are_what_a_file_has() {
        ready(
            answer,
            "
            C: TYPE A N
            S: 200 type is ASCII
            C: SIZE a
            S: 550 SIZE is not known in TYPE A
            C: TYPE L 8
            S: 200 type is image
            C: TYPE L 36
            S: 504 a byte has 8 bits
            C: TYPE E
            S: 504 A, I or L 8
            C: TYPE X
            S: 501 TYPE A, I or L 8
            C: MODE S
            S: 200 mode is stream
            C: MODE B
            S: 504 only S
            C: STRU R
            S: 504 only F
            C: STRU F
            S: 200 structure is file
            C: SMNT /
            S: 502 not implemented
            ",
        );
    }

    #[test]
    fn facts_are_chosen_and_told() {
        ready(
            answer,
            "
            C: OPTS MLST size;modify;nonsense;
            S: 200 MLST OPTS size;modify;
            C: OPTS MLST
            S: 200 MLST OPTS
            C: OPTS UTF8 ON
            S: 200 always
            C: OPTS UTF8 OFF
            S: 504 names are UTF-8
            C: OPTS HASH SHA-1
            S: 200 SHA-1
            C: OPTS HASH MD9
            S: 504 unknown algorithm
            C: OPTS PWD
            S: 501 no options for that
            C: SITE CHMOD 4755 a
            S: 501 SITE CHMOD MODE NAME, with a mode of at most 777
            C: SITE EXEC ls
            S: 504 SITE HELP says what there is
            C: MFF UNIX.owner=0; a
            S: 504 only modify and UNIX.mode can be set
            C: HOST a.example
            S: 503 HOST comes before USER
            ",
        );
    }
}
