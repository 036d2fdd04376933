use crate::wire::{Class, Name, Opcode, Query, Rcode, Type, rdata};
use crate::zone::Zone;

/// What a NOTIFY tells: that a zone has changed (RFC 1996).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The zone.
    pub zone: Name,
    /// Its new serial, where the primary tells it: a hint, as nobody vouches for it (RFC 1996 §3.11).
    pub serial: Option<u32>,
}

impl Notice {
    /// What the request tells. Whether it comes from a primary of the zone is to be seen by others, and who is none is told
    /// REFUSED; all else is NOERROR with AA (RFC 1996 §3.10).
    ///
    /// # Errors
    /// FORMERR, and NOTIMP if it is not about an SOA.
    pub fn read(query: &Query<'_>) -> Result<Self, Rcode> {
        let question =
            query.question.filter(|_| query.head.opcode == Opcode::NOTIFY).ok_or(Rcode::FORMERR)?;
        if question.qclass != Class::IN || question.qtype != Type::SOA {
            return Err(Rcode::NOTIMP);
        }
        let zone = question.name.to_name();
        let mut serial = None;
        for record in query.records(&query.answer).filter(|record| record.rtype == Type::SOA) {
            let mut data = Vec::new();
            rdata::read(record.rtype, query.message, record.at, record.length, &mut data)
                .map_err(|_| Rcode::FORMERR)?;
            let numbers = data.split_last_chunk::<20>().and_then(|(_, numbers)| numbers.first_chunk());
            if record.owner(query.message).as_ref() == Some(&zone) {
                serial = numbers.map(|serial| u32::from_be_bytes(*serial));
            }
        }
        Ok(Self { zone, serial })
    }

    /// The request that tells of this zone as it is now.
    pub fn request(zone: &Zone, id: u16) -> Vec<u8> {
        let [high, low] = id.to_be_bytes();
        let Opcode(opcode) = Opcode::NOTIFY;
        let soa = zone.soa().and_then(|soa| Some((soa.ttl, soa.rdata().next()?)));
        let mut message = vec![high, low, opcode << 3 | 4, 0, 0, 1, 0, u8::from(soa.is_some()), 0, 0, 0, 0];
        let kind = [Type::SOA.0.to_be_bytes(), Class::IN.0.to_be_bytes()].concat();
        message.extend_from_slice(zone.origin().wire());
        message.extend_from_slice(&kind);
        if let Some((ttl, data)) = soa {
            message.extend_from_slice(zone.origin().wire());
            message.extend_from_slice(&kind);
            message.extend_from_slice(&ttl.to_be_bytes());
            message.extend_from_slice(&(data.len() as u16).to_be_bytes());
            message.extend_from_slice(data);
        }
        message
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{request, zone};
    use super::*;
    use crate::wire::Head;

    fn read(message: &[u8]) -> Result<Notice, Rcode> {
        Notice::read(&Query::read(Head::read(message).unwrap(), message)?)
    }

    #[test]
    fn what_one_server_tells_another_understands() {
        let zone = zone(
            "example. 60 IN SOA ns.example. root.example. 4000000000 2 3 4 300
             example. 60 IN NS ns.example.",
        );
        let message = Notice::request(&zone, 0x1234);
        assert_eq!(message[..4], [0x12, 0x34, 0x24, 0]);
        let name: Name = "example.".parse().unwrap();
        assert_eq!(read(&message), Ok(Notice { zone: name, serial: Some(4_000_000_000) }));
    }

    #[test]
    fn the_serial_need_not_be_told() {
        let mut message = request("example SOA", &[]);
        message[2] = 0x24;
        assert_eq!(read(&message).unwrap().serial, None);
        let mut other = request("example A", &[]);
        other[2] = 0x24;
        assert_eq!(read(&other), Err(Rcode::NOTIMP));
        assert_eq!(read(&request("example SOA", &[])), Err(Rcode::FORMERR));
    }

    #[test]
    fn the_soa_of_another_zone_tells_nothing() {
        let soa = b"\x05other\0\0\x06\0\x01\0\0\0\0\0\x16\0\0\0\0\0\x09\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
        let mut message = request("example SOA", &[soa]);
        (message[2], message[7], message[11]) = (0x24, 1, 0);
        assert_eq!(read(&message).unwrap().serial, None);
        let cut = message.len() - 1;
        message[12 + 9 + 4 + 7 + 8 + 1] -= 1;
        assert_eq!(read(&message[..cut]), Err(Rcode::FORMERR));
    }
}
