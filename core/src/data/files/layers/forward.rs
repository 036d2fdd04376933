//! What a layer leaves to what it is over: methods that are those of the tree, or of the open file, below.
//!
//! A lint on all layers refuses what is left to a default of the trait: each of them says of each method what becomes of
//! it. Layers take all names from here, for the methods that these macros write need them.

use std::pin::Pin;

pub(super) use std::os::fd::BorrowedFd;

pub(super) use async_trait::async_trait;
pub(super) use bytes::{Bytes, BytesMut};

pub(super) use crate::data::files::meta::Result;
pub(super) use crate::data::files::{
    Caps, DirStream, Drawn, Entry, FileHandle, Files, FsError, ListOptions, Meta, Open, Ops, Over, Place,
    Reach, Remove, SetMeta, Source, Space, VPath, Write,
};

/// What a method that may wait promises.
pub(super) type Later<'f, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'f>>;

/// What is written behind what there is.
pub(super) type More = Box<dyn Source>;

/// Methods of [`Files`], asked of what is below: `forward!(caps, stat to files);` asks `self.files`.
macro_rules! forward {
    ($($method:ident),+ to $($below:tt)+) => { forward! { @($($below)+) $($method)+ } };
    (@$to:tt $($method:ident)+) => { $(forward! { @$method $to })+ };

    (@caps $to:tt) => { now! { caps() -> Caps, $to } };
    (@open_now $to:tt) => {
        now! { open_now(path: &VPath, how: &Open) -> Option<Result<Box<dyn FileHandle>>>, $to }
    };
    (@rights $to:tt) => { now! { rights(path: &VPath, reach: Reach) -> Ops, $to } };
    (@place $to:tt) => { now! { place(path: &VPath) -> Option<Place>, $to } };

    (@stat $to:tt) => { later! { stat 'a (path: &'a VPath, follow: bool) -> Meta, $to } };
    (@list $to:tt) => {
        later! { list 'a (path: &'a VPath, options: ListOptions) -> Box<dyn DirStream>, $to }
    };
    (@open $to:tt) => {
        later! { open 'a 'b (path: &'a VPath, how: &'b Open) -> Box<dyn FileHandle>, $to }
    };
    (@mkdir $to:tt) => { later! { mkdir 'a (path: &'a VPath, mode: Option<u16>) -> (), $to } };
    (@remove $to:tt) => { later! { remove 'a (path: &'a VPath, what: Remove) -> (), $to } };
    (@rename $to:tt) => {
        later! { rename 'a 'b (from: &'a VPath, to: &'b VPath, over: Over) -> (), $to }
    };
    (@copy $to:tt) => { later! { copy 'a 'b (from: &'a VPath, to: &'b VPath, over: Over) -> (), $to } };
    (@set $to:tt) => {
        later! { set 'a (path: &'a VPath, facts: SetMeta, follow: bool) -> (), $to }
    };
    (@symlink $to:tt) => {
        later! { symlink 'a 'b (path: &'a VPath, target: &'b [u8]) -> (), $to }
    };
    (@hardlink $to:tt) => { later! { hardlink 'a 'b (from: &'a VPath, to: &'b VPath) -> (), $to } };
    (@readlink $to:tt) => { later! { readlink 'a (path: &'a VPath) -> Bytes, $to } };
    (@space $to:tt) => { later! { space 'a (path: &'a VPath) -> Space, $to } };
}

/// As [`forward`], methods of [`FileHandle`].
macro_rules! forward_handle {
    ($($method:ident),+ to $($below:tt)+) => { forward_handle! { @($($below)+) $($method)+ } };
    (@$to:tt $($method:ident)+) => { $(forward_handle! { @$method $to })+ };

    (@opened $to:tt) => { now! { opened() -> &Meta, $to } };
    (@read_now $to:tt) => {
        now! { read_now(offset: u64, buf: &mut BytesMut) -> Option<Result<usize>>, $to }
    };
    (@as_fd $to:tt) => { now! { as_fd() -> Option<BorrowedFd<'_>>, $to } };

    (@read_at $to:tt) => { later! { read_at(offset: u64, buf: BytesMut) -> BytesMut, $to } };
    (@write_at $to:tt) => { later! { write_at(offset: u64, data: Bytes) -> (), $to } };
    (@write_from $to:tt) => {
        later! { write_from(offset: u64, data: BytesMut, more: More) -> Drawn, $to }
    };
    (@meta $to:tt) => { later! { meta() -> Meta, $to } };
    (@set $to:tt) => { later! { set(facts: SetMeta) -> (), $to } };
    (@sync $to:tt) => { later! { sync(data_only: bool) -> (), $to } };
    (@commit_with $to:tt) => { last! { commit_with(offset: u64, data: Bytes), $to } };
    (@commit $to:tt) => { last! { commit(), $to } };
}

/// A method that never waits.
macro_rules! now {
    ($name:ident($($arg:ident: $type:ty),*) -> $out:ty, ($($to:tt)+)) => {
        fn $name(&self, $($arg: $type),*) -> $out {
            self.$($to)+.$name($($arg),*)
        }
    };
}

/// A method that may wait, as `async_trait` has it: what it promises is what is promised below.
macro_rules! later {
    ($name:ident $($life:lifetime)* ($($arg:ident: $type:ty),*) -> $out:ty, ($($to:tt)+)) => {
        fn $name<'s, $($life,)* 'f>(&'s self, $($arg: $type),*) -> Later<'f, $out>
        where
            's: 'f,
            $($life: 'f,)*
            Self: 'f,
        {
            self.$($to)+.$name($($arg),*)
        }
    };
}

/// The same, of a method that closes the file.
macro_rules! last {
    ($name:ident($($arg:ident: $type:ty),*), ($($to:tt)+)) => {
        fn $name<'f>(self: Box<Self>, $($arg: $type),*) -> Later<'f, Meta>
        where
            Self: 'f,
        {
            self.$($to)+.$name($($arg),*)
        }
    };
}

pub(super) use {forward, forward_handle, last, later, now};
