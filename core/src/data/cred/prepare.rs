use std::borrow::Cow;

/// A password as it is hashed and compared: by SASLprep (RFC 4013), so that one which is typed with other code points for the
/// same letters is the same. What that does not know or does not allow stays as it is, octet for octet, and so does what is
/// no UTF-8.
pub fn prepare(password: &[u8]) -> Cow<'_, [u8]> {
    match std::str::from_utf8(password).map(prepare_name) {
        Ok(Cow::Owned(prepared)) => Cow::Owned(prepared.into_bytes()),
        _ => Cow::Borrowed(password),
    }
}

/// The name that somebody says, as accounts are looked up by it: likewise.
pub fn prepare_name(name: &str) -> Cow<'_, str> {
    match stringprep::saslprep(name) {
        Ok(Cow::Owned(prepared)) if !prepared.is_empty() => Cow::Owned(prepared),
        _ => Cow::Borrowed(name),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn said(text: &str) -> String {
        String::from_utf8(prepare(text.as_bytes()).into_owned()).unwrap()
    }

    /// The examples of RFC 4013.
    #[test]
    fn the_examples_of_the_rfc_come_out_as_it_says() {
        assert_eq!(said("I\u{ad}X"), "IX");
        assert_eq!(said("user"), "user");
        assert_eq!(said("USER"), "USER");
        assert_eq!(said("\u{aa}"), "a");
        assert_eq!(said("\u{2168}"), "IX");
        // What it prohibits.
        for text in ["\u{7}", "\u{627}\u{31}"] {
            assert_eq!(said(text), text);
        }
    }

    #[test]
    fn letters_are_the_same_however_a_keyboard_makes_them() {
        assert_eq!(said("gro\u{df} u\u{308}ber"), said("gro\u{df} \u{fc}ber"));
        assert_eq!(said("a\u{a0}b"), "a b");
        // Newer than the table of the RFC, nothing, and no text.
        assert_eq!((said("\u{1f9f6}"), said("\u{ad}")), ("\u{1f9f6}".into(), "\u{ad}".into()));
        assert_eq!(*prepare(b"\xff\xfc"), *b"\xff\xfc");
    }

    proptest! {
        #[test]
        fn no_octets_panic_and_none_become_nothing(octets in proptest::collection::vec(any::<u8>(), 1..40)) {
            prop_assert!(!prepare(&octets).is_empty());
        }

        #[test]
        fn what_is_prepared_stays_so(text in "\\PC{1,12}") {
            let once = said(&text);
            // Its tables are of one version of Unicode, the normal form is of another.
            prop_assume!(!once.is_empty());
            prop_assert_eq!(said(&once), once);
        }
    }
}
