use crate::selfcheck::faults;

faults! {
    /// Switches whatever the method.
    AnyMethod,
    /// Switches for HTTP/1.0.
    AnyHttpVersion,
    /// Knows no target but origin form.
    OriginFormOnly,
    /// Takes any number of Host lines, also none.
    AnyHost,
    /// Needs no Upgrade.
    UpgradeUnneeded,
    /// Finds websocket anywhere in Upgrade, and takes other protocols for it.
    AnyUpgrade,
    /// Compares Upgrade by case.
    UpgradeByCase,
    /// Switches for a list in Upgrade, and then closes.
    UpgradeListCloses,
    /// Needs no Connection.
    ConnectionUnneeded,
    /// Finds upgrade anywhere in Connection.
    AnyConnection,
    /// Compares Connection by case.
    ConnectionByCase,
    /// Reads no list in Connection.
    ConnectionAlone,
    /// Reads the first line of Connection.
    FirstConnectionLine,
    /// Needs no key.
    KeyUnneeded,
    /// Takes any key that is there.
    KeyUndecoded,
    /// Takes keys of any length.
    KeyOfAnyLength,
    /// Takes the first of several keys.
    FirstKey,
    /// Needs no version.
    VersionUnneeded,
    /// Reads versions as a lenient number parser does.
    LenientVersion,
    /// Takes the first of several versions.
    FirstVersion,
    /// Reads fields in one order.
    FieldsInOrder,
    /// Compares field names by case.
    NamesByCase,
    /// Refuses fields it does not know.
    RefusesUnknownFields,
    /// Waits for no more than one read for the handshake.
    HandshakeInOneRead,
    /// Switches with 200.
    Switches200,
    /// Answers as HTTP/1.0.
    Answers10,
    /// 101 without Upgrade.
    UpgradeUnsaid,
    /// 101 without Connection.
    ConnectionUnsaid,
    /// Sends the Accept of the example.
    ConstantAccept,
    /// Sends Accept twice.
    AcceptTwice,
    /// Hashes what it has decoded and encoded again.
    DecodesKey,
    /// Serves every path.
    AnyPath,
    /// Takes any version.
    AnyVersion,
    /// Does not say which versions it speaks.
    VersionsUnsaid,
    /// Agrees to a subprotocol that nobody offered.
    InventsProtocol,
    /// Agrees to whatever subprotocol is offered.
    EchoesProtocol,
    /// Looks at the first subprotocol only.
    FirstProtocolOnly,
    /// Agrees to all subprotocols that it knows.
    AllProtocols,
    /// Reads the first line of subprotocols.
    FirstProtocolLine,
    /// Takes any list of subprotocols.
    AnyProtocolSyntax,
    /// Accepts any origin.
    AnyOrigin,
    /// Accepts origins that begin as its own.
    OriginByPrefix,
    /// Answers 400 to foreign origins.
    ForeignOriginIs400,
    /// Accepts no origin.
    NoOrigin,
    /// Agrees to an extension that nobody asked for.
    InventsExtension,
    /// Agrees to all extensions.
    EchoesExtensions,
    /// Refuses extensions it does not know.
    RefusesExtensions,
    /// Takes reserved bits once an extension was asked for.
    OfferIsUse,
    /// Drops what is not compressed once compression was asked for.
    WantsCompression,
    /// Takes any list of extensions.
    AnyExtensionSyntax,
    /// Refuses a second line of extensions.
    OneExtensionLine,
    /// Sends Content-Length in 101.
    LengthIn101,
    /// Sends 426 without Upgrade.
    UpgradeUnsaidIn426,
    /// Closes without an answer where the handshake is no HTTP.
    DropsInvalid,
    /// Reads a request body as frames.
    BodyIsFrames,
    /// Forgets what came with the handshake.
    ForgetsEarly,
    /// Takes data frames that are not masked.
    TakesUnmaskedData,
    /// Takes control frames that are not masked.
    TakesUnmaskedControl,
    /// Looks at the mask of first fragments only.
    TakesUnmaskedFragments,
    /// Answers a frame that is not masked before it closes.
    AnswersUnmasked,
    /// Masks what it sends.
    Masks,
    /// Takes reserved bits in data frames.
    TakesReservedInData,
    /// Takes reserved bits in control frames.
    TakesReservedInControl,
    /// Takes reserved bits in continuations.
    TakesReservedInContinuation,
    /// Passes over data frames of unknown opcodes.
    SkipsUnknownData,
    /// Passes over control frames of unknown opcodes.
    SkipsUnknownControl,
    /// Keeps six bits of short lengths.
    LengthOfSixBits,
    /// Reads lengths of 16 bits as signed.
    SignedLength,
    /// Takes no lengths of 64 bits.
    NoLongLengths,
    /// Writes all lengths in 64 bits.
    WritesLongLengths,
    /// Passes over the first bit of a length.
    DropsHighBit,
    /// Reads lengths that are longer than they need to be as zero.
    MisreadsLongForms,
    /// Unmasks with three octets of the key.
    KeyOfThree,
    /// Unmasks every frame with the key of the first.
    KeyOfFirst,
    /// Takes no fragments.
    NoFragments,
    /// Takes every fragmented message for text.
    FragmentsAreText,
    /// Takes every fragment for a message.
    FragmentsAreMessages,
    /// Takes at most a hundred fragments.
    FewFragments,
    /// Refuses empty fragments.
    NoEmptyFragments,
    /// Refuses large fragments.
    SmallFragments,
    /// Answers Pings when the message is whole.
    DefersPings,
    /// Forgets a message when a Pong comes.
    PongEndsMessage,
    /// Delivers half a message when a Close comes.
    DeliversHalf,
    /// Takes Pings in fragments.
    FragmentedPing,
    /// Takes Pongs in fragments.
    FragmentedPong,
    /// Takes a Close in fragments.
    FragmentedClose,
    /// Takes a continuation of nothing for a message.
    ContinuesNothing,
    /// Takes a continuation behind a whole message for another.
    ContinuesTheWhole,
    /// Lets a new message end an old one.
    NewEndsOld,
    /// Takes long Pings.
    LongPing,
    /// Takes long Pongs.
    LongPong,
    /// Takes long Closes.
    LongClose,
    /// Closes without answering a Close.
    CloseUnanswered,
    /// Answers every Close with 1011.
    AlwaysSays1011,
    /// Answers a Close without a code with 1005.
    Says1005,
    /// Takes half a code for none.
    TakesHalfACode,
    /// Refuses reasons of more than 100 octets.
    ShortReasons,
    /// Leaves the connection open after the Closes.
    OpenAfterClose,
    /// Goes on answering after the Closes.
    GoesOnAfterClose,
    /// Judges what comes behind a Close before it answers.
    JudgesAfterClose,
    /// Forgets its unsent answers when a Close comes.
    CloseForgets,
    /// Answers no Ping.
    NoPong,
    /// Answers Pings with the next message.
    LatePong,
    /// Answers with empty Pongs.
    EmptyPong,
    /// Answers Pongs.
    AnswersPongs,
    /// Echoes text as binary.
    TextIsBinary,
    /// Wants UTF-8 in binary messages.
    BinaryIsText,
    /// Passes over empty text messages.
    NoEmptyText,
    /// Passes over empty binary messages.
    NoEmptyBinary,
    /// Checks every fragment by itself.
    TextByFragment,
    /// Answers what came together in reverse order.
    Reorders,
    /// Does not forget a fragmented message when it was delivered.
    KeepsFragments,
    /// Keeps its half open when the client's ends.
    HalfOpen,
    /// Delivers half a message when the connection ends.
    EndIsFin,
    /// Goes on after a failure.
    GoesOnAfterFailure,
    /// Waits for the client's Close after a failure.
    WaitsAfterFailure,
    /// Fails without a Close.
    FailsMutely,
    /// Fails with 1011 whatever happened.
    FailsWith1011,
    /// Fails with 1002 where text is not UTF-8.
    TextFailsWith1002,
    /// Does not look at reasons.
    ReasonUnchecked,
    /// Wants reasons in ASCII.
    AsciiReasons,
    /// Refuses a code that RFC 6455 defines.
    Refuses1010,
    /// Refuses the codes of libraries.
    RefusesLibraryCodes,
    /// Refuses the codes of applications.
    RefusesPrivateCodes,
    /// Refuses the codes that were registered later.
    RefusesLaterCodes,
    /// Takes codes that may not be sent.
    TakesUnsendableCodes,
    /// Takes codes below 1000.
    TakesLowCodes,
    /// Takes codes above 4999.
    TakesHighCodes,
    /// Takes reserved codes.
    TakesReservedCodes,
    /// Does not look at text.
    TextUnchecked,
    /// Takes characters in more octets than they need.
    TakesOverlong,
    /// Takes surrogates.
    TakesSurrogates,
    /// Takes characters above the last.
    TakesAboveLast,
    /// Takes text that ends amid a character.
    TakesCutText,
    /// Looks at the first fragment of a text only.
    FirstFragmentChecked,
    /// Waits for a frame however large.
    WaitsForHuge,
    /// Fails with 1008 where a frame is too large.
    HugeIs1008,
    /// Fails with 1003 where a message is too large.
    LargeIs1003,
    /// Wants whole frames in one read.
    FrameInOneRead,
    /// Forgets what comes with a frame in one read.
    FrameOfOneRead,
    /// A client that masks every frame alike.
    MasksAlike,
    /// A client that closes the connection of TCP first.
    ClosesFirst,
    /// A client that posts its handshake.
    Posts,
    /// A client of HTTP/1.0.
    Asks10,
    /// A client that names no host.
    HostUnsaid,
    /// A client that asks for no upgrade.
    UpgradeUnasked,
    /// A client that does not say upgrade in Connection.
    ConnectionUnasked,
    /// A client whose keys have 15 octets.
    ShortKey,
    /// A client that has one key.
    SameKey,
    /// A client of version 8.
    Version8,
    /// A client that sends before it was answered.
    SendsEarly,
    /// A client that takes any status code for 101.
    TakesAnyStatus,
    /// A client that needs no Upgrade in the answer.
    TakesNoUpgrade,
    /// A client that takes any Upgrade in the answer.
    TakesAnyUpgrade,
    /// A client that needs no Connection in the answer.
    TakesNoConnection,
    /// A client that takes any Connection in the answer.
    TakesAnyConnection,
    /// A client that needs no Accept.
    TakesNoAccept,
    /// A client that takes any Accept.
    TakesAnyAccept,
    /// A client that takes extensions it did not ask for.
    TakesAnyExtension,
    /// A client that takes subprotocols it did not offer.
    TakesAnyProtocol,
    /// A client that reads the answer by case.
    AnswerByCase,
}

