//! Proof that every case can fail, and that it can be passed.
//!
//! A small reference server that keeps to the documents passes every case. Beside it stand broken subjects:
//! mutants of the reference server with one fault each, and servers that do nothing sensible at all. A case that
//! none of them fails claims nothing; a fault that no case finds is a gap in the suite.

mod answer;
mod client;
mod fault;
mod range;
mod reference;
mod request;

use std::fmt;
use std::time::Duration;

use futures_util::future::join_all;
use futures_util::{StreamExt, stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use self::client::ClientFault;
use self::fault::Fault;
pub(crate) use self::fault::faults;
use crate::run::run_case;
use crate::{Case, Expectations, Options, Subject, Suite, dns, ftp, suites, webdav, websocket};

/// What the broken subjects did to the cases.
#[derive(Clone, Debug)]
pub struct Selfcheck {
    killed: Vec<Killed>,
    errors: Vec<String>,
}

#[derive(Clone, Debug)]
struct Killed {
    id: &'static str,
    by: Vec<String>,
}

impl Selfcheck {
    /// Cases that nothing broken fails, cases that the reference server fails, and mutants that no case finds.
    /// `conform selfcheck` fails unless this is empty.
    pub fn errors(&self) -> &[String] {
        &self.errors
    }
}

/// For each case, what fails it: the most telling first.
impl fmt::Display for Selfcheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Killed { id, by } in &self.killed {
            let first: Vec<_> = by.iter().take(4).map(String::as_str).collect();
            let more = by.len().saturating_sub(first.len());
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            writeln!(f, "{id}: {}{more}", first.join(", "))?;
        }
        for error in &self.errors {
            writeln!(f, "error: {error}")?;
        }
        Ok(())
    }
}

/// Runs every case against the reference subject of its suite and every broken subject. The suite `dns` has no reference of
/// its own: [`selfcheck_behind`] proves it.
pub async fn selfcheck() -> Selfcheck {
    let mut check = Selfcheck { killed: Vec::new(), errors: Vec::new() };
    for suite in suites().into_iter().filter(|suite| suite.name != "dns") {
        check.prove(&suite).await;
    }
    check
}

/// [`selfcheck`] of one suite. Cases for clients of HTTP and for FTP use sockets: for them the clock must run.
pub async fn selfcheck_of(suite: &Suite) -> Selfcheck {
    let mut check = Selfcheck { killed: Vec::new(), errors: Vec::new() };
    check.prove(suite).await;
    check
}

/// [`selfcheck`] of the suite `dns`, whose broken subjects are a right server, of the suite's zones and keys, behind relays
/// with one fault each. What the server is known to fail, lacks or does not support is left out. Takes minutes, the fewer the more of
/// the same server there are: each is behind one relay at a time, since cases change its zones. `tell` is told of each case and a
/// fault that fails it, as lines of a table for [`selfcheck_by`].
pub async fn selfcheck_behind(
    suite: &Suite,
    rights: &[Subject],
    known: &Expectations,
    tell: impl Fn(&str),
) -> Selfcheck {
    let Some(first) = rights.first() else {
        return Selfcheck { killed: Vec::new(), errors: vec!["there is no server".into()] };
    };
    let (mut check, mut alive) = behind(suite, first, known).await;
    let mut found: Vec<&'static Case> = Vec::new();
    let names: Vec<_> = dns::selfcheck::mutants(first).iter().map(|it| it.name().to_owned()).collect();
    for batch in names.chunks(rights.len()) {
        let lanes = batch.iter().zip(rights).filter_map(|(name, right)| dns::selfcheck::named(right, name));
        let lanes: Vec<_> = lanes.collect();
        let failed = join_all(lanes.iter().map(|mutant| failing(&alive, mutant))).await;
        for (mutant, mut failed) in lanes.iter().zip(failed) {
            if failed.is_empty() {
                failed = failing(&found, mutant).await;
            }
            if failed.is_empty() {
                check.errors.push(format!(
                    "{}: no case finds what is wrong with {}",
                    suite.name,
                    mutant.name()
                ));
            }
            // What others have failed meanwhile counts where there is nothing else.
            if !failed.iter().any(|case| alive.iter().any(|it| it.id == case.id)) {
                failed.truncate(1);
            }
            for case in failed {
                let at = alive.iter().position(|it| it.id == case.id);
                found.extend(at.map(|at| alive.swap_remove(at)));
                tell(&format!("{}: {}", case.id, mutant.name()));
                check.killed.push(Killed { id: case.id, by: vec![mutant.name().into()] });
            }
        }
    }
    check.errors.extend(alive.iter().map(|case| format!("{}: nothing broken fails it", case.id)));
    check
}

