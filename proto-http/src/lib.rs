#![doc = include_str!("../README.md")]

mod coding;
mod files;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod kind;
mod server;
mod wire;
pub mod ws;

pub use coding::Compress;
pub use files::{Static, Types};
pub use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
pub use kind::KIND;
pub use server::{
    AccessLog, Body, BoxHandler, Deadlines, Facts, Failure, FileRange, Frames, Handler, Http, Interim,
    Options, Request, Response, Routes, Tower, Upgrade,
};
pub use wire::coding::Coding;

#[cfg(test)]
mod tests;
