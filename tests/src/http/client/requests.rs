//! What a client sends.

use super::{fetch, get, hello, one, post, reply};
use crate::Outcome;
use crate::case::{cases, check};
use crate::client::{Fetch, Part};

cases! {
    /// A request of HTTP/1.1 has one Host, the authority of its target.
    Must "http-client/9112/3.2/host" [Client] = async |peer| {
        let played = peer.play(|authority| vec![fetch("GET", format!("http://{authority}/{authority}"))], vec![hello()]).await?;
        let heard = played.heard(0)?;
        let authority = heard.line().split(' ').nth(1).unwrap_or_default().trim_start_matches('/');
        let hosts = heard.head.to_ascii_lowercase().matches("\r\nhost:").count();
        check(hosts == 1 && heard.field("host") == Some(authority), format!("Host: {authority}"), &heard.head)
    }

    /// A request to an origin server has path and query for its target.
    Must "http-client/9112/3.2.1/path-and-query" [Client] = async |peer| {
        let played = peer.play(|authority| vec![get(authority, "/a/b?c=d&e")], vec![hello()]).await?;
        let line = played.heard(0)?.line();
        check(line == "GET /a/b?c=d&e HTTP/1.1", "GET /a/b?c=d&e HTTP/1.1", line)
    }

    /// An empty path is sent as `/`.
    Must "http-client/9112/3.2.1/empty-path" [Client] = async |peer| {
        let played = peer.play(|authority| vec![get(authority, "")], vec![hello()]).await?;
        let line = played.heard(0)?.line();
        check(line.starts_with("GET / "), "GET / HTTP/1.1", line)
    }

    /// A fragment is not sent.
    Robust "http-client/9110/7.1/no-fragment" [Client] = async |peer| {
        let played = peer.play(|authority| vec![get(authority, "/a#b")], vec![hello()]).await?;
        let line = played.heard(0)?.line();
        check(line.starts_with("GET /a "), "GET /a HTTP/1.1", line)
    }

    /// Userinfo is sent neither in the target nor in Host.
    Must "http-client/9110/4.2.4/no-userinfo" [Client] = async |peer| {
        let played = peer.play(|authority| vec![fetch("GET", format!("http://rope@{authority}/a"))], vec![hello()]).await?;
        let Some(heard) = played.heard.first() else { return Ok(Outcome::Pass) };
        let host = heard.field("host").unwrap_or_default();
        check(!heard.line().contains('@') && !host.contains('@'), "no @ in target and Host", &heard.head)
    }

    /// Requests are sent in the client's highest version, HTTP/1.1.
    Should "http-client/9110/6.2/version" [Client] = async |peer| {
        let played = one(peer, hello()).await?;
        let line = played.heard(0)?.line();
        check(line.ends_with(" HTTP/1.1"), "HTTP/1.1", line)
    }

    /// No empty line stands before a request or behind it.
    Must "http-client/9112/2.2/no-empty-lines" [Client] = async |peer| {
        let played = peer.play(|authority| vec![post(authority, "/one", b"hello"), get(authority, "/two")], vec![hello(), hello()]).await?;
        for at in 0..2 {
            let line = played.heard(at)?.line();
            check(!line.is_empty(), "a request line", format!("{:?}", played.heard(at)?.head))?;
        }
        Ok(Outcome::Pass)
    }

    /// Content is delimited by Content-Length or the chunked coding, and arrives as it is.
    Must "http-client/9112/6.3/delimits" [Client] = async |peer| {
        let sent = b"hello\r\n\r\n0\r\n\r\n";
        let played = peer.play(|authority| vec![post(authority, "/one", sent)], vec![hello()]).await?;
        let heard = played.heard(0)?;
        check(heard.content == sent, "the content", crate::peer::quote(&heard.content))
    }

    /// Content whose length is known has a Content-Length.
    Should "http-client/9110/8.6/length" [Client] = async |peer| {
        let played = peer.play(|authority| vec![post(authority, "/one", b"hello")], vec![hello()]).await?;
        let heard = played.heard(0)?;
        check(heard.field("content-length") == Some("5"), "Content-Length: 5", &heard.head)
    }

    /// Content-Length and Transfer-Encoding are not sent together.
    Must "http-client/9112/6.2/one-length" [Client] = async |peer| {
        for content in [b"".to_vec(), b"hello".to_vec(), vec![b'a'; 100_000]] {
            let played = peer.play(|authority| vec![post(authority, "/one", &content)], vec![hello()]).await?;
            let heard = played.heard(0)?;
            let both = heard.field("content-length").is_some() && heard.field("transfer-encoding").is_some();
            check(!both, "one of the two", &heard.head)?;
        }
        Ok(Outcome::Pass)
    }

    /// A request without content expects no 100.
    Must "http-client/9110/10.1.1/nothing-to-continue" [Client] = async |peer| {
        let played = one(peer, hello()).await?;
        let heard = played.heard(0)?;
        check(heard.field("expect").is_none(), "no Expect", &heard.head)
    }

    /// TE, where it is sent, is named in Connection.
    Must "http-client/9112/7.4/te-named" [Client] = async |peer| {
        let played = one(peer, hello()).await?;
        let heard = played.heard(0)?;
        let connection = heard.field("connection").unwrap_or_default().to_ascii_lowercase();
        let named = connection.split(',').any(|option| option.trim() == "te");
        check(heard.field("te").is_none() || named, "Connection: TE beside TE", &heard.head)
    }

    /// TE does not name chunked.
    Must "http-client/9112/7.4/no-chunked-in-te" [Client] = async |peer| {
        let played = one(peer, hello()).await?;
        let te = played.heard(0)?.field("te").unwrap_or_default().to_ascii_lowercase();
        check(!te.contains("chunked"), "no chunked in TE", te)
    }

    /// Content for which 100 is expected is sent once 100 has come.
    Robust "http-client/9110/10.1.1/continue" [Client] = async |peer| {
        let sent = vec![b'a'; 2 * 1024 * 1024];
        let parts = vec![Part::Send("HTTP/1.1 100 Continue\r\n\r\n".into()), Part::Content, Part::Send(super::HELLO.into())];
        let played = peer.play(|authority| vec![expecting(authority, &sent)], vec![parts]).await?;
        check(played.heard(0)?.content == sent, "the content", played.heard(0)?.content.len())?;
        super::content(played.fetched(0)?, "hello")
    }

    /// Content for which 100 is expected is sent some time though no 100 comes.
    Should "http-client/9110/10.1.1/not-for-ever" [Client] = async |peer| {
        let sent = vec![b'a'; 2 * 1024 * 1024];
        let played = peer.play(|authority| vec![expecting(authority, &sent)], vec![hello()]).await?;
        check(played.heard(0)?.content == sent, "the content", played.heard(0)?.content.len())?;
        super::content(played.fetched(0)?, "hello")
    }

    /// After a 417 the request is sent again without its expectation.
    Should "http-client/9110/10.1.1/again-after-417" [Client] = async |peer| {
        let refusal = vec![Part::Send("HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".into()), Part::Close];
        let sent = vec![b'a'; 2 * 1024 * 1024];
        let played = peer.play(|authority| vec![expecting(authority, &sent)], vec![refusal, reply(super::HELLO)]).await?;
        if played.heard(0)?.field("expect").is_none() {
            return Ok(Outcome::Skip(crate::Reason::Unsupported("expectations")));
        }
        super::content(played.fetched(0)?, "hello")
    }
}

/// A POST of so much that a client may wish to wait for 100.
fn expecting(authority: &str, content: &[u8]) -> Fetch {
    let fetch = post(authority, "/one", content);
    Fetch { fields: vec!["Expect: 100-continue".into()], ..fetch }
}
