use std::path::PathBuf;

use clap::{Args, Subcommand};
use ropewalk_core::tls::{CertSource, Issued, LocalCa, self_signed};
use ropewalk_core::{Error, Result};
use toml::{Table, Value};

use crate::exit::Exit;

/// The names of this machine as seen from itself.
pub(crate) const LOCAL: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// `ropewalk cert`.
#[derive(Args)]
pub(crate) struct CertArgs {
    #[command(subcommand)]
    command: CertCommand,
}

#[derive(Subcommand)]
enum CertCommand {
    /// Make a certificate that is signed by its own key.
    SelfSigned(Output),
    /// Make a certificate of this user's own local authority, which browsers can be told to trust.
    Local {
        #[command(flatten)]
        output: Output,
        /// The folder of the authority; made where there is none.
        #[arg(long, value_name = "DIR")]
        ca: Option<PathBuf>,
    },
    /// Print where the local authority's certificate is, for clients to trust.
    Ca {
        /// The folder of the authority; made where there is none.
        #[arg(long, value_name = "DIR")]
        ca: Option<PathBuf>,
    },
}

#[derive(Args)]
struct Output {
    /// A DNS name or IP address that the certificate is for; this machine's own names if none is given.
    #[arg(long = "name", value_name = "NAME")]
    names: Vec<String>,
    /// The file of the certificate. An existing one is not overwritten.
    #[arg(long, default_value = "cert.pem", value_name = "FILE")]
    cert: PathBuf,
    /// The file of its key. An existing one is not overwritten.
    #[arg(long, default_value = "key.pem", value_name = "FILE")]
    key: PathBuf,
}

/// Makes certificates.
pub(crate) fn run(args: &CertArgs) -> Exit {
    let made = match &args.command {
        CertCommand::SelfSigned(output) => self_signed(&output.names()).and_then(|made| output.write(&made)),
        CertCommand::Local { output, ca } => authority(ca.as_ref())
            .and_then(|authority| authority.issue(&output.names()))
            .and_then(|made| output.write(&made)),
        CertCommand::Ca { ca } => authority(ca.as_ref()).map(|ca| outln!("{}", ca.path().display())),
    };
    made.map_or_else(|error| super::fail(&error), |()| Exit::Ok)
}

impl Output {
    fn names(&self) -> Vec<String> {
        if self.names.is_empty() { LOCAL.map(str::to_owned).to_vec() } else { self.names.clone() }
    }

    fn write(&self, made: &Issued) -> Result<()> {
        made.write(&self.cert, &self.key)?;
        outln!("{} and {} are for {}", self.cert.display(), self.key.display(), self.names().join(", "));
        Ok(())
    }
}

/// The user's own authority: below the user's data, or below this folder for users who have no home.
fn authority(dir: Option<&PathBuf>) -> Result<LocalCa> {
    let data = || {
        let own = std::env::var_os("XDG_DATA_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
        let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/share"));
        own.or_else(home).map_or_else(|| PathBuf::from("ropewalk-data/ca"), |data| data.join("ropewalk/ca"))
    };
    LocalCa::open(&dir.cloned().unwrap_or_else(data))
}

/// The `[tls.NAME]` section behind `--tls auto`, and the authority's certificate to trust.
pub(crate) fn auto() -> Result<(Table, PathBuf), String> {
    let kept = || {
        let authority = authority(None)?;
        match authority.keep(&LOCAL.map(str::to_owned))? {
            CertSource::Files { cert, key, .. } => Ok((cert, key, authority.path().to_owned())),
            _ => Err(Error::local("the authority keeps no files")),
        }
    };
    let (cert, key, authority) = kept().map_err(|error| error.chain())?;
    let text = |path: PathBuf| {
        path.to_str().map(Value::from).ok_or_else(|| format!("{} is not UTF-8", path.display()))
    };
    let table = Table::from_iter([("cert".to_owned(), text(cert)?), ("key".to_owned(), text(key)?)]);
    Ok((table, authority))
}
