//! RFC 959, with the table of replies in §5.4.

mod s3;
mod s4_1_1;
mod s4_1_2;
pub(super) use self::s4_1_2::port;
mod s4_1_3;
mod s4_1_3_files;
mod s4_1_3_lists;
mod s4_2;
mod s5_4;

use crate::Case;

pub(super) fn cases() -> impl Iterator<Item = &'static Case> {
    s3::CASES
        .iter()
        .chain(s4_1_1::CASES)
        .chain(s4_1_2::CASES)
        .chain(s4_1_3::CASES)
        .chain(s4_1_3_files::CASES)
        .chain(s4_1_3_lists::CASES)
        .chain(s4_2::CASES)
        .chain(s5_4::CASES)
}
