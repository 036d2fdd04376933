#![doc = include_str!("../README.md")]

mod files;
mod kind;
mod server;
mod wire;
pub mod ws;

pub use files::{Static, Types};
pub use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
pub use kind::KIND;
pub use server::{
    AccessLog, Body, BoxHandler, Deadlines, Facts, Failure, FileRange, Frames, Handler, Http, Interim,
    Options, Request, Response, Routes, Tower, Upgrade,
};

#[cfg(test)]
mod tests;
