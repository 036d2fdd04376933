use std::fmt::Debug;
use std::time::Instant;

use super::{Entry, Failure, Rig};
use crate::sansio::Machine;

/// Checks that plaintext put behind the command that starts TLS is never acted upon (RFC 3207 §6).
///
/// `before` leads up to the request for TLS, its command included; `injected` is what an attacker on the way adds to the
/// same packet; `after` is said inside TLS. The dialogue must be the one without the injection, or end in a closed connection.
/// Best tried with an `injected` that is a whole command, and with one that is the start of one.
///
/// # Errors
/// The machine acts on what was injected, before the handshake or after it, or never asks for TLS.
pub fn starttls_forgets<M, R>(
    make: impl Fn(Instant) -> M,
    respond: R,
    before: &[u8],
    injected: &[u8],
    after: &[u8],
) -> Result<(), Failure>
where
    M: Machine<Event: Debug>,
    R: FnMut(M::Event) -> M::Answer + Clone,
{
    let now = Instant::now();
    let talk = |chunks: [&[u8]; 2]| {
        let mut rig = Rig::begin(&make, respond.clone(), now, None)?;
        for chunk in chunks {
            rig.receive(chunk)?;
        }
        let asked = rig.wants_tls();
        rig.handshake()?;
        if !rig.is_closed() {
            rig.receive(after)?;
            rig.finish()?;
        }
        Ok::<_, Failure>((asked, rig.said()))
    };
    let (asked, clean) = talk([before, b""])?;
    if !asked {
        return Err(Failure::new(format!("the machine does not ask for TLS; it did {clean:?}")));
    }
    let until_tls = clean.iter().take_while(|entry| **entry != Entry::StartTls);
    let refused: Vec<Entry> = until_tls.cloned().chain([Entry::Refused]).collect();
    for cut in 0..before.len() {
        let (first, second) = before.split_at(cut);
        let second = [second, injected].concat();
        let (_, attacked) = talk([first, &second])?;
        if attacked != clean && attacked != refused {
            let message = format!(
                "what was sent ahead of TLS had an effect:\n  without: {clean:?}\n  with:    {attacked:?}"
            );
            return Err(Failure::new(message).on(&[first.to_vec().into(), second.into()]));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::toy::{Bug, Toy};

    fn same(text: String) -> String {
        text
    }

    #[test]
    fn a_machine_that_leaves_the_bytes_passes() {
        for injected in [&b"ask evil\r\n"[..], b"ask evil", b"\r\n", b"x"] {
            starttls_forgets(Toy::new, same, b"ask a\r\nstarttls\r\n", injected, b"ask b\r\n").unwrap();
        }
    }

    #[test]
    fn a_machine_that_keeps_its_buffer_is_caught() {
        for injected in [&b"ask evil\r\n"[..], b"ask ev"] {
            let failure =
                starttls_forgets(Toy::with(Bug::KeepsBuffer), same, b"starttls\r\n", injected, b"ask b\r\n")
                    .unwrap_err();
            assert!(failure.to_string().contains("had an effect"), "{failure}");
        }
    }

    #[test]
    fn a_machine_that_never_asks_for_tls_is_caught() {
        let failure = starttls_forgets(Toy::new, same, b"ask a\r\n", b"x", b"").unwrap_err();
        assert!(failure.to_string().contains("does not ask"), "{failure}");
    }
}