/// [`selfcheck_behind`], where `table` says which case fails which fault: a line `CASE: FAULT` for each. Each case is in it,
/// and each fault, and these pairs are tried and no others. Takes less than a minute.
pub async fn selfcheck_by(suite: &Suite, right: &Subject, known: &Expectations, table: &str) -> Selfcheck {
    let (mut check, alive) = behind(suite, right, known).await;
    let mut faults: Vec<_> = dns::selfcheck::mutants(right);
    // The relay has what the server has, and more.
    let relay = dns::selfcheck::transparent(right);
    let mut pairs = Vec::new();
    for case in alive {
        let fault = table.lines().filter_map(|line| line.split_once(": ")).find(|(id, _)| *id == case.id);
        match fault.and_then(|(_, fault)| dns::selfcheck::named(right, fault)) {
            Some(subject) => pairs.push((case, subject)),
            None => check.errors.push(format!("{}: the table has no fault for it", case.id)),
        }
    }
    for (id, fault) in table.lines().filter_map(|line| line.split_once(": ")) {
        let case = suite.cases.iter().find(|case| case.id == id && relay.lacks(case.needs).is_none());
        if let (Some(case), Some(subject)) = (case, dns::selfcheck::named(right, fault))
            && !pairs.iter().any(|(known, with)| known.id == id && with.name() == fault)
        {
            pairs.push((case, subject));
        }
    }
    let mut tried = stream::iter(pairs)
        .map(|(case, subject)| async move {
            let failed = !failing(&[case], &subject).await.is_empty();
            (case.id, subject, failed)
        })
        .buffer_unordered(AT_ONCE);
    while let Some((id, subject, failed)) = tried.next().await {
        if failed {
            faults.retain(|fault| fault.name() != subject.name());
            check.killed.push(Killed { id, by: vec![subject.name().into()] });
        } else {
            check.errors.push(format!("{id}: {} does not fail it", subject.name()));
        }
    }
    drop(tried);
    check.errors.extend(faults.iter().map(|fault| format!("the table has no case for {}", fault.name())));
    check
}

/// How many cases are tried on broken servers at once.
const AT_ONCE: usize = 24;

/// The cases that the server passes behind a relay without a fault, and what is wrong with others.
async fn behind(suite: &Suite, right: &Subject, known: &Expectations) -> (Selfcheck, Vec<&'static Case>) {
    let mut check = Selfcheck { killed: Vec::new(), errors: Vec::new() };
    let mut alive = Vec::new();
    let options = Options::default().patience(Duration::from_secs(3));
    let reference = dns::selfcheck::transparent(right);
    let cases = suite.cases.iter().copied().filter(|case| known.reason(case.id).is_none());
    let mut rows = stream::iter(cases)
        .map(|case| {
            let (reference, options) = (&reference, &options);
            async move { (case, run_case(case, reference, options).await) }
        })
        .buffered(16);
    while let Some((case, row)) = rows.next().await {
        match row.outcome {
            "fail" => check.errors.push(format!("{}: the relay fails it: {:?}", case.id, row.actual)),
            "skip" => {}
            _ => alive.push(case),
        }
    }
    drop(rows);
    (check, alive)
}

