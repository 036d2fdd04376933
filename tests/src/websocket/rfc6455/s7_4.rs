//! RFC 6455 §7.4: status codes.

use crate::case::{Verdict, cases, check};
use crate::websocket::frame::Frame;
use crate::websocket::socket::{Event, Socket};
use crate::{Broken, Outcome, Peer};

/// A Close with any of these codes is a Close: it is answered, and not as an error.
async fn taken(peer: &mut Peer, codes: &[u16]) -> Verdict {
    for &code in codes {
        let mut socket = Socket::open(peer).await?;
        socket.send(&[Frame::close(code, "because")]).await?;
        let said = socket.hears_close().await?;
        let met = said == Some(code) || matches!(said, None | Some(1000 | 1001));
        check(met, format!("a Close with {code} or of a normal end, to {code}"), format!("{said:?}"))?;
        socket.ends().await?;
    }
    Ok(Outcome::Pass)
}

/// A Close with any of these codes is an error: the connection fails, with 1002 if any code is said.
async fn refused(peer: &mut Peer, codes: &[u16]) -> Verdict {
    for &code in codes {
        let mut socket = Socket::open(peer).await?;
        socket.send(&[Frame::close(code, "")]).await?;
        let expected = format!("to {code}, a Close with 1002 or the end");
        match socket.event(&expected).await? {
            Event::End(_) => {}
            Event::Close(Some(1002 | 1007 | 1008), _) => {
                socket.ends().await?;
            }
            other => return Err(Broken::new(expected, other.to_string())),
        }
    }
    Ok(Outcome::Pass)
}

cases! {
    /// The codes that RFC 6455 defines for a Close are taken.
    Must "websocket/6455/7.4.1/defined-codes" = async |peer| {
        taken(peer, &[1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011]).await
    }

    /// The codes of libraries and frameworks are taken.
    Must "websocket/6455/7.4.2/codes-of-libraries" = async |peer| {
        taken(peer, &[3000, 3001, 3500, 3999]).await
    }

    /// The codes of applications are taken.
    Must "websocket/6455/7.4.2/codes-of-applications" = async |peer| {
        taken(peer, &[4000, 4001, 4999]).await
    }

    /// The codes that have been registered since are taken.
    Robust "websocket/6455/7.4.2/codes-registered-since" = async |peer| {
        taken(peer, &[1012, 1013, 1014]).await
    }

    /// The server's Close never says that there was no code, or no Close, or no TLS: 1005, 1006 or 1015.
    Must "websocket/6455/7.4.1/never-said" = async |peer| {
        let said = |frames: &[Frame]| frames.to_vec();
        let empty = said(&[Frame::new(crate::websocket::frame::CLOSE, "")]);
        for frames in [said(&[Frame::close(1005, "")]), said(&[Frame::close(1006, "")]), said(&[Frame::close(1015, "")]), empty] {
            let mut socket = Socket::open(peer).await?;
            socket.send(&frames).await?;
            // The event is judged as it is read: such a code breaks the case.
            let event = socket.event("a Close with another code, or the end").await?;
            let met = matches!(event, Event::Close(..) | Event::End(_));
            check(met, "a Close with another code, or the end", event)?;
        }
        Ok(Outcome::Pass)
    }

    /// A Close with a code that may not be sent is an error: 1005, 1006 and 1015.
    Must "websocket/6455/7.4.1/codes-not-to-be-sent" = async |peer| {
        refused(peer, &[1005, 1006, 1015]).await
    }

    /// A Close with a code below 1000 is an error.
    Must "websocket/6455/7.4.2/codes-below-1000" = async |peer| {
        refused(peer, &[0, 1, 999]).await
    }

    /// A Close with a code of 5000 or above is an error.
    Robust "websocket/6455/7.4.2/codes-above-4999" = async |peer| {
        refused(peer, &[5000, 10_000, 65_535]).await
    }

    /// A Close with a reserved code that nothing defines is an error.
    Robust "websocket/6455/7.4.2/codes-reserved" = async |peer| {
        refused(peer, &[1004, 1016, 1100, 2000, 2999]).await
    }
}