impl Fault {
    /// The faults that a server can have.
    pub(super) const SERVERS: &[Self] = Self::ALL.split_at(Self::MasksAlike as usize).0;

    /// The faults that the cases for clients are about.
    pub(super) const CLIENTS: &[Self] = &[
        Self::MasksAlike,
        Self::ClosesFirst,
        Self::Posts,
        Self::Asks10,
        Self::HostUnsaid,
        Self::UpgradeUnasked,
        Self::ConnectionUnasked,
        Self::ShortKey,
        Self::SameKey,
        Self::Version8,
        Self::SendsEarly,
        Self::TakesAnyStatus,
        Self::TakesNoUpgrade,
        Self::TakesAnyUpgrade,
        Self::TakesNoConnection,
        Self::TakesAnyConnection,
        Self::TakesNoAccept,
        Self::TakesAnyAccept,
        Self::TakesAnyExtension,
        Self::TakesAnyProtocol,
        Self::AnswerByCase,
        Self::ForgetsEarly,
        Self::TakesUnmaskedData,
        Self::TakesUnmaskedControl,
        Self::Masks,
        Self::TakesReservedInData,
        Self::SkipsUnknownData,
        Self::SkipsUnknownControl,
        Self::NoLongLengths,
        Self::WritesLongLengths,
        Self::NoFragments,
        Self::DefersPings,
        Self::PongEndsMessage,
        Self::FragmentedPing,
        Self::ContinuesNothing,
        Self::NewEndsOld,
        Self::LongPing,
        Self::CloseUnanswered,
        Self::Says1005,
        Self::TakesHalfACode,
        Self::GoesOnAfterClose,
        Self::NoPong,
        Self::EmptyPong,
        Self::AnswersPongs,
        Self::TextIsBinary,
        Self::NoEmptyText,
        Self::GoesOnAfterFailure,
        Self::WaitsAfterFailure,
        Self::FailsMutely,
        Self::FailsWith1011,
        Self::ReasonUnchecked,
        Self::Refuses1010,
        Self::TakesUnsendableCodes,
        Self::TakesLowCodes,
        Self::TextUnchecked,
        Self::TakesOverlong,
        Self::TakesCutText,
        Self::WaitsForHuge,
        Self::FrameInOneRead,
        Self::FrameOfOneRead,
    ];
}
