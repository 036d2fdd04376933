//! TLS 1.2 and 1.3: certificates, configuration, streams. The only room that knows rustls.
//!
//! [`Certificates`] are read from files, chosen by server name and renewed while connections run. A
//! [`ServerTls`] or [`ClientTls`] makes a [`TlsStream`] of any byte stream, and [`TlsInfo`] says what was agreed.
//! The cryptography is aws-lc-rs, chosen here and never a default of the process: X25519MLKEM768 first, AEAD
//! suites with an ephemeral key exchange only, no early data.

mod authorities;
mod certificate;
mod certificates;
mod client;
mod explain;
mod info;
mod issue;
#[cfg(feature = "quic")]
pub(crate) mod quic;
mod secret;
mod server;
mod stream;
mod tickets;

#[cfg(test)]
mod peers;
#[cfg(test)]
mod tests;

pub use authorities::Authorities;
pub use certificate::{CertSource, Certificate};
pub use certificates::Certificates;
pub use client::{ClientTls, ServerName};
pub use info::{PeerCertificate, TlsInfo, Version};
pub use issue::{Issued, LocalCa, self_signed};
pub use secret::{check_secret, read_secret, replace_secret};
pub use server::{ClientAuth, ServerTls};
pub use stream::TlsStream;

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use std::sync::{Arc, LazyLock};

/// The one provider of cryptography: its order of key exchanges is ours, not that of a cargo feature.
fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: LazyLock<Arc<CryptoProvider>> = LazyLock::new(|| {
        use aws_lc_rs::kx_group::{SECP256R1, SECP384R1, X25519, X25519MLKEM768};
        Arc::new(CryptoProvider {
            kx_groups: vec![X25519MLKEM768, X25519, SECP256R1, SECP384R1],
            ..aws_lc_rs::default_provider()
        })
    });
    PROVIDER.clone()
}

/// The SHA-256 of some octets.
fn sha256(data: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    if let Some(suite) = aws_lc_rs::cipher_suite::TLS13_AES_128_GCM_SHA256.tls13() {
        hash.copy_from_slice(suite.common.hash_provider.hash(data).as_ref());
    }
    hash
}

/// Octets in lower-case hexadecimal digits.
fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}
