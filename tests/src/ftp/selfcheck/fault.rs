use crate::selfcheck::faults;

faults! {
    /// Says nothing at first.
    NoGreeting,
    /// Says something that nobody asked for.
    Unasked,
    /// Ends lines with LF.
    BareLf,
    /// Ends a reply of several lines without its code.
    EndUncoded,
    /// Knows commands in upper case only.
    UpperCase,
    /// Knows commands by their front.
    Prefixes,
    /// Takes what comes in one segment for one command.
    OneCommandEach,
    /// Answers 200 to what it does not know.
    AnyCommand,
    /// Answers 200 to types, modes and structures that it does not know.
    AnyParameter,
    /// Asks nobody to log in.
    NoLogin,
    /// Takes any password.
    AnyPassword,
    /// Takes PASS for a login.
    PassAlone,
    /// Says whether a name exists.
    TellsNames,
    /// Lets guess for ever.
    ManyGuesses,
    /// Keeps the login at USER.
    UserKeepsLogin,
    /// Keeps the login at REIN.
    ReinKeepsLogin,
    /// Keeps the type at REIN.
    ReinKeepsType,
    /// Does not close after QUIT.
    QuitStays,
    /// Begins in TYPE I.
    ImageAtFirst,
    /// Converts nothing.
    NoAscii,
    /// Converts in TYPE I.
    AlwaysAscii,
    /// Takes CWD to anything.
    CwdAnywhere,
    /// Leaves CDUP where it is.
    CdupStays,
    /// Answers 250 where there is nothing to remove.
    RemovesNothing,
    /// Removes folders with DELE and files with RMD.
    RemovesAnything,
    /// Removes folders that are not empty.
    RemovesFull,
    /// Makes folders again.
    MkdAgain,
    /// Does not double quotes.
    QuotesSingle,
    /// Says no path in quotes.
    NoPath,
    /// Keeps RNFR for ever.
    RnfrStays,
    /// Renames without RNFR.
    RntoAlone,
    /// Copies where it should rename.
    RenameCopies,
    /// Sends an empty file where there is none.
    MissingIsEmpty,
    /// Sends half of a file.
    HalfFile,
    /// Says the end of a transfer before it.
    EndEarly,
    /// Never says the end of a transfer.
    EndUnsaid,
    /// Leaves the data connection open.
    DataStaysOpen,
    /// Writes over the front of what is there.
    StorKeepsRest,
    /// Loses uploads.
    StorLoses,
    /// Replaces with APPE.
    AppeReplaces,
    /// Does not say the name of STOU.
    StouUnsaid,
    /// Does not know ABOR.
    NoAbor,
    /// Names nothing in lists.
    EmptyLists,
    /// Ends the lines of lists with LF.
    ListsLf,
    /// Says 215 and no name.
    NoSystem,
    /// Sends 0,0,0,0,0,0 in the 227.
    NoAddress,
    /// Takes any PORT.
    AnyPort,
    /// Connects to any host.
    Bounces,
    /// Connects to any port.
    LowPorts,
    /// Gives data to whoever connects.
    AnyThief,
    /// Knows no X-commands.
    NoX,
    /// Does not know TYPE L 8.
    NoLocal,
    /// Takes Telnet commands for text.
    TelnetIsText,
    /// Restarts behind the end.
    RestBeyond,
    /// Ignores REST.
    RestIgnored,
    /// Keeps REST.
    RestStays,
    /// Indents the lines of FEAT by nothing.
    FeatFlush,
    /// Lists features that are not there.
    FeatLies,
    /// Knows no OPTS.
    NoOpts,
    /// Says the port of EPSV in another form.
    EpsvForm,
    /// Takes any protocol in EPSV and EPRT.
    AnyProtocol,
    /// Goes on after EPSV ALL.
    AllIgnored,
    /// Knows no delimiter but the bar.
    BarOnly,
    /// Takes spaces away from names.
    Trims,
    /// Says times with blanks.
    TimeForm,
    /// Says the time of another zone.
    TimeZone,
    /// Says a size that is wrong by one.
    SizeWrong,
    /// Says the size in TYPE A that it has in TYPE I.
    SizeAscii,
    /// Sends facts without their semicolon.
    FactForm,
    /// Says type=thing.
    FactType,
    /// Says facts that are nonsense.
    FactNonsense,
    /// Says the same unique for all.
    UniqueSame,
    /// Ignores OPTS MLST.
    OptsIgnored,
    /// Sends MLSD of files.
    MlsdFile,
    /// Takes any mechanism.
    AuthAny,
    /// Knows TLS in upper case only.
    AuthUpper,
    /// Keeps login and parameters at AUTH.
    AuthKeeps,
    /// Obeys what was sent in the clear behind AUTH.
    Injectable,
    /// Takes PROT and PBSZ whenever.
    ProtWhenever,
    /// Takes any PROT.
    ProtAny,
    /// Sends in the clear whatever PROT was.
    ProtIgnored,
    /// Sends under TLS from the beginning.
    AlwaysPrivate,
    /// Ends the session at an empty line.
    EmptyEnds,
    /// Takes CR NUL for the end of a line.
    CrNulEnds,
}
