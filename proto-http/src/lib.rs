#![doc = include_str!("../README.md")]

pub mod client;
mod files;
mod kind;
mod server;
mod wire;

pub use files::{Static, Types};
pub use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request as HttpRequest, Response as HttpResponse, StatusCode,
    Uri, Version, header,
};
pub use kind::KIND;
pub use server::{
    AccessLog, Body, BoxHandler, Deadlines, Facts, Failure, FileRange, Frames, Handler, Http, Options,
    Request, Response, Routes, Tower,
};

#[cfg(test)]
mod tests;
