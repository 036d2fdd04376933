//! The table of replies, command by command: without a login, without an argument.

use super::super::client::Client;
use crate::case::{Verdict, cases};
use crate::{Outcome, Peer};

/// Before the login, the command is refused by a reply of its row.
async fn before_login(peer: &mut Peer, command: &str) -> Verdict {
    let verb = command.split(' ').next().unwrap_or_default();
    let mut client = Client::greeted(peer).await?;
    client.ask(command).await?.refuses_by_table(verb)
}

/// Without its argument, the command is refused by a reply of its row.
async fn without_argument(peer: &mut Peer, verb: &str) -> Verdict {
    let mut client = Client::ready(peer).await?;
    client.ask(verb).await?.refuses_by_table(verb)?;
    client.is_usable().await
}

cases! {
    /// CWD before the login is refused.
    Must "ftp/959/5.4/cwd-before-login" = async |peer| { before_login(peer, "CWD /").await }

    /// CDUP before the login is refused.
    Must "ftp/959/5.4/cdup-before-login" = async |peer| { before_login(peer, "CDUP").await }

    /// PASV before the login is refused.
    Must "ftp/959/5.4/pasv-before-login" = async |peer| { before_login(peer, "PASV").await }

    /// PORT before the login is refused.
    Must "ftp/959/5.4/port-before-login" = async |peer| { before_login(peer, "PORT 127,0,0,1,200,1").await }

    /// RETR before the login is refused.
    Must "ftp/959/5.4/retr-before-login" = async |peer| { before_login(peer, "RETR hello.txt").await }

    /// STOR before the login is refused.
    Must "ftp/959/5.4/stor-before-login" = async |peer| { before_login(peer, "STOR a").await }

    /// STOU before the login is refused.
    Must "ftp/959/5.4/stou-before-login" = async |peer| { before_login(peer, "STOU").await }

    /// APPE before the login is refused.
    Must "ftp/959/5.4/appe-before-login" = async |peer| { before_login(peer, "APPE a").await }

    /// LIST before the login is refused.
    Must "ftp/959/5.4/list-before-login" = async |peer| { before_login(peer, "LIST").await }

    /// NLST before the login is refused.
    Must "ftp/959/5.4/nlst-before-login" = async |peer| { before_login(peer, "NLST").await }

    /// RNFR before the login is refused.
    Must "ftp/959/5.4/rnfr-before-login" = async |peer| { before_login(peer, "RNFR hello.txt").await }

    /// DELE before the login is refused.
    Must "ftp/959/5.4/dele-before-login" = async |peer| { before_login(peer, "DELE hello.txt").await }

    /// RMD before the login is refused.
    Must "ftp/959/5.4/rmd-before-login" = async |peer| { before_login(peer, "RMD dir").await }

    /// MKD before the login is refused.
    Must "ftp/959/5.4/mkd-before-login" = async |peer| { before_login(peer, "MKD a").await }

    /// STAT of a file before the login is refused.
    Must "ftp/959/5.4/stat-before-login" = async |peer| { before_login(peer, "STAT hello.txt").await }

    /// REST before the login is refused.
    Should "ftp/959/5.4/rest-before-login" = async |peer| { before_login(peer, "REST 1").await }

    /// PWD before the login is refused.
    Must "ftp/959/5.4/pwd-before-login" = async |peer| {
        // The row of PWD has no 530, which is forgotten there: nobody has a folder yet.
        Client::greeted(peer).await?.ask("PWD").await?.is(&[500, 501, 502, 421, 530, 550])
    }

    /// NOOP is answered before the login.
    Should "ftp/959/5.4/noop-before-login" = async |peer| {
        Client::greeted(peer).await?.ask("NOOP").await?.is(&[200])
    }

    /// SYST is answered before the login, as its row has no 530.
    Should "ftp/959/5.4/syst-before-login" = async |peer| {
        Client::greeted(peer).await?.ask("SYST").await?.is_in_table("SYST")
    }

    /// USER without a name is refused.
    Must "ftp/959/5.4/user-empty" = async |peer| {
        Client::greeted(peer).await?.ask("USER").await?.refuses_by_table("USER")
    }

    /// CWD without a path is refused, or leads to where one begins.
    May "ftp/959/5.4/cwd-empty" [Account] = async |peer| {
        let reply = Client::ready(peer).await?.ask("CWD").await?;
        reply.is_in_table("CWD")?;
        Ok(Outcome::Choice(if reply.code == 250 { "goes back" } else { "refuses" }))
    }

    /// TYPE without a code is refused.
    Must "ftp/959/5.4/type-empty" [Account] = async |peer| { without_argument(peer, "TYPE").await }

    /// MODE without a code is refused.
    Must "ftp/959/5.4/mode-empty" [Account] = async |peer| { without_argument(peer, "MODE").await }

    /// STRU without a code is refused.
    Must "ftp/959/5.4/stru-empty" [Account] = async |peer| { without_argument(peer, "STRU").await }

    /// PORT without an address is refused.
    Must "ftp/959/5.4/port-empty" [Account] = async |peer| { without_argument(peer, "PORT").await }

    /// REST without a marker is refused.
    Should "ftp/959/5.4/rest-empty" [Account] = async |peer| { without_argument(peer, "REST").await }

    /// RETR without a name is refused.
    Must "ftp/959/5.4/retr-empty" [Account] = async |peer| { without_argument(peer, "RETR").await }

    /// STOR without a name is refused.
    Must "ftp/959/5.4/stor-empty" [Account] = async |peer| { without_argument(peer, "STOR").await }

    /// APPE without a name is refused.
    Must "ftp/959/5.4/appe-empty" [Account] = async |peer| { without_argument(peer, "APPE").await }

    /// RNFR without a name is refused.
    Must "ftp/959/5.4/rnfr-empty" [Account] = async |peer| { without_argument(peer, "RNFR").await }

    /// DELE without a name is refused.
    Must "ftp/959/5.4/dele-empty" [Account] = async |peer| { without_argument(peer, "DELE").await }

    /// MKD without a name is refused.
    Must "ftp/959/5.4/mkd-empty" [Account] = async |peer| { without_argument(peer, "MKD").await }

    /// RMD without a name is refused.
    Must "ftp/959/5.4/rmd-empty" [Account] = async |peer| { without_argument(peer, "RMD").await }
}
