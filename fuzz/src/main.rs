//! One program with all targets: `FUZZ_TARGET` names the one that runs. Each gets any bytes, and panics where a promise
//! is broken.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
mod connection;
#[cfg(fuzzing)]
mod dns;
#[cfg(fuzzing)]
mod dns_server;
#[cfg(fuzzing)]
mod ftp;
#[cfg(fuzzing)]
mod parsers;

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(init: { target(); }, |bytes: &[u8]| target()(bytes));

/// What runs.
#[cfg(fuzzing)]
fn target() -> fn(&[u8]) {
    static TARGET: std::sync::OnceLock<fn(&[u8])> = std::sync::OnceLock::new();
    *TARGET.get_or_init(|| match std::env::var("FUZZ_TARGET").unwrap_or_default().as_str() {
        "connection" => connection::run,
        "head" => parsers::head,
        "chunked" => parsers::chunked,
        "fields" => parsers::fields,
        "target" => parsers::target,
        "frames" => parsers::frames,
        "form" => connection::form,
        "dav" => parsers::dav,
        "dns-name" => dns::name,
        "dns-rdata" => dns::rdata,
        "dns-zone" => dns::zone,
        "dns-message" => dns_server::message,
        "dns-update" => dns_server::update,
        "dns-tsig" => dns_server::signature,
        "dns-stream" => dns_server::stream,
        "ftp" => ftp::run,
        other => panic!("no target {other:?}"),
    })
}

#[cfg(not(fuzzing))]
fn main() {
    println!("run bench/fuzz.sh");
}
