//! How a client reads answers.

use super::{HELLO, content, failed, fetch, hello, one, reply, reply_and_close};
use crate::case::{cases, check};
use crate::client::Part;
use crate::{Outcome, Peer};

const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

/// An answer with this head and nothing else is a failure.
async fn refused(peer: &mut Peer, answers: &[&str]) -> crate::case::Verdict {
    for answer in answers {
        let played = one(peer, reply_and_close(*answer)).await?;
        let fetched = played.fetched(0)?;
        check(fetched.failed, format!("a failure for {answer:?}"), super::shown(fetched))?;
    }
    Ok(Outcome::Pass)
}

cases! {
    /// What the reason phrase says is of no matter.
    Should "http-client/9112/4/reason-ignored" [Client] = async |peer| {
        for reason in ["404 Not Found", "", "Gone \u{e9}"] {
            let answer: Vec<u8> = HELLO.replace("OK", reason).chars().map(|c| c as u8).collect();
            content(one(peer, reply(answer)).await?.fetched(0)?, "hello")?;
        }
        Ok(Outcome::Pass)
    }

    /// A folded field line is no error of the response, and its second line no field.
    Must "http-client/9112/5.2/obs-fold" [Client] = async |peer| {
        let answer = "HTTP/1.1 200 OK\r\nX-Rope: a\r\n Content-Length: 3\r\nContent-Length: 5\r\n\r\nhello";
        content(one(peer, reply(answer)).await?.fetched(0)?, "hello")
    }

    /// Content of a given length is read to its length.
    Robust "http-client/9112/6.3/length" [Client] = async |peer| {
        content(one(peer, hello()).await?.fetched(0)?, "hello")
    }

    /// Chunked content is decoded, also where it comes octet by octet.
    Must "http-client/9112/7.1/octet-by-octet" [Client] = async |peer| {
        let answer = format!("{CHUNKED}3\r\nhel\r\n00A\r\nlo, rope 0\r\n1\r\n1\r\n0\r\n\r\n");
        let parts = vec![Part::Content, Part::Trickle(answer.into())];
        content(one(peer, parts).await?.fetched(0)?, "hello, rope 01")
    }

    /// Chunk extensions that are not known are ignored.
    Must "http-client/9112/7.1.1/extensions" [Client] = async |peer| {
        let answer = format!("{CHUNKED}5;a;b=c;d=\"e f\"\r\nhello\r\n0;last\r\n\r\n");
        content(one(peer, reply(answer)).await?.fetched(0)?, "hello")
    }

    /// Trailer fields are no content.
    Robust "http-client/9112/7.1.2/trailers" [Client] = async |peer| {
        let answer = format!("{CHUNKED}5\r\nhello\r\n0\r\nX-Rope: a\r\nX-Strand: b\r\n\r\n");
        let played = super::two(peer, reply(answer)).await?;
        content(played.fetched(0)?, "hello")?;
        content(played.fetched(1)?, "hello")
    }

    /// A chunk size that is no number is a failure.
    Robust "http-client/9112/7.1/size-not-hex" [Client] = async |peer| {
        refused(peer, &[&format!("{CHUNKED}xyz\r\nhello\r\n0\r\n\r\n")]).await
    }

    /// A chunk size that does not fit an integer is not cut to one that does.
    Must "http-client/9112/7.1/size-overflow" [Client] = async |peer| {
        refused(peer, &[&format!("{CHUNKED}10000000000000005\r\nhello\r\n0\r\n\r\n")]).await
    }

    /// A chunk longer than its size is a failure.
    Robust "http-client/9112/7.1/chunk-too-long" [Client] = async |peer| {
        refused(peer, &[&format!("{CHUNKED}3\r\nhello\r\n0\r\n\r\n")]).await
    }

    /// Where there are both lengths, Content-Length is not what is read.
    Robust "http-client/9112/6.3/coding-and-length" [Client] = async |peer| {
        let answer = CHUNKED.replace("\r\n\r\n", "\r\nContent-Length: 3\r\n\r\n") + "5\r\nhello\r\n0\r\n\r\n";
        let played = one(peer, reply_and_close(answer)).await?;
        let fetched = played.fetched(0)?;
        check(fetched.failed || fetched.content == b"hello", "\"hello\", or a failure", super::shown(fetched))
    }

    /// A response with a Content-Length that is no number is discarded.
    Must "http-client/9112/6.3/invalid-length" [Client] = async |peer| {
        refused(peer, &["HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\nhello", "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello"]).await
    }

    /// A response with two Content-Lengths that differ is discarded.
    Must "http-client/9112/6.3/two-lengths" [Client] = async |peer| {
        refused(peer, &[
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 3\r\n\r\nhello",
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\nhello",
        ]).await
    }

    /// A response with a list of lengths that differ is discarded.
    Must "http-client/9112/6.3/length-list" [Client] = async |peer| {
        refused(peer, &["HTTP/1.1 200 OK\r\nContent-Length: 5, 3\r\n\r\nhello"]).await
    }

    /// A response that ends before its length is told to be incomplete.
    Must "http-client/9112/8/short-length" [Client] = async |peer| {
        refused(peer, &["HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello"]).await
    }

    /// A chunked response without its last chunk is told to be incomplete.
    Must "http-client/9112/8/no-last-chunk" [Client] = async |peer| {
        refused(peer, &[&format!("{CHUNKED}5\r\nhello\r\n"), &format!("{CHUNKED}5\r\nhel")]).await
    }

    /// A response that ends within its head is a failure.
    Must "http-client/9112/8/half-a-head" [Client] = async |peer| {
        refused(peer, &["HTTP/1.1 200 OK\r\nContent-Le"]).await
    }

    /// A response with no length ends with the connection.
    Robust "http-client/9112/6.3/until-close" [Client] = async |peer| {
        let parts = vec![
            Part::Content,
            Part::Send("HTTP/1.1 200 OK\r\n\r\nhello".into()),
            Part::Pause(std::time::Duration::from_millis(30)),
            Part::Send(", rope".into()),
            Part::Close,
        ];
        content(one(peer, parts).await?.fetched(0)?, "hello, rope")
    }

    /// A response to HEAD has no content, whatever length it says.
    Must "http-client/9110/6/head" [Client] = async |peer| {
        let answer = "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n";
        let played = peer.play(|authority| vec![fetch("HEAD", format!("http://{authority}/one"))], vec![reply(answer)]).await?;
        content(played.fetched(0)?, "")
    }

    /// A 204 has no content: what follows its head is none.
    Robust "http-client/9112/6.3/204" [Client] = async |peer| {
        let played = one(peer, reply_and_close("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello")).await?;
        let fetched = played.fetched(0)?;
        check(fetched.content.is_empty(), "no content", super::shown(fetched))
    }

    /// A 304 has no content, whatever length it says.
    Robust "http-client/9112/6.3/304" [Client] = async |peer| {
        let parts = reply("HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\nContent-Length: 500\r\n\r\n");
        let played = peer.play(|authority| {
            let conditional = super::get(authority, "/one");
            vec![crate::client::Fetch { fields: vec!["If-None-Match: \"a\"".into()], ..conditional }]
        }, vec![parts]).await?;
        let fetched = played.fetched(0)?;
        check(fetched.status == 304 && !fetched.failed, "304", super::shown(fetched))
    }

    /// Interim responses, which nobody asked for, are read and passed over.
    Must "http-client/9110/15.2/interim" [Client] = async |peer| {
        for interim in ["100 Continue", "102 Processing", "103 Early Hints", "199 Rope"] {
            let answer = format!("HTTP/1.1 {interim}\r\nLink: </a>; rel=preload\r\n\r\nHTTP/1.1 {interim}\r\n\r\n{HELLO}");
            content(one(peer, reply(answer)).await?.fetched(0)?, "hello")?;
        }
        Ok(Outcome::Pass)
    }

    /// A status code that is not known counts as the first of its class.
    Must "http-client/9110/15/unknown-code" [Client] = async |peer| {
        let played = one(peer, reply(HELLO.replace("200 OK", "299 Rope"))).await?;
        let fetched = played.fetched(0)?;
        let met = !fetched.failed && fetched.content == b"hello";
        check(met, "the content", super::shown(fetched))
    }

    /// Bytes that are no HTTP are a failure.
    Robust "http-client/9112/4/garbage" [Client] = async |peer| {
        refused(peer, &["SSH-2.0-rope\r\n", "HTTP/1.1 2x0 OK\r\nContent-Length: 5\r\n\r\nhello"]).await
    }

    /// A head of two megabytes is not read to its end.
    Robust "http-client/9112/5/head-limited" [Client] = async |peer| {
        let fields = "X-Rope: strand strand strand\r\n".repeat(70_000);
        let head = HELLO.replace("\r\n\r\n", &format!("\r\n{fields}\r\n"));
        failed(one(peer, reply_and_close(head)).await?.fetched(0)?)
    }
}
