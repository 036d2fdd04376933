use crate::wire::Type;

/// The types that there are at a name, as NSEC and NSEC3 have them (RFC 4034 §4.1.2). They come in any order.
pub(crate) fn bitmap(types: impl IntoIterator<Item = Type>) -> Vec<u8> {
    let mut types: Vec<u16> = types.into_iter().map(|rtype| rtype.0).collect();
    types.sort_unstable();
    let mut out = Vec::new();
    for window in types.chunk_by(|a, b| a >> 8 == b >> 8) {
        let ([first, ..], [.., last]) = (window, window) else { continue };
        let mut bits = [0_u8; 32];
        for number in window {
            if let Some(octet) = bits.get_mut(usize::from(number & 0xff) / 8) {
                *octet |= 0x80 >> (number % 8);
            }
        }
        let length = usize::from(last & 0xff) / 8 + 1;
        out.extend([(first >> 8) as u8, length as u8]);
        out.extend(bits.iter().take(length));
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::wire::rdata::{self, Text};

    #[test]
    fn the_example_of_the_rfc_has_its_octets() {
        let types = [Type(1234), Type::NSEC, Type::A, Type::RRSIG, Type::MX];
        let mut expected = vec![0, 6, 0x40, 1, 0, 0, 0, 3, 4, 27];
        expected.extend([0; 26]);
        expected.push(0x20);
        assert_eq!(bitmap(types), expected);
        assert!(bitmap([]).is_empty());
    }

    proptest! {
        #[test]
        fn a_bitmap_is_read_as_the_types_that_it_was_made_of(types in prop::collection::btree_set(1_u16.., 1..40)) {
            let rdata = [vec![0], bitmap(types.iter().copied().map(Type))].concat();
            prop_assert_eq!(rdata::check(Type::NSEC, &rdata), Ok(()));
            let text = Text { rtype: Type::NSEC, rdata: &rdata }.to_string();
            let read: Vec<Type> = text.split(' ').skip(1).map(|word| word.parse().unwrap()).collect();
            prop_assert_eq!(read, types.into_iter().map(Type).collect::<Vec<_>>());
        }
    }
}
