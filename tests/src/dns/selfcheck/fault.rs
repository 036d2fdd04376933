use crate::selfcheck::faults;

faults! {
    /// Leaves AA out.
    NoAa,
    /// Says AA always.
    AlwaysAa,
    /// Says TC always.
    AlwaysTc,
    /// Leaves TC out.
    NoTc,
    /// Says the reserved bit where the query does.
    EchoesZ,
    /// Leaves RD out.
    NoRd,
    /// Says AD always.
    AlwaysAd,
    /// Answers with another ID.
    OtherId,
    /// Says QUERY whatever the opcode is.
    OpcodeQuery,
    /// Repeats the question in lower case.
    LowerQuestion,
    /// Does not repeat the question.
    NoQuestion,
    /// Answers NOERROR where a name does not exist.
    NoNxdomain,
    /// Answers NXDOMAIN where a name has no such records.
    EmptyIsNxdomain,
    /// Answers NOERROR where it should refuse.
    NoRefused,
    /// Answers FORMERR where it should answer NOTIMP.
    NotimpIsFormerr,
    /// Answers SERVFAIL where it should answer FORMERR.
    FormerrIsServfail,
    /// Answers NOERROR where it should answer BADVERS.
    NoBadvers,
    /// Answers SERVFAIL where it should answer NOTAUTH.
    NotauthIsServfail,
    /// Answers NOERROR where it should answer YXDOMAIN.
    NoYxdomain,
    /// Answers NOERROR where a prerequisite fails.
    NoPrerequisiteCodes,
    /// Answers NOERROR where it should answer NOTZONE.
    NoNotzone,
    /// Leaves the answer out.
    NoAnswer,
    /// Leaves the last record of the answer out.
    LastMissing,
    /// Adds a record to the answer.
    OneMore,
    /// Leaves the authority section out.
    NoAuthority,
    /// Leaves the additional section out, but for OPT and TSIG.
    NoAdditional,
    /// Adds an additional record of its own.
    ForeignAdditional,
    /// Counts TTLs down.
    TtlOff,
    /// Leaves the TTL of the SOA record of negative answers as it is in the zone.
    SoaTtl,
    /// Says other data.
    DataOff,
    /// Makes every record one of the name that was asked for.
    OwnerOff,
    /// Leaves aliases out.
    NoAliases,
    /// Makes referrals answers.
    ReferralIsAnswer,
    /// Leaves OPT out.
    NoOpt,
    /// Sends OPT to who sent none.
    AlwaysOpt,
    /// Says version 1 of EDNS.
    Version1,
    /// Repeats the flags of EDNS.
    EchoesFlags,
    /// Repeats the options of EDNS.
    EchoesOptions,
    /// Leaves DO out.
    NoDo,
    /// Says a size of 100 octets.
    OwnSize,
    /// Sends the client cookie alone.
    HalfCookie,
    /// Sends everybody the same server cookie.
    SameCookie,
    /// Sends cookies to who sent none.
    AlwaysCookie,
    /// Sends NSID, padding and keepalive to everybody.
    AlwaysOptions,
    /// Sends keepalive of one octet.
    ShortKeepalive,
    /// Ignores OPT.
    IgnoresOpt,
    /// Ignores the size of datagrams.
    IgnoresSize,
    /// Takes the first of several questions, OPTs and TSIGs.
    TakesFirst,
    /// Takes any opcode for a query.
    AnyOpcode,
    /// Takes any class for IN.
    AnyClass,
    /// Answers answers.
    AnswersAnswers,
    /// Answers what is shorter than a header.
    AnswersShort,
    /// Answers NOERROR to what it cannot read.
    AnswersMalformed,
    /// Does not answer what it cannot read.
    SilentMalformed,
    /// Is gone after something that it cannot read, or that is no query.
    Fragile,
    /// Does not know types above 255.
    KnownTypesOnly,
    /// Puts a record of the query into the answer.
    Believes,
    /// Does not sign.
    NoSignature,
    /// Signs without the MAC of the query.
    SignsAlone,
    /// Says another key.
    OtherKey,
    /// Says BADKEY for every error of TSIG.
    AlwaysBadkey,
    /// Says BADSIG for every error of TSIG.
    AlwaysBadsig,
    /// Says a MAC in every error of TSIG.
    SignsErrors,
    /// Does not say its time in BADTIME.
    NoTime,
    /// Asks nobody for a signature, and takes any.
    AnySignature,
    /// Sends TSIG to who sent none.
    AlwaysTsig,
    /// Passes prerequisites over.
    NoPrerequisites,
    /// Says that an update is done, and does nothing.
    UpdatesNothing,
    /// Leaves the last operation of an update out.
    LastOperationMissing,
    /// Does the operations of an update in another order.
    OtherOrder,
    /// Deletes nothing.
    DeletesNothing,
    /// Adds with another TTL.
    AddsOtherTtl,
    /// Leaves out what is wrong in an update, and does the rest.
    SkipsWrong,
    /// Answers an update with records.
    AnswersUpdate,
    /// Leaves a record amid a transfer out.
    RecordMissing,
    /// Leaves the SOA record at the end of a transfer out.
    NoLastSoa,
    /// Sends a record of a transfer twice.
    RecordTwice,
    /// Sends SOA amid a transfer.
    SoaAmid,
    /// Sends each record in a message of its own.
    MessagePerRecord,
    /// Sends a transfer in one message, however long it is.
    NoLaterMessages,
    /// Signs the first and the last message of a transfer only.
    FewSignatures,
    /// Says another question in the messages of a transfer.
    OtherQuestion,
    /// Sends NS records in the authority section of a transfer.
    AuthorityInTransfer,
    /// Sends names in lower case.
    LowerNames,
    /// Sends the whole zone for what has changed.
    AlwaysWhole,
    /// Sends SOA alone for what has changed.
    NeverChanges,
    /// Sends what has changed with other serials.
    SerialsOff,
    /// Answers one query for each connection.
    OneQuery,
    /// Takes the first query of a segment.
    OnePerSegment,
    /// Takes messages that come in one segment only.
    WholeSegments,
    /// Serves one connection at a time.
    OneConnection,
    /// Does not answer a client that sends no more.
    ForgetsHalfClosed,
    /// Leaves a connection open that the client has ended.
    NeverCloses,
    /// Keeps to the size of datagrams by every transport.
    SizeEverywhere,
    /// Says other data by TLS and HTTPS than by TCP.
    OtherByTransport,
    /// Answers in the clear where TLS is spoken.
    ClearAnswers,
    /// Does not pad.
    NoPadding,
    /// Pads to another length.
    OddPadding,
    /// Pads with other octets than zeros.
    LoudPadding,
    /// Calls messages over HTTPS by another type.
    OtherType,
    /// Answers codes of DNS that are errors with errors of HTTP.
    ErrorStatus,
    /// Answers what clients do wrong over HTTPS with 500.
    ServerErrors,
    /// Answers what clients do wrong over HTTPS with 200.
    NoErrors,
    /// Does not say how long an answer over HTTPS is fresh.
    NoLifetime,
    /// Lets answers over HTTPS be kept for a day.
    LongLifetime,
    /// Leaves the fields of answers to HEAD out.
    EmptyHead,
    /// Says a length over HTTPS that is too large.
    LengthOff,
    /// Takes content of any type over HTTPS.
    AnyType,
    /// Takes the type of content over HTTPS in small letters only.
    SmallType,
    /// Takes any method over HTTPS for POST.
    AnyMethod,
    /// Answers at any path over HTTPS.
    AnyPath,
    /// Does not take GET.
    PostOnly,
    /// Does not take POST.
    GetOnly,
    /// Does not answer over HTTPS who accepts anything, or does not say.
    OneAccepted,
    /// Reads base64 rather than base64url.
    OtherBase64,
    /// Takes short messages over HTTPS only.
    ShortOnly,
    /// Answers one request for each connection of HTTPS, or of QUIC.
    OneStream,
    /// Says other data by HTTP/1.1 than by HTTP/2.
    OtherByVersion,
    /// Speaks another protocol than doq over QUIC, where the client does.
    AnyProtocol,
    /// Does not end streams of QUIC.
    NoEnd,
    /// Takes for a query over QUIC what is none.
    TakesWrong,
    /// Ends the connection of QUIC where a query is cancelled.
    EndsWithCancelled,
    /// Does not give up what is cancelled.
    KeepsCancelled,
    /// Answers streams of QUIC one after the other.
    InOrder,
    /// Opens streams of QUIC itself.
    OpensStreams,
    /// Lets clients open streams of QUIC for one direction.
    TakesOneWay,
    /// Does what comes before the end of a handshake.
    TakesEarly,
    /// Sends no datagram of more than 512 octets.
    SmallDatagrams,
    /// Sends signatures and denials to who has not asked for them.
    AlwaysSigns,
    /// Denies what is at another name.
    DeniesAnother,
    /// Leaves signatures out of the answer.
    NoSignatures,
    /// Leaves signatures out of the authority section.
    NoSignaturesBelow,
    /// Leaves signatures out of the additional section.
    NoSignaturesBeside,
    /// Sends signatures of what is not signed.
    SignsAll,
    /// Leaves DS out of referrals.
    NoDs,
    /// Does not deny what is not there.
    NoDenial,
    /// Denies one of the things that are not there.
    OneDenial,
    /// Denies twice.
    DenialTwice,
    /// Denies before it refers.
    DenialFirst,
    /// Counts the TTLs of denials down.
    DenialTtl,
    /// Counts the TTLs of signatures down.
    SignatureTtl,
    /// Says that signatures are of another type.
    OtherCovered,
    /// Says another algorithm of signatures.
    OtherAlgorithm,
    /// Says another number of labels.
    OtherLabels,
    /// Says another TTL than what was signed.
    OtherOriginalTtl,
    /// Sends signatures that do not count yet.
    Expired,
    /// Says the tag of another key.
    OtherTag,
    /// Says another signer.
    OtherSigner,
    /// Sends signatures that were made of something else.
    BadSignature,
    /// Says of keys that they are not the zone's.
    NoZoneKey,
    /// Says that names are hashed otherwise than they are.
    OtherParameters,
}
