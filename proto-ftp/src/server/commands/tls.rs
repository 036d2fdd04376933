//! AUTH, PBSZ, PROT, CCC (RFC 2228, RFC 4217).

use super::super::session::Session;

impl Session {
    pub(super) fn auth(&mut self, mechanism: &[u8]) {
        if self.tls.on {
            return self.reply(503, "TLS is on already");
        }
        if !self.tls.offered {
            return self.reply(502, "no certificate here");
        }
        // RFC 4217 §16: TLS-C is TLS; TLS-P and SSL mean that data are protected at once, which PROT says.
        if !matches!(mechanism.to_ascii_uppercase().as_slice(), b"TLS" | b"TLS-C" | b"SSL") {
            return self.reply(504, "only TLS");
        }
        self.start_tls();
    }

    pub(super) fn pbsz(&mut self, size: &[u8]) {
        if !self.tls.on {
            return self.reply(503, "AUTH TLS first");
        }
        if size.is_empty() || size.len() > 10 || !size.iter().all(u8::is_ascii_digit) {
            return self.reply(501, "PBSZ 0");
        }
        self.tls.pbsz = true;
        // RFC 4217 §8: there are no buffers of ours around TLS.
        self.reply(200, "PBSZ=0");
    }

    pub(super) fn prot(&mut self, level: &[u8]) {
        if !self.tls.on || !(self.tls.pbsz || self.tls.implicit) {
            return self.reply(503, "PBSZ first");
        }
        match level.to_ascii_uppercase().as_slice() {
            b"P" => {
                self.tls.private = true;
                self.reply(200, "data are private");
            }
            b"C" if self.options.tls_required => self.reply(534, "only PROT P here"),
            b"C" => {
                self.tls.private = false;
                self.reply(200, "data are clear");
            }
            b"S" | b"E" => self.reply(536, "not with TLS"),
            _ => self.reply(504, "PROT C or P"),
        }
    }

    pub(super) fn ccc(&mut self, _: &[u8]) {
        match self.tls.on {
            // RFC 4217 §12.3: whoever sits between could go on in the client's name.
            true => self.reply(534, "TLS stays"),
            false => self.reply(533, "there is no TLS"),
        }
    }
}
