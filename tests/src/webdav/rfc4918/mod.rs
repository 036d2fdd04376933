//! RFC 4918, a file for each group of sections.

mod s10_1;
mod s10_4;
mod s12_20;
mod s13_14;
mod s15;
mod s4;
mod s5_8;
mod s6;
mod s7;
mod s7_3;
mod s7_4;
mod s9_1;
mod s9_10;
mod s9_11;
mod s9_2;
mod s9_3;
mod s9_6;
mod s9_8;
mod s9_8_3;
mod s9_9;

pub(super) use self::s9_1::is_once;
use crate::Case;

pub(super) fn cases() -> impl Iterator<Item = &'static Case> {
    [
        s4::CASES,
        s5_8::CASES,
        s6::CASES,
        s7::CASES,
        s7_3::CASES,
        s7_4::CASES,
        s9_1::CASES,
        s9_2::CASES,
        s9_3::CASES,
        s9_6::CASES,
        s9_8::CASES,
        s9_8_3::CASES,
        s9_9::CASES,
        s9_10::CASES,
        s9_11::CASES,
        s10_1::CASES,
        s10_4::CASES,
        s13_14::CASES,
        s15::CASES,
        s12_20::CASES,
    ]
    .into_iter()
    .flatten()
}
