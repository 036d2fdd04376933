//! What the reference server does for each command.

use std::net::{IpAddr, SocketAddr};

use tokio::net::TcpListener;

use super::data::{Way, Work};
use super::fault::Fault;
use super::lists::{FACTS, facts, list, time};
use super::session::Session;
use super::tree::{resolve, split};

const FEATURES: [&str; 10] = [
    "AUTH TLS",
    "EPRT",
    "EPSV",
    "MDTM",
    "MLST type*;size*;modify*;perm*;unique*;",
    "PBSZ",
    "PROT",
    "REST STREAM",
    "SIZE",
    "TVFS",
];

/// The commands that are known, and that need a login.
const WITH_LOGIN: [&str; 37] = [
    "ACCT", "CWD", "CDUP", "SMNT", "PORT", "PASV", "EPRT", "EPSV", "MODE", "TYPE", "STRU", "ALLO", "REST",
    "STOR", "STOU", "RETR", "LIST", "NLST", "APPE", "RNFR", "RNTO", "DELE", "RMD", "MKD", "PWD", "STAT",
    "SITE", "MDTM", "SIZE", "MLST", "MLSD", "OPTS", "ABOR", "HASH", "LANG", "XPWD", "XMKD",
];

/// RFC 1123 §4.1: the experimental names of commands.
fn standard(verb: &str) -> &str {
    match verb {
        "XMKD" => "MKD",
        "XRMD" => "RMD",
        "XPWD" => "PWD",
        "XCUP" => "CDUP",
        "XCWD" => "CWD",
        verb => verb,
    }
}

fn quoted(path: &[u8], fault: Option<Fault>) -> String {
    let path = if path.is_empty() { b"/".as_slice() } else { path };
    let text = String::from_utf8_lossy(path);
    if fault == Some(Fault::QuotesSingle) { text.into_owned() } else { text.replace('"', "\"\"") }
}

impl Session {
    pub(super) async fn obey(&mut self, line: &[u8]) {
        let at = line.iter().position(|octet| *octet == b' ').unwrap_or(line.len());
        let (verb, argument) = line.split_at_checked(at).unwrap_or_default();
        let argument = argument.get(1..).unwrap_or_default();
        let argument = if self.is(Fault::Trims) { argument.trim_ascii() } else { argument };
        let mut verb = String::from_utf8_lossy(verb).into_owned();
        if !self.is(Fault::UpperCase) {
            verb.make_ascii_uppercase();
        }
        if self.is(Fault::Prefixes) {
            verb.truncate(4);
        }
        if line.is_empty() && self.is(Fault::EmptyEnds) {
            return self.done = true;
        }
        let verb = if self.is(Fault::NoX) { verb.as_str() } else { standard(&verb) };
        if WITH_LOGIN.contains(&verb) && !self.logged {
            return self.say("530 log in first").await;
        }
        let rnfr = if self.is(Fault::RnfrStays) && verb != "RNTO" { None } else { self.rnfr.take() };
        let path = resolve(&self.cwd, argument);
        let text = String::from_utf8_lossy(argument).into_owned();
        if argument.is_empty()
            && ["CWD", "RETR", "STOR", "APPE", "RNFR", "DELE", "RMD", "MKD", "SIZE", "MDTM"].contains(&verb)
        {
            return self.say("501 of what?").await;
        }
        match verb {
            "USER" => self.user(argument).await,
            "PASS" => self.pass(argument).await,
            "REIN" => self.rein().await,
            "QUIT" => {
                self.done = !self.is(Fault::QuitStays);
                self.say("221 bye").await;
            }
            "AUTH" => self.auth(&text).await,
            "NOOP" => self.say("200 still here").await,
            "SYST" => self.say(if self.is(Fault::NoSystem) { "215 " } else { "215 UNIX Type: L8" }).await,
            "HELP" => self.say_lines(214, &["help yourself".into()]).await,
            "FEAT" => self.feat().await,
            "ACCT" | "ALLO" => self.say("202 not needed").await,
            "ABOR" => self.say("226 nothing to abort").await,
            "TYPE" => self.kind(&text.to_ascii_uppercase()).await,
            "MODE" | "STRU" => {
                let known = if verb == "MODE" { "S" } else { "F" };
                let agreed = text.eq_ignore_ascii_case(known) || self.is(Fault::AnyParameter);
                let refusal = if text.is_empty() { "501 which?" } else { "504 not that" };
                self.say(if agreed { "200 so be it" } else { refusal }).await;
            }
            "PASV" | "EPSV" => self.passive(verb, &text).await,
            "PORT" | "EPRT" => self.active(verb, &text).await,
            "PBSZ" | "PROT" => self.protection(verb, &text).await,
            "CCC" => self.say(if self.secure { "534 no" } else { "533 in the clear" }).await,
            "CWD" if !self.tree.is_folder(&path) && !self.is(Fault::CwdAnywhere) => {
                self.say("550 no folder").await
            }
            "CWD" => {
                self.cwd = path;
                self.say("250 there").await;
            }
            "CDUP" => {
                if !self.is(Fault::CdupStays) {
                    self.cwd = resolve(&self.cwd, b"..");
                }
                self.say("200 there").await;
            }
            "PWD" => {
                let here = quoted(&self.cwd, self.fault);
                self.say(&format!("257 \"{here}\"")).await;
            }
            "RNFR" if !self.tree.exists(&path) => self.say("550 not there").await,
            "RNFR" => {
                self.rnfr = Some(path);
                self.say("350 and to?").await;
            }
            "RNTO" => self.rename(rnfr, path).await,
            "DELE" | "RMD" => self.remove(verb, &path).await,
            "MKD" => self.make(path).await,
            "SIZE" | "MDTM" => self.file_fact(verb, &path).await,
            "REST" => match text.parse() {
                Ok(at) => {
                    self.rest = at;
                    self.say("350 from there").await;
                }
                Err(_) => self.say("501 no number").await,
            },
            "RETR" => self.retr(&path).await,
            "STOR" | "APPE" | "STOU" => self.stor(verb, path).await,
            "LIST" | "NLST" | "MLSD" => self.list(verb, path).await,
            "STAT" if argument.is_empty() => self.say_lines(211, &["all is well".into()]).await,
            "STAT" if !self.tree.exists(&path) => self.say("450 not there").await,
            "STAT" => {
                let lines = list(&self.tree, &path, "LIST", &[], None);
                let lines: Vec<_> = String::from_utf8_lossy(&lines).lines().map(str::to_owned).collect();
                self.say_lines(212, &lines).await;
            }
            "MLST" if !self.tree.exists(&path) => self.say("550 not there").await,
            "MLST" => {
                let name = if argument.is_empty() { "/".into() } else { text };
                let facts = facts(&self.tree, &path, &self.facts, self.fault);
                self.say_lines(250, &[format!("{facts} {name}")]).await;
            }
            "OPTS" if self.is(Fault::NoOpts) => self.say("502 no options").await,
            "OPTS" => self.opts(&text).await,
            "SITE" => self.say("501 no such service").await,
            _ if self.is(Fault::AnyCommand) => self.say("200 yes").await,
            _ => self.say("500 no such command").await,
        }
    }

