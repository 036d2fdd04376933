#![doc = include_str!("../README.md")]

mod files;
mod kind;
mod server;
mod site;
mod wire;

pub use files::{Static, Types};
pub use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
pub use kind::KIND;
pub use server::{
    AccessLog, Body, BoxHandler, Deadlines, Facts, Failure, FileRange, Frames, Handler, Http, Interim,
    Options, Request, Response, Routes, Tower, Upgrade,
};
pub use site::{
    Auth, Fields, Host, Logins, Pattern, Redirect, Rewrite, Scheme, Site, Sites, Statuses, Target,
    UnknownHost, When,
};

#[cfg(test)]
mod tests;
