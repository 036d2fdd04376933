//! Faults in conditions and ranges: RFC 9110 §13, §14 and §15.3.7. The list goes to the macro that is named first.

macro_rules! conditions {
    ($next:ident $($more:tt)*) => {
        $next! {
            $($more)*
            /// Says a Content-Length of 0 in a 304.
            LengthZeroIn304,
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
            /// Evaluates If-Match with OPTIONS.
            PreconditionsWithOptions,
            /// Leaves Last-Modified out of 206.
            NoLastModifiedIn206,
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
            /// Sends Content-Type in 304.
            TypeIn304,
            /// Sends Content-Type in 206 to If-Range.
            TypeInPartOfIfRange,
            /// Answers a suffix of no octets with all.
            SuffixOfNoneIsAll,
            /// Sends 206 for a file without content.
            PartOfNothing,
            /// Does not know whitespace in lists of ranges.
            NoWhitespaceInRanges,
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
            /// Sends no Vary in 304.
            NoVaryIn304,
            /// Evaluates no conditions where no-cache is asked for.
            NoCacheUnconditional,
        }
    };
}
pub(super) use conditions;
