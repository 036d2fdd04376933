use proptest::prelude::*;

use super::*;

/// Decodes what comes in pieces of this size; gives content, trailers and what is left.
fn decode_by(text: &[u8], piece: usize) -> Result<(Vec<u8>, HeaderMap, Vec<u8>)> {
    let mut decoder = Decoder::default();
    let mut input = BytesMut::new();
    let mut pieces = text.chunks(piece);
    let mut content = Vec::new();
    loop {
        match decoder.decode(&mut input)? {
            Step::Data(data) => content.extend_from_slice(&data),
            Step::End(trailers) => {
                input.extend(pieces.flatten());
                return Ok((content, trailers, input.to_vec()));
            }
            Step::More => {
                let piece = pieces.next().ok_or_else(|| Error::peer("cut"))?;
                input.extend_from_slice(piece);
            }
        }
    }
}

fn decode(text: &str) -> Result<(Vec<u8>, HeaderMap, Vec<u8>)> {
    decode_by(text.as_bytes(), usize::MAX)
}

#[test]
fn a_body_is_decoded_up_to_its_end() {
    let (content, trailers, rest) = decode("5\r\nhello\r\n00a\r\n0123456789\r\n000\r\n\r\nGET").unwrap();
    assert_eq!(
        (content.as_slice(), trailers.len(), rest.as_slice()),
        (&b"hello0123456789"[..], 0, &b"GET"[..])
    );
}

#[test]
fn a_size_has_sixteen_digits_at_most() {
    assert_eq!(decode("0000000000000001\r\nx\r\n0000000000000000\r\n\r\n").unwrap().0, b"x");
    assert!(decode("0000000000000001\r\nx\r\n00000000000000000\r\n\r\n").is_err());
    // More than there ever is: all that comes is content.
    let mut decoder = Decoder::default();
    let mut input = BytesMut::from("ffffffffffffffff\r\nxyz");
    assert!(matches!(decoder.decode(&mut input).unwrap(), Step::Data(data) if data == "xyz"));
    assert!(matches!(decoder.decode(&mut input).unwrap(), Step::More));
}

#[test]
fn extensions_are_checked_and_passed_over() {
    for good in [";a", ";a=b", " ; a = b", ";a=\"b;\\\"\u{e9}\"", ";a;b=c;d=\"e f\""] {
        assert_eq!(decode(&format!("1{good}\r\nx\r\n0{good}\r\n\r\n")).unwrap().0, b"x", "{good}");
    }
    for bad in
        [";", ";=b", ";a=", ";a b", ";a=\"b", ";a=\"\u{1}\"", " ", "a;\0", ";a=\"\\\u{7}\"", ";a\r", "x"]
    {
        assert!(decode(&format!("1{bad}\r\nx\r\n0\r\n\r\n")).is_err(), "{bad:?}");
    }
}

#[test]
fn what_is_not_a_chunk_is_refused() {
    for bad in [
        "\r\nx\r\n0\r\n\r\n",
        "0x1\r\nx\r\n0\r\n\r\n",
        "+1\r\nx\r\n0\r\n\r\n",
        "-1\r\nx\r\n0\r\n\r\n",
        " 1\r\nx\r\n0\r\n\r\n",
        "1\nx\r\n0\r\n\r\n",
        "1\r\nx\n0\r\n\r\n",
        "1\r\nx\r0\r\n\r\n",
        "1\r\r\nx\r\n0\r\n\r\n",
        "1\r\nx\r\n0\r\nA: b\rc\r\n\r\n",
        "00000000000000001\r\nx\r\n0\r\n\r\n",
        "1\r\nxy\r\n0\r\n\r\n",
        "1\r\nx\r\n0\n\r\n",
        "1\r\nx\r\n0\r\n\n",
        "10000000000000001\r\nx\r\n0\r\n\r\n",
        "1\r\nx\r\n0\r\nno field\r\n\r\n",
        "1\r\nx\r\n0\r\n A: b\r\n\r\n",
    ] {
        assert!(decode(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn every_part_has_a_size() {
    let extension = |n: usize| format!("1;{}\r\nx\r\n", "a".repeat(n));
    assert!(decode(&(extension(SIZE_LINE - 4) + "0\r\n\r\n")).is_ok());
    assert!(decode(&(extension(SIZE_LINE - 3) + "0\r\n\r\n")).is_err());
    let unended = "1;".to_owned() + &"a".repeat(SIZE_LINE - 2);
    assert!(
        Decoder::default().decode(&mut BytesMut::from(unended.as_str())).is_err(),
        "before its end comes"
    );
    let many = 16_384 / 200;
    assert!(decode(&(extension(199).repeat(many) + &extension(183) + "0\r\n\r\n")).is_ok());
    assert!(decode(&(extension(199).repeat(many) + &extension(184) + "0\r\n\r\n")).is_err());
    assert!(decode(&(extension(199).repeat(many) + "0\r\n\r\n")).is_ok());
    assert!(decode(&(extension(199).repeat(many + 1) + "0\r\n\r\n")).is_err());
    let trailer = |n: usize| format!("0\r\nA: {}\r\n\r\n", "b".repeat(n));
    assert!(decode(&trailer(8_192 - 16)).is_ok());
    assert!(decode(&trailer(TRAILERS)).is_err());
    assert!(decode(&format!("0\r\n{}\r\n", "A: b\r\n".repeat(TRAILERS / 6 + 1))).is_err());
}

#[test]
fn trailers_that_would_change_the_request_are_dropped() {
    let (_, trailers, _) = decode(
        "0\r\nHost: y\r\nX-Sum: 1\r\nIf-None-Match: *\r\nContent-Length: 9\r\nX-Forwarded-For: a\r\nAuthorization: a\r\n\r\n",
    )
    .unwrap();
    assert_eq!(trailers.keys().map(HeaderName::as_str).collect::<Vec<_>>(), ["x-sum"]);
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded(chunks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..300), 0..8),
                                  piece in 1_usize..40) {
        let mut out = BytesMut::new();
        for chunk in &chunks {
            begin(&mut out, chunk.len());
            out.extend_from_slice(chunk);
            out.extend_from_slice(b"\r\n");
        }
        let mut trailers = HeaderMap::new();
        trailers.insert("x-sum", http::HeaderValue::from_static("1"));
        end(&mut out, &trailers);
        out.extend_from_slice(b"rest");
        let (content, after, rest) = decode_by(&out, piece).unwrap();
        prop_assert_eq!((content, after, rest), (chunks.concat(), trailers, b"rest".to_vec()));
    }

    #[test]
    fn nothing_panics_and_pieces_do_not_matter(text in "([0-9a-f]|\r\n|\r|\n|;a|=|\"|A: b|0\r\n|\\PC){0,30}") {
        let told = |piece| decode_by(text.as_bytes(), piece).map_err(|error| error.to_string());
        let whole = told(usize::MAX);
        for piece in [1, 2, 3, 7] {
            prop_assert_eq!(&told(piece), &whole);
        }
    }

    #[test]
    fn a_size_is_written_in_hexadecimal(octets in 1_usize..) {
        let mut out = BytesMut::new();
        begin(&mut out, octets);
        prop_assert_eq!(out.to_vec(), format!("{octets:x}\r\n").into_bytes());
    }
}
