#![doc = include_str!("../README.md")]

pub mod client;
mod coding;
mod dav;
mod doh;
mod files;
mod form;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod gateway;
mod kind;
mod server;
mod site;
mod sse;
mod wire;
pub mod ws;

pub use coding::Compress;
pub use doh::Doh;
pub use files::{Static, Types};
pub use form::{FormLimits, Multipart, Part, Urlencoded};
pub use gateway::{Cgi, CgiLimits, LocalRedirects};
pub use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request as HttpRequest, Response as HttpResponse, StatusCode,
    Uri, Version, header,
};
pub use kind::KIND;
pub use server::{
    AccessLog, Body, BoxHandler, Deadlines, Facts, Failure, FileRange, Frames, Handler, Http, Interim,
    Options, Request, Response, Routes, Tower, Upgrade, plaintext_notice,
};
pub use site::{
    Auth, Fields, Host, Logins, Pattern, Redirect, Rewrite, Scheme, Site, Sites, Statuses, Target,
    UnknownHost, When,
};
pub use sse::{Event, EventBuilder, Events};
pub use wire::coding::Coding;

#[cfg(test)]
mod tests;
