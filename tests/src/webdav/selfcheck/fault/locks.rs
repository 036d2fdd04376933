//! Faults in locks. The list goes to the macro that is named first.

macro_rules! locks {
    ($next:ident $($more:tt)*) => {
        $next! {
            $($more)*
            /// Keeps locks for ever.
            NeverExpires,
            /// Refuses to show what is locked.
            LockedUnreadable,
            /// Answers 404 for what LOCK has made.
            ReservedUnfetched,
            /// Does not list what LOCK has made.
            ReservedUnlisted,
            /// Removes what LOCK has made with the lock.
            ReservedVanishes,
            /// Makes collections of what LOCK has made.
            MkcolConverts,
            /// Finds locks by names as they are written.
            LocksByRawName,
            /// Locks direct members only.
            ShallowLocks,
            /// Locks the members that are there.
            LocksPresentOnly,
            /// Locks members whatever the depth.
            DepthIgnored,
            /// Takes any token for any lock.
            AnyTokenFits,
            /// Takes tokens of anybody.
            AnyonesToken,
            /// Takes no token.
            NoTokenFits,
            /// Wants the tokens of all shared locks.
            AllSharedNeeded,
            /// Wants one token where several are needed.
            OneTokenEnough,
            /// Takes Lock-Token for a submitted token.
            TakesLockTokenField,
            /// Takes tokens of lists that are met only.
            FalseListsUnsubmitted,
            /// Takes tokens that are tagged with the request's resource only.
            OwnTagOnly,
            /// Ignores If with UNLOCK.
            UnlockIgnoresIf,
            /// Does not say what is locked.
            SubmittedEmpty,
            /// Does not look at the locks of collections where members change.
            ParentUnlocked,
            /// Replaces what is locked.
            PutUnlocked,
            /// Sets properties of what is locked.
            PatchUnlocked,
            /// Removes what is locked.
            DeleteUnlocked,
            /// Removes locked members.
            DeletesLockedMembers,
            /// Moves what is locked.
            MoveUnlocked,
            /// Moves locked members.
            MovesLockedMembers,
            /// Copies over what is locked.
            DestinationUnlocked,
            /// Copies over locked members.
            CopiesOverLocked,
            /// Wants the token of what is copied.
            CopyNeedsSource,
            /// Copies locks.
            CopiesLocks,
            /// Moves locks.
            MovesLocks,
            /// Lets locks of a collection follow what leaves it.
            LocksFollow,
            /// Keeps locks of what was removed.
            LocksOutlive,
            /// Says no kinds of locks.
            SupportedEmpty,
            /// Says no locks.
            DiscoveryEmpty,
            /// Knows no lockdiscovery where there are no locks.
            NoEmptyDiscovery,
            /// Says infinity for any depth.
            SaysInfinity,
            /// Loses owners.
            OwnerLost,
            /// Wants an owner.
            OwnerNeeded,
            /// Says timeouts as numbers.
            TimeoutForm,
            /// Ignores Timeout.
            TimeoutIgnored,
            /// Refuses large timeouts.
            HugeTimeoutFails,
            /// Does not say lockroot.
            NoLockroot,
            /// Answers 500 to a long owner.
            LongOwnerFails,
            /// Answers 200 where LOCK makes something.
            LockIs200,
            /// Answers 201 to LOCK.
            LockIs201,
            /// Grants locks that it does not know.
            AnyKind,
            /// Takes no Depth for 0 with LOCK.
            LockDepth0,
            /// Grants locks of depth 1.
            LockDepth1,
            /// Grants one shared lock.
            SharedConflicts,
            /// Grants exclusive locks beside shared ones.
            ExclusiveBesideShared,
            /// Grants shared locks beside exclusive ones.
            SharedBesideExclusive,
            /// Grants exclusive locks beside exclusive ones.
            OwnerLocksAgain,
            /// Grants locks to members of what is locked.
            IndirectIgnored,
            /// Grants locks of collections with locked members.
            MembersIgnored,
            /// Gives shared locks one token.
            SharedToken,
            /// Makes tokens of names.
            SameToken,
            /// Makes tokens that are no URIs.
            TokenNoUri,
            /// Grants locks without a body.
            LocksWithoutBody,
            /// Answers 200 where there is nothing to refresh.
            RefreshesAny,
            /// Grants a new lock where one is refreshed.
            RefreshMakesNew,
            /// Refreshes by the root only.
            RefreshByRoot,
            /// Does not restart the time.
            RefreshKeepsTime,
            /// Heeds Depth when a lock is refreshed.
            RefreshHeedsDepth,
            /// Drops the other locks when one is refreshed.
            RefreshDropsOthers,
            /// Says Lock-Token when a lock is refreshed.
            RefreshSaysToken,
            /// Frees nothing.
            UnlockDoesNothing,
            /// Answers 200 to UNLOCK.
            UnlockIs200,
            /// Frees without a token.
            UnlockWithoutToken,
            /// Frees by any resource.
            UnlockAnywhere,
            /// Frees by the root only.
            UnlockByRoot,
            /// Answers 204 where nothing is locked.
            UnlocksNothing,
            /// Frees all locks of a resource.
            UnlockFreesAll,
        }
    };
}
pub(super) use locks;
