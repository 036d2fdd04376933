#![doc = include_str!("../README.md")]

mod server;
mod wire;

pub use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
pub use server::{Body, BoxHandler, Deadlines, Facts, Failure, Handler, Http, Options, Request, Response};

#[cfg(test)]
mod tests;
