/// Declares the faults: the doc comment is what the mutant does wrong.
macro_rules! faults {
    ($($(#[doc = $what:literal])+ $name:ident,)*) => {
        /// What a mutant of the reference server does wrong; each mutant has one fault.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Fault { $($(#[doc = $what])+ $name,)* }

        impl Fault {
            pub(super) const ALL: &[Self] = &[$(Self::$name),*];
        }
    };
}
pub(crate) use faults;

faults! {
    /// Takes any number of Host lines, also none, with any value.
    AnyHost,
    /// Answers 400 where Host and an absolute target differ.
    ComparesHost,
    /// Knows no target but origin form.
    OriginFormOnly,
    /// Serves targets that do not begin with a slash.
    AnyTarget,
    /// Serves any protocol name and version.
    AnyVersion,
    /// Serves methods it does not know as if they were GET.
    AnyMethod,
    /// Answers 400 where the target is too long.
    LongTargetIsMalformed,
    /// Answers 400 to request lines above 4000 octets.
    ShortLines,
    /// Reads a CR alone as the end of a line.
    BareCrEndsLine,
    /// Reads an LF alone as the end of a chunk-size line.
    BareLfEndsChunkLine,
    /// Refuses an empty line before a request.
    NoLeadingLine,
    /// Reads field lines that begin with a space as fields.
    FoldsAreFields,
    /// Takes whitespace before the colon away.
    SpaceBeforeColon,
    /// Passes over field lines that are none.
    SkipsBadFields,
    /// Cuts field values at NUL.
    NulEndsValue,
    /// Keeps whitespace around field values.
    KeepsWhitespace,
    /// Refuses octets above 127 in field values.
    AsciiOnly,
    /// Answers 500 to a head that is too large.
    LargeHeadIs500,
    /// Lets Content-Length win over Transfer-Encoding, and goes on.
    LengthWins,
    /// Lets Transfer-Encoding win over Content-Length, and goes on.
    CodingWins,
    /// Goes on after Transfer-Encoding in HTTP/1.0.
    CodingIn10,
    /// Takes any transfer coding for chunked.
    AnyCoding,
    /// Takes what digits it finds at the front of a Content-Length.
    LengthByPrefix,
    /// Takes the first of several Content-Lengths.
    FirstLength,
    /// Reads a signed Content-Length.
    SignedLength,
    /// Keeps the low bits of a Content-Length.
    LengthWraps,
    /// Answers the error and leaves the connection open.
    OpenAfterError,
    /// Keeps the low 32 bits of a chunk size.
    ChunkSizeWraps,
    /// Reads chunk sizes as a lenient number parser does.
    ChunkSizeLenient,
    /// Does not look at what follows a chunk.
    ChunkEndUnchecked,
    /// Refuses chunk extensions.
    NoExtensions,
    /// Takes trailer fields for header fields.
    MergesTrailers,
    /// Does not know trailers.
    NoTrailers,
    /// Does not read request bodies.
    BodyIsRequest,
    /// Compares the name of a transfer coding by case.
    CodingByCase,
    /// Sends responses chunked to HTTP/1.0.
    ChunksTo10,
    /// Serves one request per connection.
    OneRequest,
    /// Keeps connections of HTTP/1.0 open.
    PersistentIn10,
    /// Closes connections of HTTP/1.0 that it said it would keep.
    FalseKeepAlive,
    /// Answers every other pipelined request before the one in front of it.
    Reorders,
    /// Does not honour Connection: close.
    IgnoresClose,
    /// Does not find close in a list.
    CloseAlone,
    /// Closes without saying so.
    CloseUnsaid,
    /// Leaves the space after the status code away.
    NoSpaceAfterCode,
    /// Sends 100 to HTTP/1.0.
    ContinueIn10,
    /// Waits for the content that waits for 100.
    NoContinue,
    /// Sends 100 and then nothing.
    OnlyContinue,
    /// Answers as HTTP/1.0.
    Answers10,
    /// Answers HTTP/1.2 with 505.
    MinorUnknown,
    /// Sends content in response to HEAD.
    HeadWithContent,
    /// Leaves fields away in response to HEAD.
    HeadWithoutFields,
    /// Says a Content-Length of 0 in response to HEAD.
    HeadLengthZero,
    /// Sends no Content-Length, and delimits content by closing.
    NoLength,
    /// Sends Content-Length in a 204.
    LengthIn204,
    /// Says a Content-Length of 0 in a 304.
    LengthZeroIn304,
    /// Sends no Content-Type.
    NoType,
    /// Sends Content-Encoding whatever the client accepts.
    AlwaysEncodes,
    /// Sends no Date in 2xx.
    NoDateIn2xx,
    /// Sends no Date in 3xx.
    NoDateIn3xx,
    /// Sends no Date in 4xx.
    NoDateIn4xx,
    /// Sends dates in the form of RFC 850.
    OldDates,
    /// Sends no Last-Modified.
    NoLastModified,
    /// Sends a Last-Modified in the future.
    FutureLastModified,
    /// Sends no ETag.
    NoEtag,
    /// Sends an ETag without quotes.
    BareEtag,
    /// Errors have no content.
    MuteErrors,
    /// 405 without Allow.
    NoAllowIn405,
    /// OPTIONS without Allow.
    NoAllowInOptions,
    /// Redirects without Location.
    NoLocation,
    /// Redirects to a path that begins with two slashes.
    OpenRedirect,
    /// Answers 404 where method and path are both unknown.
    MethodNotLookedAt,
    /// Ignores If-Match.
    NoIfMatch,
    /// Compares If-Match weakly.
    WeakIfMatch,
    /// Does not know `*` in If-Match.
    NoStarInIfMatch,
    /// Ignores If-None-Match.
    NoIfNoneMatch,
    /// Compares If-None-Match strongly.
    StrongIfNoneMatch,
    /// Compares lists of entity tags as a whole.
    OneEtag,
    /// Does not know `*` in If-None-Match.
    NoStarInIfNoneMatch,
    /// Takes every If-None-Match for a match.
    AnyIfNoneMatch,
    /// Refuses empty list members.
    NoEmptyMembers,
    /// Ignores If-Modified-Since.
    NoIfModifiedSince,
    /// Takes every If-Modified-Since for later than the file.
    AnyIfModifiedSince,
    /// Evaluates If-Modified-Since beside If-None-Match.
    SinceBesideEtag,
    /// Ignores If-Unmodified-Since.
    NoIfUnmodifiedSince,
    /// Evaluates If-Unmodified-Since beside If-Match.
    UnmodifiedBesideEtag,
    /// Answers 412 to invalid dates in If-Unmodified-Since.
    InvalidDateFails,
    /// Answers 304 to invalid dates in If-Modified-Since.
    InvalidDateMatches,
    /// Reads dates of IMF-fixdate only.
    OneDateForm,
    /// Reads two-digit years as of this century.
    YearsOfThisCentury,
    /// Compares If-Modified-Since for equality.
    SinceByEquality,
    /// Evaluates preconditions where the answer is an error without them.
    PreconditionsFirst,
    /// Evaluates If-None-Match before If-Match.
    NoneMatchFirst,
    /// Evaluates Range before If-None-Match.
    RangeFirst,
    /// Leaves ETag out of 304.
    NoEtagIn304,
    /// Ignores Range.
    NoRange,
    /// Takes the last position for the end.
    RangeShort,
    /// Counts suffixes from the front.
    SuffixFromFront,
    /// Does not know ranges without an end.
    NoOpenRange,
    /// Answers 416 where a range ends beyond the content.
    NoClipping,
    /// Answers 416 where a range is invalid, and 206 where the end is before the start.
    BackwardsRange,
    /// Answers only the first of several ranges.
    FirstRangeOnly,
    /// Takes any range unit for bytes.
    AnyUnit,
    /// Answers a range of no octets with 200.
    UnsatisfiableIsAll,
    /// Sends 416 without Content-Range.
    NoLengthIn416,
    /// Evaluates Range on HEAD.
    RangeOnHead,
    /// Reads range positions modulo 2³².
    RangeWraps,
    /// Sends 206 without Content-Range.
    NoContentRange,
    /// Sends `*` for the complete length.
    NoCompleteLength,
    /// Leaves ETag out of 206.
    NoEtagIn206,
    /// Sends a single range as multipart.
    MultipartForOne,
    /// Sends Content-Range in the head of a multipart response.
    RangeInMultipartHead,
    /// Leaves Content-Range out of parts.
    PartsWithoutRange,
    /// Leaves Content-Type out of parts.
    PartsWithoutType,
    /// Sends parts in reverse order.
    PartsReversed,
    /// Sends several parts without naming the boundary.
    NoBoundary,
    /// Sends any number of overlapping ranges.
    ManyRanges,
    /// Ignores If-Range.
    NoIfRange,
    /// Compares If-Range weakly.
    WeakIfRange,
    /// Takes any date in If-Range that is not before the file's.
    LateIfRange,
    /// Takes any If-Range for false.
    FalseIfRange,
    /// Answers 412 to If-Range without Range.
    IfRangeAlone,
    /// Leaves the root.
    LeavesRoot,
    /// Decodes targets twice.
    DecodesTwice,
    /// Decodes nothing.
    DecodesNothing,
    /// Cuts paths at NUL.
    NulEndsPath,
    /// Passes over malformed escapes.
    AnyEscape,
    /// Sends content with an octet changed.
    Corrupts,
    /// Switches to any protocol.
    SwitchesAny,
    /// Sends Date twice.
    DateTwice,
    /// Takes absolute targets without a host.
    EmptyHost,
    /// Sends Transfer-Encoding in a 204.
    CodingIn204,
    /// Answers CONNECT with 200, whatever its target.
    ConnectsAnywhere,
    /// Evaluates If-Match with OPTIONS.
    PreconditionsWithOptions,
    /// Leaves Last-Modified out of 206.
    NoLastModifiedIn206,
    /// Waits for ever.
    Patient,
    /// Compares the scheme of a target by case.
    SchemeByCase,
    /// Does not know an absolute target without a path.
    NeedsPath,
    /// Takes userinfo in a target away.
    TakesUserinfo,
    /// Serves targets of https over anything.
    TakesHttps,
    /// Names ETag in Connection.
    EtagInConnection,
    /// Sends Keep-Alive and does not name it in Connection.
    KeepAliveUnnamed,
    /// Sends empty members in lists.
    EmptyMembersSent,
    /// Refuses whitespace within chunk extensions.
    NoBadWhitespace,
    /// Ends a quoted string at a quoted pair.
    NoQuotedPairs,
    /// Passes CR and NUL in field values on.
    KeepsControls,
    /// Takes what follows a fold for the whole value.
    LastFold,
    /// Takes a fold away with no space in its place.
    JoinsFolds,
    /// Makes of octets above 127 what they are in another character set.
    RecodesValues,
    /// Does not name the coding it applied.
    CodingUnsaid,
    /// Names identity in Content-Encoding.
    SaysIdentity,
    /// Does not know x-gzip.
    NoXGzip,
    /// Compares the names of content codings by case.
    CodingNameByCase,
    /// Sends one ETag for the text and its gzip.
    SameEtagForCodings,
    /// Says the length of the text without a coding in response to HEAD.
    HeadOfPlain,
    /// Sends content to HEAD where the answer is an error.
    HeadErrorWithContent,
    /// Sends a file's date that lies in the future.
    FutureFileDate,
    /// Sends the whole of a TRACE request back.
    TraceAll,
    /// Answers TRACE with something else.
    TraceNothing,
    /// Answers every PUT with 200.
    PutIs200,
    /// Answers every PUT with 201.
    PutIs201,
    /// Sends an ETag in answer to PUT that GET does not show.
    FalsePutEtag,
    /// Appends what PUT sends.
    PutAppends,
    /// Answers DELETE with 200 and leaves the resource.
    DeleteDoesNothing,
    /// Answers PUT with 304 where If-None-Match fails.
    Put304,
    /// Carries PUT out before it looks at the conditions.
    PutFirst,
    /// Ignores conditions with PUT.
    PutUnconditional,
    /// Evaluates If-Modified-Since with PUT.
    PutHeedsSince,
    /// Evaluates Range with PUT.
    PutHeedsRange,
    /// Ignores Content-Range with PUT.
    PutWholeOfPart,
    /// Compares the expectation of 100 by case.
    ContinueByCase,
    /// Closes after a final status code before the content, and does not say so.
    FinalClosesUnsaid,
    /// Sends 103 to HTTP/1.0.
    EarlyTo10,
    /// Says a length in 103.
    EarlyWithLength,
    /// Says a transfer coding in 103.
    EarlyWithCoding,
    /// Sends no 103.
    NoEarly,
    /// Sends Content-Type in 304.
    TypeIn304,
    /// Sends Content-Type in 206 to If-Range.
    TypeInPartOfIfRange,
    /// Explains nothing in 505.
    Mute505,
    /// Answers a suffix of no octets with all.
    SuffixOfNoneIsAll,
    /// Sends 206 for a file without content.
    PartOfNothing,
    /// Does not know whitespace in lists of ranges.
    NoWhitespaceInRanges,
    /// Refuses Content-Range in any request.
    RefusesContentRange,
    /// Takes the time of the answer for the date of a resource that has none.
    DatesEverything,
    /// Evaluates Range with POST.
    RangeWithPost,
    /// Evaluates If-Unmodified-Since after the other preconditions.
    UnmodifiedLast,
    /// Evaluates If-Match after the other preconditions.
    MatchLast,
    /// Evaluates one precondition only.
    OnePrecondition,
    /// Ignores Range where there are preconditions.
    ConditionsDropRange,
    /// Answers 416 before it evaluates preconditions.
    UnsatisfiableFirst,
    /// Sends a part where If-Range is true, whatever else there is.
    IfRangeFirst,
    /// Evaluates If-Modified-Since after Range.
    RangeBeforeSince,
    /// Divides lists of tags at every comma.
    CommaDividesTags,
    /// Evaluates no conditions with HEAD.
    HeadUnconditional,
    /// Takes every If-Unmodified-Since for a date before the file's.
    AnyUnmodifiedSince,
    /// Serves what needs a login to everybody.
    NoLogin,
    /// Takes any password.
    AnyPassword,
    /// Takes any scheme for Basic.
    AnyScheme,
    /// Knows the scheme by one spelling.
    SchemeNameByCase,
    /// Answers malformed credentials with 500.
    MalformedIs500,
    /// Sends 401 without a challenge.
    NoChallenge,
    /// Sends 401 to wrong credentials without a challenge.
    NoSecondChallenge,
    /// Sends the realm as a token.
    TokenRealm,
    /// Sends codings with the weight 0.
    WeightZeroAccepted,
    /// Takes an empty Accept-Encoding for none.
    EmptyAcceptsAll,
    /// Takes `*` with any weight for any coding.
    StarAcceptsAll,
    /// Does not find a coding beside `*`.
    StarExcludesAll,
    /// Sends no Vary.
    NoVary,
    /// Sends Vary only with a coding.
    VaryWithCodingOnly,
    /// Sends no Vary in 304.
    NoVaryIn304,
    /// Takes parts of the text and says they are of the gzip.
    PartOfPlain,
    /// Switches without the option in Connection.
    SwitchesWithoutOption,
    /// Sends 101 without Upgrade.
    NoUpgradeIn101,
    /// Sends 101 and 426 without the option in Connection.
    UpgradeUnnamed,
    /// Sends 426 without Upgrade.
    NoUpgradeIn426,
    /// Compares the name of a protocol by case.
    ProtocolByCase,
    /// Switches to the first protocol that the client names.
    FirstProtocol,
    /// Switches before it sends 100.
    SwitchesBeforeContinue,
    /// Loses what came behind the request for another protocol.
    LosesAfterSwitch,
    /// Reads the first of several lines of Transfer-Encoding.
    FirstLineOnly,
    /// Ignores Transfer-Encoding that is not chunked.
    OtherCodingIgnored,
    /// Takes parameters of a transfer coding away.
    CodingParameters,
    /// Waits for content where no length is said.
    PostNeedsLength,
    /// Sends chunk extensions to who reads the content.
    ExtensionsAreContent,
    /// Sends trailers to who reads the content.
    TrailersAreContent,
    /// Loses the last chunk.
    LosesChunk,
    /// Loses the last octet of content.
    LosesOctet,
    /// Reads extensions and trailers of any length.
    Unlimited,
    /// Takes the end of the client's side for nothing.
    IgnoresEnd,
    /// Answers after an error as if nothing had been.
    GoesOnAfterError,
    /// Stops at the tenth request of a connection.
    TenRequests,
    /// Closes at once where a request's content is not wanted.
    DropsSender,
    /// Sends the argument of max-age quoted.
    QuotedMaxAge,
    /// Sends the argument of s-maxage quoted.
    QuotedSMaxAge,
    /// Sends must-understand alone.
    UnderstandAlone,
    /// Sends field names in no-cache as a token.
    NoCacheToken,
    /// Sends field names in private as a token.
    PrivateToken,
    /// Sends a directive with a space in it.
    SpacedDirective,
    /// Sends 0 for Expires.
    ExpiresZero,
    /// Sends Age.
    SendsAge,
    /// Answers only-if-cached with 504.
    HeedsOnlyIfCached,
    /// Evaluates no conditions where no-cache is asked for.
    NoCacheUnconditional,
}
