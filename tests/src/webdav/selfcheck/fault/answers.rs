//! Faults in how bodies are read and what is answered. The list goes to the macro that is named first.

macro_rules! answers {
    ($next:ident $($more:tt)*) => {
        $next! {
            $($more)*
            /// Refuses text/xml.
            ApplicationXmlOnly,
            /// Sends text/xml.
            SendsTextXml,
            /// Sends XML as text/plain.
            SendsTextPlain,
            /// Takes what it cannot read for something that it can.
            AnyXml,
            /// Does not look at namespaces.
            AnyNamespace,
            /// Knows the prefix D only.
            PrefixDOnly,
            /// Does not read UTF-16.
            Utf8Only,
            /// Refuses comments.
            InstructionsRefused,
            /// Refuses attributes.
            AttributesRefused,
            /// Refuses unknown elements.
            UnknownRefused,
            /// Reads external entities.
            ReadsFiles,
            /// Answers 207 to what has a DTD.
            TakesDtd,
            /// Answers 500 to many levels.
            DeepFails,
            /// Says no conditions.
            PlainRefusals,
            /// Says text beside conditions.
            ErrorInText,
            /// Does not escape URLs.
            NoEscapes,
            /// Sends URLs of collections without a slash.
            NoSlash,
            /// Sends URIs of collections and paths of files.
            MixesForms,
            /// Sends URLs with dot segments.
            HrefsElsewhere,
            /// Does not say Content-Location.
            NoContentLocation,
            /// Answers 207 where nothing is.
            MissingIs207,
            /// Takes no body for propname.
            NoBodyIsNames,
            /// Takes the first of allprop and propname.
            FirstKind,
            /// Takes an empty propfind for allprop.
            EmptyIsAllprop,
            /// Ignores include.
            IncludeIgnored,
            /// Takes prop for allprop.
            PropIgnored,
            /// Tells twice what is asked for twice.
            PropsTwice,
            /// Takes no Depth for 0.
            NoDepthIsZero,
            /// Refuses depths of files.
            DepthOfFile,
            /// Takes Depth: 0 for 1.
            Depth0Is1,
            /// Takes Depth: 1 for infinity.
            Depth1IsInfinity,
            /// Does not know infinity.
            InfinityUnknown,
            /// Refuses infinity without a condition.
            InfinityRefused,
            /// Takes infinity for 1.
            InfinityIs1,
            /// Takes any Depth for 1.
            AnyDepth,
            /// Lists no collections.
            HidesCollections,
            /// Lists members twice.
            ListsTwice,
            /// Tells of no live properties with allprop.
            AllpropDeadOnly,
            /// Tells of live properties only with allprop.
            AllpropLiveOnly,
            /// Tells of live properties only with propname.
            PropnameLiveOnly,
            /// Tells values with propname.
            PropnameValues,
            /// Tells of quotas with allprop.
            QuotaInAllprop,
            /// Does not tell of quotas with propname.
            QuotaUnnamed,
            /// Knows no quota-used-bytes.
            QuotaHalf,
            /// Counts direct members only.
            QuotaShallow,
            /// Finds properties whatever their namespace.
            SpacesIgnored,
            /// Finds properties whatever their case.
            CaseIgnored,
            /// Does not tell of what is missing.
            MissingUnsaid,
            /// Sends no reason.
            StatusShort,
            /// Sends no status.
            StatusUnsaid,
            /// Sends status beside propstat.
            StatusBesides,
            /// Tells of 102.
            InterimStatus,
            /// Sends elements of its own in the namespace of WebDAV.
            UnknownElements,
            /// Sends creationdate with a space.
            DateForm,
            /// Does not say what a collection is.
            KindUnsaid,
            /// Says text in resourcetype.
            KindInText,
            /// Says a length that is wrong by one.
            LengthWrong,
            /// Says another type than GET.
            TypeDiffers,
            /// Says ETags without quotes.
            EtagUnquoted,
            /// Says dates in another form than GET.
            DateDiffers,
            /// Makes what it sets properties of.
            PatchMakes,
            /// Carries out what does not fail.
            PatchHalf,
            /// Changes the ETag with the properties.
            PatchChangesEtag,
            /// Takes PROPPATCH without instructions.
            EmptyPatch,
            /// Sets before it removes.
            SetsFirst,
            /// Fails to remove what is not there.
            RemoveMissing,
            /// Removes no properties.
            RemoveDoesNothing,
            /// Keeps no properties of collections.
            CollectionsBare,
            /// Keeps no properties of clients.
            NoProps,
            /// Lets all properties be set.
            NoneProtected,
            /// Protects displayname.
            DisplaynameProtected,
            /// Protects getcontentlanguage.
            LanguageProtected,
            /// Answers 409 for protected properties.
            ProtectedIs409,
            /// Tells of 200 where nothing was done.
            DependencyUnsaid,
            /// Tells of the first property only.
            AnswersOne,
            /// Keeps old values beside the new.
            KeepsOldValues,
            /// Keeps fifty properties.
            FewProps,
            /// Takes no namespace for its own.
            BareIsDav,
            /// Loses empty properties.
            EmptyIsMissing,
            /// Loses text.
            TextLost,
            /// Loses languages.
            LangLost,
            /// Loses languages of elements around.
            ScopedLangLost,
            /// Sorts content.
            MixedReordered,
            /// Loses text that is whitespace.
            SpacesTrimmed,
            /// Heeds xml:space.
            SpaceHeeded,
            /// Loses what is not ASCII.
            WideLost,
            /// Loses namespaces of elements.
            InnerSpacesLost,
            /// Loses attributes.
            AttributesLost,
            /// Loses prefixes.
            PrefixesLost,
        }
    };
}
pub(super) use answers;
