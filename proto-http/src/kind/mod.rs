//! The kind `http`: how a server of HTTP is configured.

mod auth;
mod rules;
mod site;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use ropewalk_core::app::{BoxService, Context, Service as _};
use ropewalk_core::config::{Kind, Resources, Section, Size};
use ropewalk_core::data::zones::Answer;

use self::site::Found;
use crate::doh;
use crate::server::{AccessLog, Http, Options, plaintext_notice};

/// How often zones are looked at.
const REFRESH: Duration = Duration::from_secs(1);

/// What is said of a service that lets everybody write.
const UNGUARDED: &str = "anybody who reaches this machine can change the files: `write` is true, and there is no `auth` \
    (of a command: --user or --accounts)";

/// What is said of a service whose logins are for this machine alone.
const UNREACHED: &str = "nobody can log in from another machine, as passwords are taken over TLS alone: listen at a `tls:` endpoint \
    (of a command: --tls auto), or write `without_tls = true` where something before this ends TLS";

/// The kind `http`: sites over HTTP/1.1 and HTTP/2.
pub const KIND: Kind = Kind {
    name: "http",
    summary: "Serves files over HTTP/1.1 and HTTP/2",
    example: "listen = [\"tcp:8080:interface=localhost\"]\nfiles = \"example\"",
    build,
};

fn build(section: &mut Section<'_>, resources: &Resources) -> Option<BoxService> {
    let (sites, Found { answers, unguarded, guarded }) = site::sites(section, resources);
    let options = options(section);
    let http = Http::new(sites).with(options);
    let server = section.server("http", &["h2", "http/1.1"], Some(http), resources)?;
    if unguarded && server.is_exposed() && !section.has("allow") {
        section.warn_in("listen", UNGUARDED);
    }
    if guarded && server.is_exposed_in_clear() && !server.listens_with_tls() && !section.has("allow") {
        section.warn_in("listen", UNREACHED);
    }
    let server = server.plaintext_notice(plaintext_notice);
    if answers.is_empty() {
        return Some(server.boxed());
    }
    Some(server.beside(move |cx| tend(answers.clone(), cx)).boxed())
}

/// Lets what answers do what it has to do besides.
async fn tend(answers: Vec<Arc<dyn Answer>>, cx: Context) {
    answers.iter().for_each(|answer| answer.derive_from(cx.facts()));
    tokio::join!(refresh(&answers, &cx), join_all(answers.iter().map(|answer| answer.tend())));
}

/// Lets it look every second whether its files have changed.
async fn refresh(answers: &[Arc<dyn Answer>], cx: &Context) {
    loop {
        let asked = tokio::select! {
            () = tokio::time::sleep(REFRESH) => false,
            () = cx.reloading() => true,
        };
        for answer in answers {
            answer.refresh(asked).await;
            for (command, result, count) in answer.counted() {
                cx.metrics().commands(doh::PROTO, command, result, count);
            }
        }
    }
}

fn options(section: &mut Section<'_>) -> Options {
    let mut options = Options::default();
    let size = |Size(octets)| usize::try_from(octets).unwrap_or(usize::MAX);
    let head = section.key("head", "Octets of a request's head; more is 431.").or(Size(options.head as u64));
    let target = section.key("target", "Octets of a target; more is 414.").or(Size(options.target as u64));
    options.head = size(head);
    options.target = size(target);
    options.headers = section.key("headers", "Header fields of a request; more is 431.").or(options.headers);
    options.streams = section.key("streams", "Requests at once in an HTTP/2 connection.").or(options.streams);
    options.access_log = section.key("access_log", "What is written about each request.").word_or(
        ("fields", AccessLog::Fields),
        &[("combined", AccessLog::Combined), ("off", AccessLog::Off)],
    );
    let deadlines = &mut options.deadlines;
    deadlines.head = section
        .key("head_time", "From the first byte of a head to its end; by default `limits.handshake`.")
        .optional();
    deadlines.body =
        section.key("body_time", "What a body may keep us waiting; by default `limits.write`.").optional();
    deadlines.idle = section
        .key("keep_alive", "Between two requests; by default `limits.idle`, but 75 s at most.")
        .optional();
    options
}

#[cfg(test)]
mod tests;