    async fn feat(&mut self) {
        let mut lines: Vec<_> = FEATURES.iter().map(|line| (*line).to_owned()).collect();
        lines.push("UTF8".into());
        if self.is(Fault::FeatLies) {
            lines.push("HASH SHA-1".into());
        }
        if self.is(Fault::FeatFlush) {
            return self.say(&format!("211-features\r\n{}\r\n211 end", lines.join("\r\n"))).await;
        }
        self.say_lines(211, &lines).await;
    }

    async fn kind(&mut self, kind: &str) {
        match kind {
            "A" | "A N" | "A T" => self.ascii = true,
            "L 8" if self.is(Fault::NoLocal) => return self.say("504 not that").await,
            "I" | "L 8" => self.ascii = false,
            _ if self.is(Fault::AnyParameter) => {}
            "" => return self.say("501 which?").await,
            _ => return self.say("504 not that").await,
        }
        self.say("200 so be it").await;
    }

    async fn passive(&mut self, verb: &str, argument: &str) {
        if verb == "EPSV" {
            match argument {
                "" | "1" => {}
                _ if argument.eq_ignore_ascii_case("ALL") => {
                    self.all = true;
                    return self.say("200 nothing but EPSV").await;
                }
                _ if self.is(Fault::AnyProtocol) => {}
                _ => return self.say("522 protocols are (1)").await,
            }
        } else if self.all && !self.is(Fault::AllIgnored) {
            return self.say("501 nothing but EPSV").await;
        }
        let Ok(listener) = TcpListener::bind("127.0.0.1:0").await else {
            return self.say("421 no port").await;
        };
        let port = listener.local_addr().map_or(0, |address| address.port());
        self.way = Way::Passive(listener);
        let [high, low] = port.to_be_bytes();
        let reply = match verb {
            "EPSV" if self.is(Fault::EpsvForm) => format!("229 come ({port})"),
            "EPSV" => format!("229 come (|||{port}|)"),
            _ if self.is(Fault::NoAddress) => format!("227 come (0,0,0,0,{high},{low})"),
            _ => format!("227 come (127,0,0,1,{high},{low})"),
        };
        self.say(&reply).await;
    }

