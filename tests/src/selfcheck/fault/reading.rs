//! Faults in how a request is read: RFC 9112, and RFC 9110 §10.1.1. The list goes to the macro that is named first.

macro_rules! reading {
    ($next:ident $($more:tt)*) => {
        $next! {
            $($more)*
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
            /// Keeps connections of HTTP/1.0 open.
            PersistentIn10,
            /// Closes connections of HTTP/1.0 that it said it would keep.
            FalseKeepAlive,
            /// Does not honour Connection: close.
            IgnoresClose,
            /// Does not find close in a list.
            CloseAlone,
            /// Sends 100 to HTTP/1.0.
            ContinueIn10,
            /// Waits for the content that waits for 100.
            NoContinue,
            /// Sends 100 and then nothing.
            OnlyContinue,
            /// Answers HTTP/1.2 with 505.
            MinorUnknown,
            /// Takes absolute targets without a host.
            EmptyHost,
            /// Answers CONNECT with 200, whatever its target.
            ConnectsAnywhere,
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
            /// Compares the expectation of 100 by case.
            ContinueByCase,
            /// Switches before it sends 100.
            SwitchesBeforeContinue,
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
            /// Closes at once where a request's content is not wanted.
            DropsSender,
        }
    };
}
pub(super) use reading;
