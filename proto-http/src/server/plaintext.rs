/// What is said to a peer that begins with these octets at a port for TLS: where they are a request of HTTP/1, that it came
/// to the wrong port. For [`Server::plaintext_notice`](ropewalk_core::app::Server::plaintext_notice).
pub fn plaintext_notice(first: &[u8]) -> Option<&'static [u8]> {
    is_request(first).then_some(WORDS)
}

const WORDS: &[u8] =
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 54\r\n\
    Connection: close\r\n\r\nThis port speaks TLS: ask it by https://, not http://\n";

/// A method as all of them are written, and the beginning of a target. A PROXY header and the preface of HTTP/2, whose
/// peers would not understand the answer, are none.
fn is_request(first: &[u8]) -> bool {
    let Some(space) = first.iter().position(|octet| *octet == b' ') else { return false };
    let (method, target) = first.split_at(space);
    let target = target.get(1..).unwrap_or_default();
    let begins = matches!(target, [b'/' | b'*', ..]) || target.starts_with(b"http") || method == b"CONNECT";
    method.len() >= 3 && method.iter().all(u8::is_ascii_uppercase) && method != b"PRI" && begins
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_requests_are_answered() {
        for request in
            ["GET / HTTP/1.1\r\n", "OPTIONS * HTTP/1", "PROPFIND /a", "CONNECT a:1 HTT", "GET http://a"]
        {
            assert!(plaintext_notice(request.as_bytes()).is_some(), "{request}");
        }
        for other in [
            "PRI * HTTP/2.0\r\n",
            "PROXY TCP4 1.2.3",
            "EHLO x",
            "SSH-2.0-x",
            "",
            "GET",
            "\x16\x03\x01 /",
            "GE /",
        ] {
            assert!(plaintext_notice(other.as_bytes()).is_none(), "{other}");
        }
    }

    #[test]
    fn the_length_of_the_words_is_right() {
        let text = std::str::from_utf8(WORDS).unwrap();
        let (head, content) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("Content-Length: {}\r\n", content.len())), "{}", content.len());
    }
}
