//! RFC 6455, the server's side: opening handshake, frames, messages, close.

mod s10;
mod s4_2_1;
mod s4_2_2;
mod s5_1_2;
mod s5_4;
mod s5_5;
mod s5_6;
mod s7;
mod s7_4;
mod s8_1;
mod s9_11;

use crate::Case;

pub(super) fn cases() -> impl Iterator<Item = &'static Case> {
    [
        s4_2_1::CASES,
        s4_2_2::CASES,
        s5_1_2::CASES,
        s5_4::CASES,
        s5_5::CASES,
        s5_6::CASES,
        s7::CASES,
        s7_4::CASES,
        s8_1::CASES,
        s9_11::CASES,
        s10::CASES,
    ]
    .into_iter()
    .flatten()
}
