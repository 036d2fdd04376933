//! RFC 9112 §5: field syntax.

use crate::case::{cases, check};
use crate::http::expect::{refused, status};

cases! {
    /// Whitespace between a field's name and the colon is answered with 400.
    Must "http/9112/5.1/space-before-colon" = async |peer| {
        let request = peer.request("GET", "/hello.txt", &["X-A : b"]);
        refused(peer, request).await
    }

    /// A folded field line is refused, or read as one value: what follows the fold is no field of its own.
    Must "http/9112/5.2/obs-fold" [Fixture] = async |peer| {
        let request = peer.request("GET", "/hello.txt", &["X-A: a", " If-None-Match: *"]);
        status(&peer.exchange(request).await?, &[200, 400])
    }

    /// A folded field line is refused, or its fold is a space to who reads it.
    Must "http/9112/5.2/fold-replaced" [Echo] = async |peer| {
        let request = peer.request("GET", "/echo", &["X-Echo: a", " \t b"]);
        let response = peer.exchange(request).await?;
        let unfolded = response.field("x-echo").is_some_and(|value| {
            value.starts_with("a ") && value.ends_with('b') && value.split_ascii_whitespace().eq(["a", "b"])
        });
        check(response.status == 400 || unfolded, "400, or a and b with spaces between", response.brief())
    }
}