    async fn active(&mut self, verb: &str, argument: &str) {
        if self.all && !self.is(Fault::AllIgnored) {
            return self.say("501 nothing but EPSV").await;
        }
        if self.is(Fault::AnyPort) {
            return self.say("200 there").await;
        }
        if verb == "PORT" {
            let octets: Option<Vec<u8>> = argument.split(',').map(|number| number.parse().ok()).collect();
            let address = match octets.as_deref() {
                Some([a, b, c, d, high, low]) => {
                    Some(SocketAddr::from(([*a, *b, *c, *d], u16::from_be_bytes([*high, *low]))))
                }
                _ => None,
            };
            return self.port(address).await;
        }
        let delimiter = argument.chars().next().unwrap_or('|');
        if delimiter != '|' && self.is(Fault::BarOnly) {
            return self.say("501 no bars").await;
        }
        match argument.split(delimiter).collect::<Vec<_>>().as_slice() {
            ["", "1", address, port, ""] => {
                let address = address.parse::<IpAddr>().ok().filter(IpAddr::is_ipv4).zip(port.parse().ok());
                self.port(address.map(SocketAddr::from)).await;
            }
            ["", "9", ..] if !self.is(Fault::AnyProtocol) => self.say("522 protocols are (1)").await,
            _ => self.say("501 no address").await,
        }
    }

    async fn protection(&mut self, verb: &str, argument: &str) {
        if !self.is(Fault::ProtWhenever) && (!self.secure || (verb == "PROT" && !self.pbsz)) {
            return self.say("503 not yet").await;
        }
        match (verb, argument) {
            ("PBSZ", size) if size.parse::<u32>().is_err() && !self.is(Fault::ProtAny) => {
                return self.say("501 no size").await;
            }
            ("PBSZ", _) => self.pbsz = true,
            (_, "P") => self.private = true,
            (_, "C") => self.private = false,
            _ if self.is(Fault::ProtAny) => {}
            (_, "S" | "E") => return self.say("536 not by TLS").await,
            _ => return self.say("504 no such level").await,
        }
        self.say("200 so be it").await;
    }

    async fn rename(&mut self, from: Option<Vec<u8>>, to: Vec<u8>) {
        let Some(from) = from else {
            return self.say(if self.is(Fault::RntoAlone) { "250 done" } else { "503 RNFR first" }).await;
        };
        if !self.tree.is_folder(split(&to).0) {
            return self.say("553 no such folder").await;
        }
        let copies = self.is(Fault::RenameCopies);
        {
            let mut nodes = self.tree.nodes();
            let below = [from.as_slice(), b"/"].concat();
            let moved: Vec<_> =
                nodes.keys().filter(|path| **path == from || path.starts_with(&below)).cloned().collect();
            for path in moved {
                let node = if copies { nodes.get(&path).cloned() } else { nodes.remove(&path) };
                let rest = path.get(from.len()..).unwrap_or_default();
                nodes.insert([to.as_slice(), rest].concat(), node.flatten());
            }
        }
        self.say("250 done").await;
    }

    async fn remove(&mut self, verb: &str, path: &[u8]) {
        let any = self.is(Fault::RemovesAnything);
        let right = if verb == "RMD" { self.tree.is_folder(path) } else { self.tree.file(path).is_some() };
        let full = verb == "RMD" && !self.tree.names(path).is_empty() && !self.is(Fault::RemovesFull);
        if (right || (any && self.tree.exists(path))) && !full {
            self.tree.nodes().remove(path);
            return self.say("250 gone").await;
        }
        self.say(if self.is(Fault::RemovesNothing) { "250 gone" } else { "550 no" }).await;
    }

    async fn make(&mut self, path: Vec<u8>) {
        if (self.tree.exists(&path) && !self.is(Fault::MkdAgain)) || !self.tree.is_folder(split(&path).0) {
            return self.say("550 no").await;
        }
        let said = if self.is(Fault::NoPath) {
            "there".into()
        } else {
            format!("\"{}\"", quoted(&path, self.fault))
        };
        self.tree.nodes().insert(path, None);
        self.say(&format!("257 {said}")).await;
    }

    async fn file_fact(&mut self, verb: &str, path: &[u8]) {
        let Some(content) = self.tree.file(path) else { return self.say("550 no file").await };
        let reply = match verb {
            "MDTM" => time(self.fault),
            _ if self.ascii && !self.is(Fault::SizeAscii) => return self.say("550 not in TYPE A").await,
            _ => (content.len() + usize::from(self.is(Fault::SizeWrong))).to_string(),
        };
        self.say(&format!("213 {reply}")).await;
    }

