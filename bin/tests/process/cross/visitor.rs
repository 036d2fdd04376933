//! One person at one door, whatever is spoken there.

use std::collections::BTreeSet;
use std::time::SystemTime;

use super::House;
use super::ftp::{Session, fact};
use super::http::{Site, answer, chunk, encoded, head, last_name};
use super::wire::Wire;

/// A protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Door {
    /// Over plain TCP, with lengths.
    Http,
    /// Over TLS, with chunks; what a file is like is told by PROPFIND.
    Dav,
    Ftp,
    /// AUTH TLS, and data under TLS.
    Ftps,
}

impl Door {
    pub(super) const ALL: [Self; 4] = [Self::Http, Self::Dav, Self::Ftp, Self::Ftps];

    pub(super) fn is_ftp(self) -> bool {
        matches!(self, Self::Ftp | Self::Ftps)
    }

    /// Of a code of HTTP and one of FTP, that of this door.
    pub(super) fn code(self, http: u16, ftp: u16) -> u16 {
        if self.is_ftp() { ftp } else { http }
    }
}

/// What is told of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) size: u64,
    /// `YYYYMMDDHHMMSS`, of UTC.
    pub(super) time: String,
    /// Where the protocol has them.
    pub(super) etag: Option<String>,
    pub(super) unique: Option<String>,
}

/// One person at one door.
pub(super) struct Visitor {
    pub(super) door: Door,
    /// Where requests go; also those of a door of FTP, for nothing but what only they can say.
    pub(super) site: Site,
    /// The session of a door of FTP.
    ftp: Option<Session>,
}

/// An upload of which some has been sent.
pub(super) struct Upload(Wire);

impl Visitor {
    #[track_caller]
    pub(super) fn new(house: &House, door: Door, login: &'static str) -> Self {
        let site = match door {
            Door::Dav => Site { port: house.https, tls: Some(house.tls()), login },
            _ => Site { port: house.http, tls: None, login },
        };
        let tls = (door == Door::Ftps).then(|| house.tls());
        let ftp = door.is_ftp().then(|| Session::open(house.ftp, tls, login));
        Self { door, site, ftp }
    }

    /// The session of a door that has one.
    pub(super) fn session(&mut self) -> &mut Session {
        self.ftp.as_mut().unwrap()
    }

    /// Writes a file; the code of the answer.
    #[track_caller]
    pub(super) fn put(&mut self, path: &[u8], content: &[u8]) -> u16 {
        match (&mut self.ftp, self.door) {
            (Some(ftp), _) => ftp.store(path, content),
            (None, Door::Dav) => {
                let mut wire = self.site.begin("PUT", path, "Transfer-Encoding: chunked\r\n");
                let middle = content.len() / 2;
                let parts = [&content[..middle], &content[middle..], b""];
                for (at, part) in parts.iter().enumerate() {
                    if at == 2 || !part.is_empty() {
                        // Who is refused in the middle finds it closed.
                        let _ = wire.send(&chunk(part));
                    }
                }
                answer(&mut wire, false).status
            }
            (None, _) => self.site.ask("PUT", path, "", content).status,
        }
    }

    /// Writes a file, which is to succeed.
    #[track_caller]
    pub(super) fn puts(&mut self, path: &[u8], content: &[u8]) {
        let code = self.put(path, content);
        let (door, path) = (self.door, String::from_utf8_lossy(path));
        assert!([201, 204, 226].contains(&code), "{door:?} wrote {path}: {code}");
    }

    /// Reads a file; else the code of the answer.
    #[track_caller]
    pub(super) fn get(&mut self, path: &[u8]) -> Result<Vec<u8>, u16> {
        match &mut self.ftp {
            Some(ftp) => ftp.fetch("RETR", path),
            None => match self.site.ask("GET", path, "", b"") {
                found if found.status == 200 => Ok(found.body),
                refused => Err(refused.status),
            },
        }
    }

    /// Begins to read a file, and reads so many octets of it.
    #[track_caller]
    pub(super) fn reads(&mut self, path: &[u8], len: usize) -> (Vec<u8>, Wire) {
        let mut wire = match &mut self.ftp {
            Some(ftp) => ftp.transfer("RETR", path).unwrap(),
            None => self.site.begin("GET", path, ""),
        };
        if !self.door.is_ftp() {
            assert_eq!(head(&mut wire).status, 200);
        }
        (wire.exactly(len), wire)
    }

    /// Reads the rest of it.
    #[track_caller]
    pub(super) fn ends(&mut self, mut wire: Wire) -> Vec<u8> {
        let rest = wire.rest();
        if let Some(ftp) = &mut self.ftp {
            ftp.hear().is(226);
        }
        rest
    }

    /// What is told of a file, and the same by all that tell it; else the code of the answer.
    #[track_caller]
    pub(super) fn seen(&mut self, path: &[u8]) -> Result<Seen, u16> {
        match (&mut self.ftp, self.door) {
            (Some(ftp), _) => told(ftp, path),
            (None, Door::Dav) => {
                let found = self.site.ask("PROPFIND", path, "Depth: 0\r\n", b"");
                if found.status != 207 {
                    return Err(found.status);
                }
                Ok(Seen {
                    size: found.element("D:getcontentlength").unwrap().parse().unwrap(),
                    time: digits(&found.element("D:getlastmodified").unwrap()),
                    etag: Some(found.element("D:getetag").unwrap()),
                    unique: None,
                })
            }
            (None, _) => {
                let found = self.site.ask("HEAD", path, "", b"");
                if found.status != 200 {
                    return Err(found.status);
                }
                Ok(Seen {
                    size: found.field("content-length").unwrap().parse().unwrap(),
                    time: digits(found.field("last-modified").unwrap()),
                    etag: Some(found.field("etag").unwrap().to_owned()),
                    unique: None,
                })
            }
        }
    }

