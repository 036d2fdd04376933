use ropewalk_core::{Error, Result};
use tokio::time::Instant;

use super::sent::Sending;
use super::{Client, Reply, Via, random, within};
use crate::wire::{Asked, Class, Name, Opcode, Type};
use crate::zone::Record;

/// A change of a zone (RFC 2136): what must be so before it, and what is other after it, all or nothing.
///
/// ```
/// use ropewalk_dns::client::Update;
/// use ropewalk_dns::wire::Type;
///
/// let name: ropewalk_dns::wire::Name = "_acme-challenge.example.org".parse()?;
/// let text = br#"_acme-challenge 60 TXT "a challenge""#;
/// let zone = "example.org".parse::<ropewalk_dns::wire::Name>()?;
/// let records = ropewalk_dns::zone::text::records("", text, Some(zone.view())).unwrap();
/// let mut update = Update::new(zone).without_set(name.clone(), Type::TXT);
/// for record in records {
///     update = update.with(record);
/// }
/// # Ok::<_, ropewalk_dns::wire::NameError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Update {
    zone: Name,
    requires: Vec<Record>,
    changes: Vec<Record>,
}

impl Update {
    /// No change of this zone yet.
    pub fn new(zone: Name) -> Self {
        Self { zone, requires: Vec::new(), changes: Vec::new() }
    }

    /// Only if the name has records.
    #[must_use]
    pub fn if_name(self, name: Name) -> Self {
        self.require(whole(name, Class::ANY, Type::ANY))
    }

    /// Only if the name has no records.
    #[must_use]
    pub fn if_no_name(self, name: Name) -> Self {
        self.require(whole(name, Class::NONE, Type::ANY))
    }

    /// Only if the name has records of this type.
    #[must_use]
    pub fn if_set(self, name: Name, rtype: Type) -> Self {
        self.require(whole(name, Class::ANY, rtype))
    }

    /// Only if the name has no records of this type.
    #[must_use]
    pub fn if_no_set(self, name: Name, rtype: Type) -> Self {
        self.require(whole(name, Class::NONE, rtype))
    }

    /// Only if there is this record, and of its name and type none but those that are required so.
    #[must_use]
    pub fn if_exactly(self, record: Record) -> Self {
        self.require(Record { ttl: 0, ..record })
    }

    /// Adds a record.
    #[must_use]
    pub fn with(self, record: Record) -> Self {
        self.change(record)
    }

    /// Takes a record away, whatever its time to live.
    #[must_use]
    pub fn without(self, record: Record) -> Self {
        self.change(Record { class: Class::NONE, ttl: 0, ..record })
    }

    /// Takes all records of a type away.
    #[must_use]
    pub fn without_set(self, name: Name, rtype: Type) -> Self {
        self.change(whole(name, Class::ANY, rtype))
    }

    /// Takes all records of a name away.
    #[must_use]
    pub fn without_name(self, name: Name) -> Self {
        self.change(whole(name, Class::ANY, Type::ANY))
    }

    fn require(mut self, record: Record) -> Self {
        self.requires.push(record);
        self
    }

    fn change(mut self, record: Record) -> Self {
        self.changes.push(record);
        self
    }

    /// The message with this ID.
    ///
    /// # Errors
    /// Where it is longer than a message may be.
    pub fn encode(&self, id: u16) -> Result<Vec<u8>> {
        let too_long = || Error::local("the update does not fit into a message");
        let count = |records: &[Record]| u16::try_from(records.len()).map_err(|_| too_long());
        let mut out = Vec::new();
        let flags = u16::from(Opcode::UPDATE.0) << 11;
        for word in [id, flags, 1, count(&self.requires)?, count(&self.changes)?, 0] {
            out.extend(word.to_be_bytes());
        }
        Asked { name: self.zone.clone(), qtype: Type::SOA, qclass: Class::IN }.write(&mut out);
        for record in self.requires.iter().chain(&self.changes) {
            let length = u16::try_from(record.rdata.len()).map_err(|_| too_long())?;
            out.extend_from_slice(record.name.wire());
            out.extend(record.rtype.0.to_be_bytes());
            out.extend(record.class.0.to_be_bytes());
            out.extend(record.ttl.to_be_bytes());
            out.extend(length.to_be_bytes());
            out.extend_from_slice(&record.rdata);
        }
        if out.len() > usize::from(u16::MAX) { Err(too_long()) } else { Ok(out) }
    }
}

/// What speaks of all records of a name or type (RFC 2136 §2.4).
fn whole(name: Name, class: Class, rtype: Type) -> Record {
    Record { name, class, rtype, ttl: 0, rdata: Box::default() }
}

