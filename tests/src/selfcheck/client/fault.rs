//! What the mutants of the reference client do wrong.

/// Declares the faults: the doc comment is what the mutant does wrong.
macro_rules! faults {
    ($($(#[doc = $what:literal])+ $name:ident,)*) => {
        /// What a mutant of the reference client does wrong; each mutant has one fault.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(in crate::selfcheck) enum ClientFault { $($(#[doc = $what])+ $name,)* }

        impl ClientFault {
            pub(in crate::selfcheck) const ALL: &[Self] = &[$(Self::$name),*];
        }
    };
}

faults! {
    /// Sends no Host.
    NoHost,
    /// Sends absolute targets.
    AbsoluteTargets,
    /// Sends an empty target for an empty path.
    EmptyTarget,
    /// Sends fragments.
    SendsFragment,
    /// Sends userinfo.
    SendsUserinfo,
    /// Speaks HTTP/1.0.
    Speaks10,
    /// Sends an empty line behind content.
    EmptyLines,
    /// Sends content without a length.
    NoLength,
    /// Sends all content chunked.
    AlwaysChunked,
    /// Sends both lengths.
    BothLengths,
    /// Expects 100 with every request.
    AlwaysExpects,
    /// Sends TE and does not name it.
    TeUnnamed,
    /// Names chunked in TE.
    ChunkedInTe,
    /// Sends content without waiting, and takes 100 for the answer.
    ContinueIsFinal,
    /// Waits for 100 for ever.
    WaitsForEver,
    /// Takes 417 for the answer.
    NotAgain,
    /// Compares the reason phrase.
    ReadsReason,
    /// Takes what follows a fold for a field.
    FoldsAreFields,
    /// Reads one octet less than the length.
    LengthShort,
    /// Does not decode chunks.
    NotChunked,
    /// Refuses chunk extensions.
    NoExtensions,
    /// Takes trailers for content.
    TrailersAreContent,
    /// Takes a chunk size that is no number for 0.
    LenientSizes,
    /// Keeps the low bits of a chunk size.
    SizeWraps,
    /// Does not look at what follows a chunk.
    ChunkEndUnchecked,
    /// Lets Content-Length win over Transfer-Encoding.
    LengthWins,
    /// Takes a Content-Length that is no number for none.
    LenientLength,
    /// Takes the first of several lengths.
    FirstLength,
    /// Takes what came for the whole.
    ShortIsWhole,
    /// Takes half a head for a whole one.
    HalfHeads,
    /// Takes a response without a length for empty.
    NoLengthIsEmpty,
    /// Waits for content after HEAD.
    HeadHasContent,
    /// Reads the content of a 204.
    ContentIn204,
    /// Waits for the content of a 304.
    ContentIn304,
    /// Takes an interim response for the answer.
    InterimIsFinal,
    /// Knows only 100 among interim responses.
    Only100,
    /// Refuses status codes that it does not know.
    KnownCodesOnly,
    /// Takes any bytes for an answer.
    AnyBytes,
    /// Reads heads of any length.
    Unlimited,
    /// Uses no connection twice.
    NeverReuses,
    /// Uses a connection before its answer was read.
    ReusesEarly,
    /// Takes what was left over for the next answer.
    TakesLeftOver,
    /// Throws away what was left over, and uses the connection again.
    ForgetsLeftOver,
    /// Does not heed close.
    IgnoresClose,
    /// Keeps connections of HTTP/1.0.
    Keeps10,
    /// Takes an answer without content for the end of a connection that is silent.
    HangsAfter204,
    /// Does not repeat a request on a connection that was closed.
    NeverRepeats,
    /// Repeats a POST that had no answer.
    RepeatsPost,
    /// Throws away what comes before all is sent.
    LosesEarly,
    /// Follows no redirect.
    FollowsNone,
    /// Takes a relative Location for a path.
    NoRelative,
    /// Repeats a POST as a POST after 303.
    PostAfter303,
    /// Makes a GET of a POST after 307 and 308.
    GetAfter307,
    /// Makes a GET of a HEAD that is redirected.
    GetAfterHead,
    /// Follows any number of redirects.
    FollowsForEver,
    /// Sends credentials to other origins.
    CredentialsElsewhere,
}
