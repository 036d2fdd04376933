//! RFC 9112 §3.2: request target and Host.

use crate::Outcome;
use crate::case::{cases, check};
use crate::http::expect::{content, refused, status};
use crate::http::fixture::HELLO;

cases! {
    /// A request line with a space inside the target is answered with 400, or 301 to the encoded target.
    Should "http/9112/3.2/space-in-target" = async |peer| {
        let request = peer.request("GET", "/with space.txt", &[]);
        status(&peer.exchange(request).await?, &[400, 301])
    }

    /// A request line without a target is answered with 400.
    Should "http/9112/3.2/no-target" = async |peer| {
        let request = format!("GET HTTP/1.1\r\nHost: {}\r\n\r\n", peer.host());
        refused(peer, request).await
    }

    /// A target that is a relative path is answered with 400, not corrected.
    Should "http/9112/3.2/relative-target" = async |peer| {
        let request = peer.request("GET", "hello.txt", &[]);
        refused(peer, request).await
    }

    /// A target with a control character is answered with 400, not corrected.
    Should "http/9112/3.2/control-in-target" = async |peer| {
        let request = peer.request("GET", "/hello\u{1}.txt", &[]);
        refused(peer, request).await
    }

    /// A request of HTTP/1.1 without Host is answered with 400.
    Must "http/9112/3.2/missing-host" = async |peer| {
        refused(peer, "GET /hello.txt HTTP/1.1\r\n\r\n").await
    }

    /// A request with two Host lines is answered with 400, also where they agree.
    Must "http/9112/3.2/duplicate-host" = async |peer| {
        let second = format!("Host: {}", peer.host());
        for second in ["Host: other.test", &second] {
            peer.reconnect();
            let request = peer.request("GET", "/hello.txt", &[second]);
            refused(peer, request).await?;
        }
        Ok(Outcome::Pass)
    }

    /// A Host that is no authority is answered with 400.
    Must "http/9112/3.2/invalid-host" = async |peer| {
        for host in ["a b", "a/b", "a?b", "user@a", "a:port", "[::1", "a\u{1}b"] {
            peer.reconnect();
            let response = peer.exchange(format!("GET /hello.txt HTTP/1.1\r\nHost: {host}\r\n\r\n")).await?;
            check(response.status == 400, format!("400 to Host: {}", host.escape_debug()), response.brief())?;
        }
        Ok(Outcome::Pass)
    }

    /// A request of HTTP/1.0 needs no Host.
    Robust "http/9112/3.2/host-optional-in-1.0" [Fixture] = async |peer| {
        content(&peer.exchange("GET /hello.txt HTTP/1.0\r\n\r\n").await?, HELLO)
    }

    /// A target in absolute form is accepted.
    Must "http/9112/3.2.2/absolute-form" [Fixture] = async |peer| {
        let target = format!("http://{}/hello.txt", peer.host());
        content(&peer.get(&target, &[]).await?, HELLO)
    }

    /// With a target in absolute form, Host is ignored where it names another server.
    Must "http/9112/3.2.2/absolute-form-wins" [Fixture] = async |peer| {
        let request = format!("GET http://{}/hello.txt HTTP/1.1\r\nHost: other.test\r\n\r\n", peer.host());
        content(&peer.exchange(request).await?, HELLO)
    }

    /// A target in absolute form does not replace a missing Host.
    Must "http/9112/3.2.2/absolute-form-without-host" = async |peer| {
        let request = format!("GET http://{}/hello.txt HTTP/1.1\r\n\r\n", peer.host());
        refused(peer, request).await
    }

    /// A target in authority form is for CONNECT only: with GET it is answered with 400.
    Should "http/9112/3.2.3/authority-form-with-get" = async |peer| {
        let request = peer.request("GET", "other.test:80", &[]);
        refused(peer, request).await
    }

    /// A target of `*` is for OPTIONS only: with GET it is answered with 400.
    Should "http/9112/3.2.4/asterisk-with-get" = async |peer| {
        let request = peer.request("GET", "*", &[]);
        refused(peer, request).await
    }

    /// OPTIONS for the server as a whole is a well-formed request, and not answered with 400.
    Robust "http/9112/3.2.4/asterisk-with-options" = async |peer| {
        status(&peer.ask("OPTIONS", "*", &[]).await?, &[200, 204, 403, 405, 501])
    }
}