impl Client {
    /// The reply to an update, whatever its code. It goes over a connection, whatever else is asked over UDP: a change that is
    /// sent twice because its reply was lost may be another one.
    ///
    /// # Errors
    /// Where there is no reply, or it is malformed or to something else: it is not known then whether anything changed.
    pub async fn update(&self, update: &Update) -> Result<Reply> {
        let message = update.encode(random()?)?;
        let begun = Instant::now();
        let what = Sending::Message(&message);
        let mut reply = match &self.via {
            Via::Udp => within(self.options.timeout, self.over_connection(what)).await?,
            _ => self.once(what).await?,
        };
        reply.took = begun.elapsed();
        Ok(reply)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::client::scripted::Scripted;
    use crate::server::Updated;
    use crate::server::asking::zone;
    use crate::wire::tsig::{Algorithm, Check, TsigKey};
    use crate::wire::{Head, Query, Rcode};
    use crate::zone::ZoneSet;
    use crate::zone::testing::record;

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    /// What the server of `example.` makes of it: what is gone and what is new, without the SOA.
    fn made(update: &Update) -> Result<(Vec<String>, Vec<String>), Rcode> {
        let mut set = ZoneSet::default();
        set.insert(zone(1).into());
        let message = update.encode(7).unwrap();
        let query = Query::read(Head::read(&message).unwrap(), &message).unwrap();
        let made = Updated::new(&set, &query, &|_, _| true)?;
        let text = |records: &[Record]| records.iter().skip(1).map(ToString::to_string).collect();
        Ok((text(&made.removed), text(&made.added)))
    }

    #[test]
    fn changes_are_those_that_a_server_makes() {
        let update = || Update::new(name("example."));
        let www = "www.example. 300 IN A 192.0.2.80";
        let new = "new.example. 60 IN A 192.0.2.9";
        for (update, removed, added) in [
            (update().with(record(new)), &[][..], &[new][..]),
            (update().without(record(www)), &[www], &[]),
            (update().without_set(name("www.example."), Type::A), &[www], &[]),
            (update().without_name(name("www.example.")), &[www], &[]),
            (update().without_name(name("www.example.")).with(record(new)), &[www], &[new]),
        ] {
            assert_eq!(made(&update), Ok((owned(removed), owned(added))));
        }
    }

    fn owned(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn what_must_be_so_is_what_a_server_asks_for() {
        let update = || Update::new(name("example.")).with(record("new.example. 60 IN A 192.0.2.9"));
        let (www, none) = (name("www.example."), name("none.example."));
        for (update, code) in [
            (update().if_name(www.clone()), None),
            (update().if_name(none.clone()), Some(Rcode::NXDOMAIN)),
            (update().if_no_name(none.clone()), None),
            (update().if_no_name(www.clone()), Some(Rcode::YXDOMAIN)),
            (update().if_set(www.clone(), Type::A), None),
            (update().if_set(www.clone(), Type::MX), Some(Rcode::NXRRSET)),
            (update().if_no_set(www.clone(), Type::MX), None),
            (update().if_no_set(www, Type::A), Some(Rcode::YXRRSET)),
            (update().if_exactly(record("www.example. 5 IN A 192.0.2.80")), None),
            (update().if_exactly(record("www.example. 5 IN A 192.0.2.81")), Some(Rcode::NXRRSET)),
        ] {
            assert_eq!(made(&update).err(), code, "{update:?}");
        }
    }

    #[test]
    fn more_than_a_message_holds_is_an_error() {
        let mut update = Update::new(name("example."));
        for number in 0..3000 {
            update = update.with(record(&format!("n{number}.example. 60 IN A 192.0.2.9")));
        }
        assert!(update.encode(0).unwrap_err().to_string().contains("does not fit"));
    }

    #[tokio::test]
    async fn it_is_sent_over_a_connection_and_signed() {
        let key = Arc::new(TsigKey::new(name("key.").view(), Algorithm::HmacSha256, &[7; 32]));
        let theirs = Arc::clone(&key);
        // The reply is of the same ID and opcode, and signed.
        let tcp = move |request: &[u8]| {
            let query = Query::read(Head::read(request).unwrap(), request).unwrap();
            let Ok(Check::Good(mut signer)) =
                Check::new(&query, |_| Some(Arc::clone(&theirs)), crate::server::now())
            else {
                panic!("it is signed");
            };
            let mut reply = request[..12].to_vec();
            reply[2] |= 0x80;
            reply[4..12].fill(0);
            signer.sign(&mut reply, 0, crate::server::now());
            vec![reply]
        };
        let server = Scripted::new(|_, _| panic!("not over UDP"), tcp).await;
        let mut client = Client::new(server.at, Via::Udp);
        client.options.key = Some(key);
        let update = Update::new(name("example.")).with(record("new.example. 60 IN A 192.0.2.9"));
        assert_eq!(client.update(&update).await.unwrap().message.rcode, Rcode::NOERROR);
    }
}