    /// The names in a folder.
    #[track_caller]
    pub(super) fn names(&mut self, path: &[u8]) -> BTreeSet<Vec<u8>> {
        match (&mut self.ftp, self.door) {
            (Some(ftp), _) => {
                let listing = ftp.fetch("MLSD", path).unwrap();
                let lines = listing.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
                // Neither the folder itself nor the one above it.
                let entries = lines.filter(|line| !["cdir", "pdir"].contains(&&*fact(line, "type").unwrap()));
                entries.map(name).collect()
            }
            (None, Door::Dav) => {
                let found = self.site.ask("PROPFIND", path, "Depth: 1\r\n", b"");
                assert_eq!(found.status, 207);
                let text = found.text();
                let hrefs = text.split("<D:href>").skip(2).map(|part| part.split('<').next().unwrap());
                hrefs.map(last_name).collect()
            }
            (None, _) => {
                let folder = if path == b"/" { path.to_vec() } else { [path, b"/"].concat() };
                let found = self.site.ask("GET", &folder, "Accept: application/json\r\n", b"");
                assert_eq!(found.status, 200);
                let listing: serde_json::Value = serde_json::from_slice(&found.body).unwrap();
                let entries = listing["entries"].as_array().unwrap();
                entries.iter().map(|entry| last_name(entry["href"].as_str().unwrap())).collect()
            }
        }
    }

    #[track_caller]
    pub(super) fn delete(&mut self, path: &[u8]) -> u16 {
        match &mut self.ftp {
            Some(ftp) => ftp.of("DELE", path).code,
            None => self.site.ask("DELETE", path, "", b"").status,
        }
    }

    /// Makes a folder.
    #[track_caller]
    pub(super) fn makes(&mut self, path: &[u8]) {
        match &mut self.ftp {
            Some(ftp) => assert_eq!(ftp.of("MKD", path).code, 257),
            None => assert_eq!(self.site.ask("MKCOL", path, "", b"").status, 201),
        }
    }

    #[track_caller]
    pub(super) fn rename(&mut self, from: &[u8], to: &[u8]) -> u16 {
        match &mut self.ftp {
            Some(ftp) => match ftp.of("RNFR", from).code {
                350 => ftp.of("RNTO", to).code,
                refused => refused,
            },
            None => self.site.ask("MOVE", from, &format!("Destination: {}\r\n", encoded(to)), b"").status,
        }
    }

    /// Begins to write a file of `len` octets, and sends the first of them.
    #[track_caller]
    pub(super) fn begin(&mut self, path: &[u8], first: &[u8], len: usize) -> Upload {
        let (mut wire, first) = match (&mut self.ftp, self.door) {
            (Some(ftp), _) => (ftp.transfer("STOR", path).unwrap(), first.to_vec()),
            (None, Door::Dav) => {
                (self.site.begin("PUT", path, "Transfer-Encoding: chunked\r\n"), chunk(first))
            }
            (None, _) => {
                (self.site.begin("PUT", path, &format!("Content-Length: {len}\r\n")), first.to_vec())
            }
        };
        wire.send(&first).unwrap();
        Upload(wire)
    }

    /// Sends the rest; the code of the answer.
    #[track_caller]
    pub(super) fn finish(&mut self, Upload(mut wire): Upload, rest: &[u8]) -> u16 {
        match (&mut self.ftp, self.door) {
            (Some(ftp), _) => {
                wire.send(rest).unwrap();
                wire.end();
                ftp.hear().code
            }
            (None, door) => {
                let rest = if door == Door::Dav { [chunk(rest), chunk(b"")].concat() } else { rest.to_vec() };
                wire.send(&rest).unwrap();
                answer(&mut wire, false).status
            }
        }
    }
}

/// What FTP tells of a file: by SIZE, MDTM and MLST, which agree.
#[track_caller]
fn told(ftp: &mut Session, path: &[u8]) -> Result<Seen, u16> {
    let facts = ftp.of("MLST", path);
    let size = ftp.of("SIZE", path);
    let time = ftp.of("MDTM", path);
    if facts.code != 250 {
        assert_eq!((size.code, time.code), (facts.code, facts.code));
        return Err(facts.code);
    }
    let facts = facts.text.split(|byte| *byte == b'\n').nth(1).unwrap();
    let size = size.is(213).value().to_owned();
    let time = time.is(213).value().get(..14).unwrap().to_owned();
    assert_eq!(fact(facts, "size").as_ref(), Some(&size));
    assert_eq!(fact(facts, "modify").unwrap().get(..14), Some(&time[..]));
    Ok(Seen { size: size.parse().unwrap(), time, etag: None, unique: fact(facts, "unique") })
}

/// The name in a line of MLSD.
fn name(line: &[u8]) -> Vec<u8> {
    let at = line.windows(2).position(|two| two == b"; ").unwrap();
    line[at + 2..].strip_suffix(b"\r").unwrap().to_vec()
}

/// A date of HTTP as FTP writes it.
fn digits(date: &str) -> String {
    let time: SystemTime = httpdate::parse_http_date(date).unwrap();
    jiff::Timestamp::try_from(time).unwrap().strftime("%Y%m%d%H%M%S").to_string()
}
