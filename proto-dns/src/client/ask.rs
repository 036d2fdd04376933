use crate::wire::{Asked, Class, Flags, Message, Name, Rcode, Type};

/// What fits into one packet on nearly every path.
const UNFRAGMENTED: u16 = 1232;
/// RFC 8467 §4.1: what is encrypted is as long as a multiple of this.
const BLOCK: usize = 128;
/// The option of EDNS that makes messages longer (RFC 7830 §3).
const PADDING: u16 = 12;

/// A question, and how it is put.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Ask {
    /// What is asked.
    pub question: Asked,
    /// RD, AD and CD, as far as they are to be set.
    pub flags: Flags,
    /// EDNS; `None` where there is to be none.
    pub edns: Option<Wants>,
}

/// What EDNS says of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Wants {
    /// The octets of the largest reply over UDP, at least 512.
    pub size: u16,
    /// DO: DNSSEC's records are wanted too (RFC 3225 §3).
    pub dnssec: bool,
}

impl Ask {
    /// The question for this type at this name, with recursion, and with EDNS for replies of 1232 octets.
    pub fn new(name: Name, qtype: Type) -> Self {
        Self {
            question: Asked { name, qtype, qclass: Class::IN },
            flags: Flags::RD,
            edns: Some(Wants { size: UNFRAGMENTED, dnssec: false }),
        }
    }

    /// The same with DNSSEC's records.
    #[must_use]
    pub fn with_dnssec(mut self) -> Self {
        self.edns = self.edns.map(|wants| Wants { dnssec: true, ..wants });
        self
    }

    /// The octets of the largest reply over UDP.
    pub(super) fn size(&self) -> u16 {
        self.edns.map_or(512, |wants| wants.size.max(512))
    }

    /// The message; padded so that its length says little of the name, where that can be seen and EDNS is used.
    pub(super) fn encode(&self, id: u16, padded: bool) -> Vec<u8> {
        let mut out = Vec::with_capacity(BLOCK);
        let additional = u16::from(self.edns.is_some());
        for word in [id, self.flags.0, 1, 0, 0, additional] {
            out.extend(word.to_be_bytes());
        }
        self.question.write(&mut out);
        let Some(wants) = self.edns else { return out };
        out.push(0);
        for word in [Type::OPT.0, wants.size, 0, u16::from(wants.dnssec) << 15] {
            out.extend(word.to_be_bytes());
        }
        if padded {
            // The length of RDATA, and the head of the option, come before the padding.
            let fill = BLOCK - (out.len() + 6) % BLOCK;
            for word in [fill as u16 + 4, PADDING, fill as u16] {
                out.extend(word.to_be_bytes());
            }
            out.resize(out.len() + fill, 0);
        } else {
            out.extend([0, 0]);
        }
        out
    }

    /// Whether a message is the reply to this, which was sent with this ID. A server that could not read the question, or
    /// does not want to, need not repeat it.
    pub(super) fn is_answered_by(&self, id: u16, message: &Message) -> bool {
        let same = match &message.question {
            Some(question) => *question == self.question,
            None => matches!(
                message.rcode,
                Rcode::FORMERR | Rcode::SERVFAIL | Rcode::NOTIMP | Rcode::REFUSED | Rcode::NOTAUTH
            ),
        };
        same && message.id == id && message.flags.has(Flags::QR) && message.opcode.0 == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Head, Query};

    #[test]
    fn a_question_is_one_that_servers_read() {
        let ask = Ask::new("www.example.org".parse().unwrap(), Type::AAAA).with_dnssec();
        for padded in [false, true] {
            let octets = ask.encode(77, padded);
            let head = Head::read(&octets).unwrap();
            assert_eq!((head.id, head.rd, head.cd), (77, true, false));
            let query = Query::read(head, &octets).unwrap();
            let (question, edns) = (query.question.unwrap(), query.edns.unwrap());
            assert_eq!((question.name.to_string(), question.qtype), ("www.example.org.".into(), Type::AAAA));
            assert_eq!((edns.size, edns.version, edns.dnssec), (1232, 0, true));
        }
    }

    #[test]
    fn padded_questions_are_of_few_lengths() {
        for length in 1..60 {
            let name = "a".repeat(length).parse().unwrap();
            assert_eq!(Ask::new(name, Type::A).encode(0, true).len(), 128);
        }
        let name: Name = format!("{0}.{0}", "a".repeat(60)).parse().unwrap();
        assert_eq!(Ask::new(name, Type::A).encode(0, true).len(), 256);
    }

    #[test]
    fn a_reply_is_of_the_same_id_and_question() {
        let ask = Ask::new("a.example".parse().unwrap(), Type::A);
        let answered = |id: u16, change: &dyn Fn(&mut Vec<u8>)| {
            let mut octets = ask.encode(7, false);
            octets[2] |= 0x80;
            change(&mut octets);
            ask.is_answered_by(id, &Message::read(&octets).unwrap())
        };
        assert!(answered(7, &|_| {}));
        assert!(answered(7, &|octets| octets[13] = b'A'));
        assert!(!answered(8, &|_| {}));
        assert!(!answered(7, &|octets| octets[2] &= 0x7f));
        assert!(!answered(7, &|octets| octets[2] |= 0x28));
        assert!(!answered(7, &|octets| octets[13] = b'b'));
        assert!(!answered(7, &|octets| octets[24] = 2));
        // Nothing but the header.
        let bare = |octets: &mut Vec<u8>, rcode| {
            octets.truncate(12);
            (octets[3], octets[5], octets[11]) = (rcode, 0, 0);
        };
        assert!(answered(7, &|octets| bare(octets, 1)));
        assert!(!answered(7, &|octets| bare(octets, 3)));
    }
}
