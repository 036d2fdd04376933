//! The `ropewalk` command with one kind more.
//!
//! Run it:
//!
//! ```console
//! $ cargo run -p custom-kind -- kinds
//! ```
//!
//! Expected output:
//!
//! ```text
//! [[service]] kinds:
//!   echo       Sends back what it is sent (RFC 862)
//!   dictionary Explains words, one a line.
//! ```

use std::process::ExitCode;

fn main() -> ExitCode {
    ropewalk::main(ropewalk::standard().with(custom_kind::KIND))
}