/// The cases that a broken server of DNS fails. What takes longer than a few seconds has failed, as always.
async fn failing(cases: &[&'static Case], subject: &Subject) -> Vec<&'static Case> {
    let options = Options::default().patience(Duration::from_secs(1)).deadline(Duration::from_secs(8));
    stream::iter(cases.iter().copied())
        .map(|case| {
            let options = options.clone();
            async move { (case, run_case(case, subject, &options).await) }
        })
        .buffer_unordered(AT_ONCE)
        .filter_map(async |(case, row)| row.failed().then_some(case))
        .collect()
        .await
}

/// The subject that passes a suite, and those with one fault each.
fn subjects_of(suite: &Suite) -> (Subject, Vec<Subject>) {
    let (reference, mut broken): (_, Vec<_>) = match suite.name {
        "ftp" => (ftp::selfcheck::reference(), ftp::selfcheck::mutants().collect()),
        // A server that speaks no protocol fails every case at its first step, which would prove nothing.
        "webdav" => return (webdav::selfcheck::reference(), webdav::selfcheck::mutants().collect()),
        "websocket" => (websocket::selfcheck::reference(), websocket::selfcheck::mutants().collect()),
        "websocket-client" => {
            (websocket::selfcheck::reference_client(), websocket::selfcheck::mutant_clients().collect())
        }
        "http-client" => {
            let broken = ClientFault::ALL.iter().map(|fault| mutant_client(Some(*fault)));
            let nothing = Subject::client("does nothing", |_| Box::pin(async { Vec::new() }));
            return (mutant_client(None), broken.chain([nothing]).collect());
        }
        _ => (mutant(None), Fault::ALL.iter().map(|fault| mutant(Some(*fault))).collect()),
    };
    broken.extend(senseless());
    (reference, broken)
}

impl Selfcheck {
    async fn prove(&mut self, suite: &Suite) {
        let (reference, broken) = subjects_of(suite);
        // What is tried in real time may have to wait for a processor: longer, and with fewer at once.
        let (patience, impatience, at_once) = match suite.name {
            "http-client" => (10, 4, 4),
            "ftp" => (10, 1, 4),
            _ => (3, 1, 16),
        };
        let patience = Duration::from_secs(patience);
        for (case, failure) in failures(&suite.cases, &reference, patience).await {
            self.errors.push(format!("{}: the reference fails it: {failure}", case.id));
        }
        let mut killed: Vec<_> =
            suite.cases.iter().map(|case| Killed { id: case.id, by: Vec::new() }).collect();
        let mut subjects = stream::iter(broken)
            .map(|subject| async {
                let failed = failures(&suite.cases, &subject, Duration::from_secs(impatience)).await;
                (subject, failed)
            })
            .buffered(at_once);
        while let Some((subject, failed)) = subjects.next().await {
            if failed.is_empty() {
                self.errors.push(format!(
                    "{}: no case finds what is wrong with {}",
                    suite.name,
                    subject.name()
                ));
            }
            for (case, _) in failed {
                if let Some(killed) = killed.iter_mut().find(|killed| killed.id == case.id) {
                    killed.by.push(subject.name().into());
                }
            }
        }
        drop(subjects);
        let alive = killed.iter().filter(|killed| killed.by.is_empty());
        self.errors.extend(alive.map(|killed| format!("{}: nothing broken fails it", killed.id)));
        self.killed.append(&mut killed);
    }
}

async fn failures(
    cases: &[&'static Case],
    subject: &Subject,
    patience: Duration,
) -> Vec<(&'static Case, String)> {
    let options = Options::default().patience(patience);
    stream::iter(cases.iter().copied())
        .map(|case| {
            let options = options.clone();
            async move { (case, run_case(case, subject, &options).await) }
        })
        .buffered(64)
        .filter_map(async |(case, row)| row.failed().then(|| (case, row.actual.unwrap_or_default())))
        .collect()
        .await
}

fn mutant(fault: Option<Fault>) -> Subject {
    let name = fault.map_or("reference".to_owned(), |fault| format!("{fault:?}"));
    Subject::in_process(&name, move |io| reference::serve(io, fault)).with_all()
}

fn mutant_client(fault: Option<ClientFault>) -> Subject {
    let name = fault.map_or("reference".to_owned(), |fault| format!("{fault:?}"));
    Subject::client(&name, move |fetches| Box::pin(client::drive(fetches, fault)))
}

/// Servers that speak no protocol.
fn senseless() -> Vec<Subject> {
    let constant = |name, reply: &'static [u8]| {
        Subject::in_process(name, move |mut io| async move {
            let mut taken = [0; 4096];
            while matches!(io.read(&mut taken).await, Ok(octets) if octets > 0) {
                if io.write_all(reply).await.is_err() {
                    return;
                }
            }
        })
    };
    let subjects = [
        constant("always 200", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
        constant("always 400", b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"),
        constant("garbage", b"\0\x16\xff\r\n\r\n rope \r\n\r\n"),
        Subject::in_process("echo", |mut io| async move {
            let mut taken = [0; 4096];
            while let Ok(octets) = io.read(&mut taken).await {
                let Some(echo) = taken.get(..octets).filter(|echo| !echo.is_empty()) else { return };
                if io.write_all(echo).await.is_err() {
                    return;
                }
            }
        }),
        Subject::in_process("closes at once", |io| async move { drop(io) }),
        Subject::in_process("silent", |mut io| async move {
            let mut taken = [0; 4096];
            while matches!(io.read(&mut taken).await, Ok(octets) if octets > 0) {}
            std::future::pending().await
        }),
    ];
    subjects.map(Subject::with_all).into()
}