    async fn retr(&mut self, path: &[u8]) {
        let rest = if self.is(Fault::RestStays) { self.rest } else { std::mem::take(&mut self.rest) };
        let rest = if self.is(Fault::RestIgnored) { 0 } else { rest };
        let content = match self.tree.file(path) {
            Some(content) => content,
            None if self.is(Fault::MissingIsEmpty) => Vec::new(),
            None => return self.say("550 no file").await,
        };
        if matches!(self.way, Way::None) {
            return self.say("425 where to?").await;
        }
        if rest > content.len() && !self.is(Fault::RestBeyond) {
            return self.say("554 behind the end").await;
        }
        let half = if self.is(Fault::HalfFile) { content.len() / 2 } else { content.len() };
        let content = content.get(rest.min(half)..half).unwrap_or_default().to_vec();
        let converts = (self.ascii && !self.is(Fault::NoAscii)) || self.is(Fault::AlwaysAscii);
        let content = if converts { to_network(&content) } else { content };
        if self.transfer(Work::Send(content), "150 here it comes").await.is_some() {
            self.ended().await;
        }
    }

    async fn stor(&mut self, verb: &str, path: Vec<u8>) {
        let rest = std::mem::take(&mut self.rest);
        let path = match verb {
            "STOU" => (0..)
                .map(|n| resolve(&self.cwd, format!("unique{n}").as_bytes()))
                .find(|path| !self.tree.exists(path)),
            _ => Some(path),
        };
        let path = path.unwrap_or_default();
        let (folder, name) = split(&path);
        if !self.tree.is_folder(folder) || self.tree.is_folder(&path) {
            return self.say("553 not there").await;
        }
        let said = match verb {
            "STOU" if !self.is(Fault::StouUnsaid) => format!("150 FILE: {}", String::from_utf8_lossy(name)),
            _ => "150 go on".into(),
        };
        let Some(came) = self.transfer(Work::Receive, &said).await else { return };
        let converts = self.ascii && !self.is(Fault::NoAscii);
        let came = if converts { from_network(&came) } else { came };
        let before = self.tree.file(&path).unwrap_or_default();
        let mut content = match verb {
            "APPE" if !self.is(Fault::AppeReplaces) => before.clone(),
            _ => before.get(..rest).unwrap_or_default().to_vec(),
        };
        content.extend(came);
        if self.is(Fault::StorKeepsRest) {
            content.extend(before.get(content.len()..).unwrap_or_default());
        }
        if !self.is(Fault::StorLoses) {
            self.tree.nodes().insert(path, Some(content));
        }
        self.ended().await;
    }

    async fn list(&mut self, verb: &str, path: Vec<u8>) {
        if verb == "MLSD" && !self.tree.is_folder(&path) && !self.is(Fault::MlsdFile) {
            return self.say("501 no folder").await;
        }
        if !self.tree.exists(&path) {
            return self.say("450 not there").await;
        }
        let lines = list(&self.tree, &path, verb, &self.facts, self.fault);
        if self.transfer(Work::Send(lines), "150 here it comes").await.is_some() {
            self.ended().await;
        }
    }

    async fn opts(&mut self, argument: &str) {
        let (name, chosen) = argument.split_once(' ').unwrap_or((argument, ""));
        if !name.eq_ignore_ascii_case("MLST") {
            return self.say("501 no options").await;
        }
        let chosen: Vec<_> = chosen.to_ascii_lowercase().split(';').map(str::to_owned).collect();
        if !self.is(Fault::OptsIgnored) {
            self.facts = FACTS.into_iter().filter(|fact| chosen.iter().any(|name| name == fact)).collect();
        }
        let said: String = self.facts.iter().map(|fact| format!("{fact};")).collect();
        self.say(format!("200 MLST OPTS {said}").trim_end()).await;
    }
}

fn to_network(content: &[u8]) -> Vec<u8> {
    content
        .split_inclusive(|octet| *octet == b'\n')
        .flat_map(|line| match line.strip_suffix(b"\n") {
            Some(line) => [line, b"\r\n"].concat(),
            None => line.to_vec(),
        })
        .collect()
}

fn from_network(content: &[u8]) -> Vec<u8> {
    content
        .split_inclusive(|octet| *octet == b'\n')
        .flat_map(|line| match line.strip_suffix(b"\r\n") {
            Some(line) => [line, b"\n"].concat(),
            None => line.to_vec(),
        })
        .collect()
}
