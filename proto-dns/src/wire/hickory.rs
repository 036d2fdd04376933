//! Answering for a server of [`hickory_server`]: a [`Desk`] as one of its request handlers.
//!
//! Who runs a `hickory_server::Server` already keeps its sockets, its TLS and its other handlers, and gets the answers of zones that
//! are served here: referrals with their glue, wildcards, aliases, EDNS, all types of records.
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use ropewalk_dns::server::{Answering, Desk, Engine};
//! use ropewalk_dns::wire::hickory::Handler;
//! use ropewalk_dns::zone::ZoneSet;
//! use tokio::net::UdpSocket;
//!
//! # async fn example(zones: ZoneSet, other: hickory_server::zone_handler::Catalog) -> Result<(), Box<dyn std::error::Error>> {
//! let desk = Arc::new(Desk::new(Arc::new(Engine::new(zones, Answering::default()))));
//! // What is of no zone of ours goes to the handlers that were there before.
//! let mut server = hickory_server::Server::new(Handler::new(desk).or(other));
//! server.register_socket(UdpSocket::bind("127.0.0.1:5553").await?);
//! server.block_until_done().await?;
//! # Ok(())
//! # }
//! ```
//!
//! hickory reads each request before the handler does, and writes each reply: so a request that it cannot read is answered by
//! it, and a reply may be compressed in another way than ours. A signature would not survive that: signed requests are declined.
//!
//! This is the one file that knows of hickory's crates, whose names change from one release to the next; their version is
//! exact in the workspace.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use hickory_net::NetError;
use hickory_net::runtime::Time;
use hickory_net::xfer::Protocol;
use hickory_proto::op::{Edns, Header, HeaderCounts, MessageType, Metadata, ResponseCode};
use hickory_proto::rr::rdata::opt::{EdnsCode, EdnsOption};
use hickory_proto::rr::rdata::{NULL, OPT};
use hickory_proto::rr::{DNSClass, Name as HickoryName, RData, Record as HickoryRecord, RecordType};
use hickory_proto::serialize::binary::{BinDecodable as _, BinDecoder, Restrict};
use hickory_server::server::{Request, RequestHandler, ResponseHandler, ResponseInfo};
use hickory_server::zone_handler::MessageResponseBuilder;
use ropewalk_core::{Error, Result};
use tokio::sync::mpsc;

use super::{Class, Extension, Head, Key, Message, Query, Type};
use crate::server::{Desk, Peer, Transport, Verdict};
use crate::zone::{Best, Record};

/// A [`Desk`] as a handler of hickory's, and who answers what is of no zone of its.
pub struct Handler<H = Nobody> {
    desk: Arc<Desk>,
    other: Option<H>,
}

/// The handler where there is no other one.
#[derive(Debug)]
pub enum Nobody {}

impl Handler {
    /// A handler that answers as this does.
    pub fn new(desk: Arc<Desk>) -> Self {
        Self { desk, other: None }
    }

    /// One that hands on what is of no zone of the desk: a catalog of hickory's, with what it has for forwarding, recursion or
    /// lists of what is blocked.
    #[must_use]
    pub fn or<H: RequestHandler>(self, other: H) -> Handler<H> {
        Handler { desk: self.desk, other: Some(other) }
    }
}

#[async_trait]
impl<H: RequestHandler> RequestHandler for Handler<H> {
    async fn handle_request<R: ResponseHandler, T: Time>(
        &self,
        request: &Request,
        mut to: R,
    ) -> ResponseInfo {
        let octets = request.as_slice();
        if let Some(other) = self.other.as_ref().filter(|_| !self.is_ours(octets)) {
            return other.handle_request::<R, T>(request, to).await;
        }
        let peer = Peer { addr: request.src(), transport: transport(request.protocol()), idle: None };
        let mut reply = Vec::new();
        let sent = match self.desk.respond(octets, &peer, &mut reply) {
            Verdict::Silence => Ok(nothing(request)),
            Verdict::Reply => send(request, &reply, to).await,
            Verdict::Signed => {
                let refused = MessageResponseBuilder::from_message_request(request);
                unsent(to.send_response(refused.error_msg(&request.metadata, ResponseCode::Refused)).await)
            }
            later => self.later(later, request, &peer, to).await,
        };
        sent.unwrap_or_else(|error| {
            error.log("a reply did not go to hickory's server");
            nothing(request)
        })
    }
}

impl<H> Handler<H> {
    /// Sends all replies to a request that takes longer.
    async fn later<R: ResponseHandler>(
        &self,
        verdict: Verdict,
        request: &Request,
        from: &Peer,
        to: R,
    ) -> Result<ResponseInfo> {
        let (replies, mut ready) = mpsc::channel(1);
        let answering = async move {
            self.desk.answer(verdict, request.as_slice(), from, &replies).await;
        };
        let sending = async {
            let mut sent = nothing(request);
            while let Some(reply) = ready.recv().await {
                sent = send(request, &reply, to.clone()).await?;
            }
            Ok(sent)
        };
        let (sent, ()) = tokio::join!(sending, answering);
        sent
    }

