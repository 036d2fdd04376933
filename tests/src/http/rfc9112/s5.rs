//! RFC 9112 §5: field syntax.

use crate::case::cases;
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
}
