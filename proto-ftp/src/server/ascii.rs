//! TYPE A: lines end in CRLF on the wire (RFC 959 §3.1.1), and in LF here.

/// Turns each LF into CRLF, also where it is cut in two. A CRLF that is there stays one: files are stored in the other way
/// too, and nobody wants two CR in their text.
#[derive(Debug, Default)]
pub(super) struct Encoder {
    /// A CR was the last octet.
    cr: bool,
}

impl Encoder {
    pub(super) fn encode(&mut self, text: &[u8], out: &mut Vec<u8>) {
        for byte in text {
            if *byte == b'\n' && !self.cr {
                out.push(b'\r');
            }
            self.cr = *byte == b'\r';
            out.push(*byte);
        }
    }
}

/// Turns each CRLF into LF, also where it is cut in two.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    /// A CR was the last octet: it counts only if no LF follows.
    cr: bool,
}

impl Decoder {
    pub(super) fn decode(&mut self, wire: &[u8], out: &mut Vec<u8>) {
        for byte in wire {
            if std::mem::take(&mut self.cr) && *byte != b'\n' {
                out.push(b'\r');
            }
            match byte {
                b'\r' => self.cr = true,
                _ => out.push(*byte),
            }
        }
    }

    /// What is left at the end.
    pub(super) fn end(&mut self, out: &mut Vec<u8>) {
        if std::mem::take(&mut self.cr) {
            out.push(b'\r');
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decode(chunks: &[&[u8]]) -> Vec<u8> {
        let (mut decoder, mut out) = (Decoder::default(), Vec::new());
        chunks.iter().for_each(|chunk| decoder.decode(chunk, &mut out));
        decoder.end(&mut out);
        out
    }

    #[test]
    fn a_line_end_survives_being_cut() {
        assert_eq!(decode(&[b"a\r", b"\nb\r", b"c\r\n", b"\r"]), b"a\nb\rc\n\r");
        assert_eq!(decode(&[b"\r\r\n"]), b"\r\n");
    }

    fn encode(chunks: &[&[u8]]) -> Vec<u8> {
        let (mut encoder, mut out) = (Encoder::default(), Vec::new());
        chunks.iter().for_each(|chunk| encoder.encode(chunk, &mut out));
        out
    }

    #[test]
    fn a_line_end_that_is_one_already_stays() {
        assert_eq!(encode(&[b"a\nb\r\nc\r", b"\n\n"]), b"a\r\nb\r\nc\r\n\r\n");
    }

    proptest! {
        #[test]
        fn any_text_comes_back(text in "[ab\r\n]{0,40}", cut in 0..80_usize) {
            // A CRLF of ours is one LF after the way there and back.
            let ours = text.replace("\r\n", "\n");
            let (left, right) = text.as_bytes().split_at(cut.min(text.len()));
            let wire = encode(&[left, right]);
            let (left, right) = wire.split_at(cut.min(wire.len()));
            prop_assert_eq!(decode(&[left, right]), ours.as_bytes());
        }
    }
}