    /// Whether a request is for this desk: about one of its zones, about itself, or nothing that it can be told of.
    fn is_ours(&self, request: &[u8]) -> bool {
        let Some(Ok(query)) = Head::read(request).map(|head| Query::read(head, request)) else { return true };
        let Some(question) = query.question.filter(|question| question.qclass == Class::IN) else {
            return true;
        };
        let zones = self.desk.engine().zones();
        !matches!(zones.best(&Key::new(question.name), question.qtype == Type::DS), Best::Foreign)
    }
}

#[async_trait]
impl RequestHandler for Nobody {
    async fn handle_request<R: ResponseHandler, T: Time>(&self, _: &Request, _: R) -> ResponseInfo {
        match *self {}
    }
}

impl<H> fmt::Debug for Handler<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handler").field("desk", &self.desk).finish_non_exhaustive()
    }
}

fn transport(protocol: Protocol) -> Transport {
    // There are more of them the more features hickory is built with.
    match protocol {
        Protocol::Udp => Transport::Udp,
        Protocol::Tcp => Transport::Tcp,
        _ => match &*protocol.to_string() {
            "tls" => Transport::Tls,
            "quic" => Transport::Quic,
            _ => Transport::Https,
        },
    }
}

/// Sends a reply of ours.
async fn send<R: ResponseHandler>(request: &Request, reply: &[u8], mut to: R) -> Result<ResponseInfo> {
    let unreadable = |error| Error::local("a reply that hickory cannot read").caused_by(error);
    let head = Header::read(&mut BinDecoder::new(reply)).map_err(unreadable)?;
    let message = Message::read(reply)?;
    let mut metadata = head.metadata;
    metadata.response_code = message.rcode.0.into();
    let section = |records: &[Record]| records.iter().map(record).collect::<Result<Vec<_>>>();
    let (answer, authority) = (section(&message.answer)?, section(&message.authority)?);
    let additional = section(&message.additional)?;
    let edns = message.edns.as_ref().map(edns);
    let response = MessageResponseBuilder::new(&request.queries, edns.as_ref());
    let response = response.build(metadata, &answer, &authority, &[], &additional);
    unsent(to.send_response(response).await)
}

fn unsent(sent: Result<ResponseInfo, NetError>) -> Result<ResponseInfo> {
    sent.map_err(|error| Error::peer("it was not sent").caused_by(error))
}

/// What is said of a request that gets no reply.
fn nothing(request: &Request) -> ResponseInfo {
    let metadata = Metadata::new(request.metadata.id, MessageType::Response, request.metadata.op_code);
    Header { metadata, counts: HeaderCounts::default() }.into()
}

fn record(record: &Record) -> Result<HickoryRecord> {
    let strange =
        |error| Error::local(format!("the {} record of {}", record.rtype, record.name)).caused_by(error);
    let name = HickoryName::from_labels(record.name.view().labels()).map_err(strange)?;
    let mut made = HickoryRecord::from_rdata(name, record.ttl, data(record)?);
    made.dns_class = DNSClass::from(record.class.0);
    Ok(made)
}

/// The data of a record: read by hickory where it has names that are to be compressed (RFC 3597 §4), else carried as it is, so that
/// no type is lost and none is written differently.
fn data(record: &Record) -> Result<RData> {
    let code = RecordType::from(record.rtype.0);
    match record.rtype {
        Type::NS | Type::CNAME | Type::PTR | Type::MX | Type::SOA => {
            let length = Restrict::new(record.rdata.len() as u16);
            RData::read(&mut BinDecoder::new(&record.rdata), code, length).map_err(|error| {
                Error::local(format!("the {} of {}", record.rtype, record.name)).caused_by(error)
            })
        }
        // It checks in debug builds that there is something.
        _ if record.rdata.is_empty() => Ok(RData::Unknown { code, rdata: NULL::new() }),
        _ => Ok(RData::Unknown { code, rdata: NULL::with(record.rdata.to_vec()) }),
    }
}

fn edns(said: &Extension) -> Edns {
    let option = |(code, value): &(u16, Box<[u8]>)| {
        (EdnsCode::from(*code), EdnsOption::Unknown(*code, value.to_vec()))
    };
    let mut edns = Edns::new();
    edns.set_max_payload(said.size).set_version(said.version).set_dnssec_ok(said.dnssec);
    *edns.options_mut() = OPT::new(said.options.iter().map(option).collect());
    edns
}

#[cfg(test)]
#[path = "hickory_tests.rs"]
mod tests;
