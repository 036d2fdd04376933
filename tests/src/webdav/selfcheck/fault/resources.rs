//! Faults in what becomes of resources, and in conditions. The list goes to the macro that is named first.

macro_rules! resources {
    ($next:ident $($more:tt)*) => {
        $next! {
            $($more)*
            /// Takes bodies that mean nothing.
            IgnoresBodies,
            /// Makes the collections that are missing.
            MakesParents,
            /// Makes resources below files.
            BelowFiles,
            /// Answers 412 where a collection is missing.
            NeedlessPrecondition,
            /// Fetches by names without regard to case.
            CaseConfused,
            /// Looks at conditions before the login.
            ConditionsBeforeLogin,
            /// Looks at Overwrite before the login.
            OverwriteBeforeLogin,
            /// Says no classes.
            NoDav,
            /// Says no classes of files.
            NoDavOfFiles,
            /// Says class 1 beside its locks.
            Class1Only,
            /// Says classes 2 and 3 only.
            WithoutClass1,
            /// Ends the list of classes with an empty one.
            DavForm,
            /// Says GET in Allow.
            AllowsNothing,
            /// Makes ETags of the length.
            EtagByLength,
            /// Sends another language than the property says.
            LanguageDiffers,
            /// Answers 500 to PUT of a collection.
            PutCollectionFails,
            /// Replaces collections by PUT.
            PutReplacesCollection,
            /// Forgets properties at PUT.
            PutForgets,
            /// Keeps the first length of a file.
            PropsFrozen,
            /// Keeps properties of what was removed.
            PropsOutlive,
            /// Answers 204 where nothing is to be removed.
            DeleteMissing,
            /// Removes nothing.
            DeleteDoesNothing,
            /// Removes a collection and leaves its members.
            DeleteShallow,
            /// Removes the collection alone with Depth: 0.
            DeleteHeedsDepth,
            /// Tells of 424 in a 207 to DELETE.
            TellsDependents,
            /// Tells of the collection where a member is locked.
            UnnamedMembers,
            /// Answers 201 where something is.
            MkcolAgain,
            /// Answers 200 to MKCOL.
            MkcolIs200,
            /// Redirects from collections that were made without a slash.
            RedirectsCreated,
            /// Answers 204 to the copy of nothing.
            TransferMissing,
            /// Answers 204 without Destination.
            NoDestination,
            /// Answers 409 to a Destination that is no URL.
            AnyDestination,
            /// Does not look at the host of Destination.
            HostIgnored,
            /// Answers 400 to other hosts.
            OtherHostIs400,
            /// Knows no Destination without a host.
            UriDestinationOnly,
            /// Takes the escapes of Destination for names.
            DestinationUndecoded,
            /// Copies to where dots lead.
            LeavesRoot,
            /// Answers 204 to a copy onto itself.
            ItselfIs204,
            /// Removes what is copied onto itself.
            ItselfLost,
            /// Answers 500 to a copy into itself.
            IntoItselfFails,
            /// Moves collections into themselves.
            MoveIntoItself,
            /// Removes the collection that the source is in.
            OverParentLoses,
            /// Copies no members.
            CopyShallow,
            /// Copies members with Depth: 0.
            CopyIgnoresDepth,
            /// Takes Depth: 1 for infinity.
            CopyDepth1,
            /// Moves no members.
            MoveShallow,
            /// Moves the collection alone with Depth: 0.
            MoveHeedsDepth,
            /// Replaces with Overwrite: F.
            OverwriteIgnored,
            /// Fails with Overwrite: F where nothing is.
            OverwriteFFails,
            /// Fails with Overwrite: T.
            OverwriteTFails,
            /// Takes any Overwrite for T.
            AnyOverwrite,
            /// Does not replace a collection by a file.
            KindsConflict,
            /// Leaves the members of what is replaced.
            Merges,
            /// Leaves the source.
            MoveCopies,
            /// Lets copies follow their source.
            CopyLinks,
            /// Answers 201 to what replaces.
            ReplacedIs201,
            /// Answers 200 to copies.
            CreatedIs200,
            /// Copies no properties.
            CopyForgets,
            /// Leaves the properties of what is replaced by a copy.
            CopyKeepsOld,
            /// Moves no properties.
            MoveForgets,
            /// Leaves the properties of what is replaced by a move.
            MoveKeepsOld,
            /// Creates what is moved anew.
            MoveResetsDate,
            /// Forgets the displayname of what is copied.
            DisplaynameStays,
            /// Forgets the type of what is copied.
            TypeStays,
            /// Fails with If-Match.
            IfMatchNever,
            /// Ignores preconditions of HTTP.
            PreconditionsIgnored,
            /// Does not evaluate If.
            IfIgnored,
            /// Evaluates If with PUT only.
            IfForPutOnly,
            /// Ignores an If that it cannot read.
            MalformedIfIgnored,
            /// Passes over Not.
            NotIgnored,
            /// Is content with one condition of a list.
            AnyCondition,
            /// Wants all lists to be met.
            AllLists,
            /// Reads the lists of the first tag.
            FirstTagOnly,
            /// Takes all lists for those of the request's resource.
            TagsIgnored,
            /// Does not know tags without a host.
            TagsAsUriOnly,
            /// Takes DAV:no-lock for a token of every resource.
            NoLockMatches,
            /// Finds all conditions met by what does not exist.
            UnmappedMatches,
        }
    };
}
pub(super) use resources;
