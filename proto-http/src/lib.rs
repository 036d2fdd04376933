#![doc = include_str!("../README.md")]

mod coding;
mod files;
mod form;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod gateway;
mod kind;
mod server;
mod sse;
mod wire;
pub mod ws;

pub use coding::Compress;
pub use files::{Static, Types};
pub use form::{FormLimits, Multipart, Part, Urlencoded};
pub use gateway::{Cgi, CgiLimits, LocalRedirects};
pub use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
pub use kind::KIND;
pub use server::{
    AccessLog, Body, BoxHandler, Deadlines, Facts, Failure, FileRange, Frames, Handler, Http, Interim,
    Options, Request, Response, Routes, Tower, Upgrade,
};
pub use wire::coding::Coding;
pub use sse::{Event, EventBuilder, Events};

#[cfg(test)]
mod tests;
