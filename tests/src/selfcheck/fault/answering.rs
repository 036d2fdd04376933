//! Faults in all else that is answered, and in how connections are kept. The list goes to the macro that is named first.

macro_rules! answering {
    ($next:ident $($more:tt)*) => {
        $next! {
            $($more)*
            /// Serves methods it does not know as if they were GET.
            AnyMethod,
            /// Answers the error and leaves the connection open.
            OpenAfterError,
            /// Sends responses chunked to HTTP/1.0.
            ChunksTo10,
            /// Serves one request per connection.
            OneRequest,
            /// Answers every other pipelined request before the one in front of it.
            Reorders,
            /// Closes without saying so.
            CloseUnsaid,
            /// Leaves the space after the status code away.
            NoSpaceAfterCode,
            /// Answers as HTTP/1.0.
            Answers10,
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
            /// Sends Transfer-Encoding in a 204.
            CodingIn204,
            /// Names ETag in Connection.
            EtagInConnection,
            /// Sends Keep-Alive and does not name it in Connection.
            KeepAliveUnnamed,
            /// Sends empty members in lists.
            EmptyMembersSent,
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
            /// Ignores Content-Range with PUT.
            PutWholeOfPart,
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
            /// Explains nothing in 505.
            Mute505,
            /// Refuses Content-Range in any request.
            RefusesContentRange,
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
            /// Loses what came behind the request for another protocol.
            LosesAfterSwitch,
            /// Answers after an error as if nothing had been.
            GoesOnAfterError,
            /// Stops at the tenth request of a connection.
            TenRequests,
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
        }
    };
}
pub(super) use answering;
