//! What a client does with its connections.

use std::time::Duration;

use super::{HELLO, content, post, reply, two};
use crate::Outcome;
use crate::case::{cases, check};
use crate::client::Part;

cases! {
    /// A connection is used again after a whole response.
    Robust "http-client/9112/9.3/reused" [Client] = async |peer| {
        let played = two(peer, super::hello()).await?;
        content(played.fetched(1)?, "hello")?;
        check(played.heard(1)?.on == 1, "both requests on one connection", format!("{:?}", played.heard))
    }

    /// A response is read whole before the next request's is.
    Must "http-client/9112/9.3/whole-before-next" [Client] = async |peer| {
        let parts = vec![
            Part::Content,
            Part::Send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n".into()),
            Part::Pause(Duration::from_millis(50)),
            Part::Send("6\r\n, rope\r\n0\r\n\r\n".into()),
        ];
        let played = two(peer, parts).await?;
        content(played.fetched(0)?, "hello, rope")?;
        content(played.fetched(1)?, "hello")
    }

    /// What follows a whole response is no response to the next request.
    Must "http-client/9112/9.2/unasked" [Client] = async |peer| {
        let unasked = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong";
        let played = two(peer, reply(format!("{HELLO}{unasked}"))).await?;
        content(played.fetched(0)?, "hello")?;
        let second = played.fetched(1)?;
        check(second.content != b"wrong", "no answer that was not asked for", super::shown(second))
    }

    /// A connection on which something came that nobody asked for is not used again.
    Should "http-client/9112/9.2/closed-after-unasked" [Client] = async |peer| {
        let played = two(peer, reply(format!("{HELLO}{HELLO}"))).await?;
        check(played.heard.get(1).is_none_or(|second| second.on != 1), "another connection", format!("{:?}", played.heard))
    }

    /// After a response that says close, nothing more is sent on its connection.
    Must "http-client/9112/9.6/close-heeded" [Client] = async |peer| {
        let played = two(peer, reply(HELLO.replace("\r\n\r\n", "\r\nConnection: x-rope, Close\r\n\r\n"))).await?;
        content(played.fetched(1)?, "hello")?;
        check(played.heard(1)?.on != 1, "another connection", format!("{:?}", played.heard))
    }

    /// A response of HTTP/1.0 that does not keep its connection ends it.
    Robust "http-client/9112/9.3/1.0-not-reused" [Client] = async |peer| {
        let played = two(peer, reply(HELLO.replace("HTTP/1.1", "HTTP/1.0"))).await?;
        content(played.fetched(1)?, "hello")?;
        check(played.heard(1)?.on != 1, "another connection", format!("{:?}", played.heard))
    }

    /// A connection is used again after a response without content.
    Robust "http-client/9112/9.3/reused-after-204" [Client] = async |peer| {
        let played = two(peer, reply("HTTP/1.1 204 No Content\r\n\r\n")).await?;
        content(played.fetched(1)?, "hello")
    }

    /// An idempotent request is repeated where a connection that was kept turns out to be closed.
    Robust "http-client/9112/9.3.1/repeats-idempotent" [Client] = async |peer| {
        let mut first = super::hello();
        first.push(Part::Close);
        content(two(peer, first).await?.fetched(1)?, "hello")
    }

    /// A request that is not idempotent is not repeated by itself where its answer does not come.
    Should "http-client/9110/9.2.2/no-repeat" [Client] = async |peer| {
        let nothing = vec![Part::Content, Part::Close];
        let played = peer.play(|authority| vec![post(authority, "/one", b"hello")], vec![nothing, super::hello()]).await?;
        check(played.heard.len() == 1, "one request", format!("{:?}", played.heard))
    }

    /// An answer that comes before the request's content was read is the answer.
    Should "http-client/9112/9.5/early-answer" [Client] = async |peer| {
        let parts = vec![
            Part::Send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello".into()),
            Part::Close,
        ];
        let sent = vec![b'a'; 4 * 1024 * 1024];
        let played = peer.play(|authority| vec![post(authority, "/one", &sent)], vec![parts]).await?;
        let fetched = played.fetched(0)?;
        check(fetched.status == 413, "413", super::shown(fetched))?;
        Ok(Outcome::Pass)
    }
}
