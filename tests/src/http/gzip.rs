//! As much of gzip as it takes to tell whether something is the gzip of a text: RFC 1952 has a check sum at the end.

/// Whether these octets are one member of gzip whose check sum and length are those of the text.
pub(crate) fn is_of(coded: &[u8], text: &[u8]) -> bool {
    let mut end = crc32(text).to_le_bytes().to_vec();
    end.extend((text.len() as u32).to_le_bytes());
    coded.len() > 18 && coded.starts_with(&[0x1f, 0x8b, 8]) && coded.ends_with(&end)
}

/// The text as gzip, not compressed. It has at most 65535 octets.
pub(crate) fn stored(text: &[u8]) -> Vec<u8> {
    let length = text.len() as u16;
    let mut coded = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255, 1];
    coded.extend(length.to_le_bytes());
    coded.extend((!length).to_le_bytes());
    coded.extend(text);
    coded.extend(crc32(text).to_le_bytes());
    coded.extend((text.len() as u32).to_le_bytes());
    coded
}

fn crc32(text: &[u8]) -> u32 {
    let step = |crc: u32, _| if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
    !text.iter().fold(!0, |crc, octet| (0..8).fold(crc ^ u32::from(*octet), step))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_sum_is_the_one_of_gzip() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert!(is_of(&stored(b"rope"), b"rope"));
        assert!(!is_of(&stored(b"rope"), b"ropf"));
        assert!(!is_of(b"rope", b"rope"));
    }
}
