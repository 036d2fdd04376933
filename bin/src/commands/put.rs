//! `ropewalk put`: a file, sent.

use std::path::{Path, PathBuf};

use clap::Args;
use ropewalk_http::client::{Client, basic};
use ropewalk_http::{HeaderValue, HttpRequest, Method, StatusCode, header};

use super::fetch::{Stop, clean, input, open};
use super::remote::{Reach, is_watched};
use crate::exit::Exit;

/// `ropewalk put`.
#[derive(Args, Clone, Debug)]
pub(crate) struct PutArgs {
    /// The file to send; `-` is standard input.
    file: PathBuf,
    /// Where to, of ftp, ftps, http or https. Where it ends in `/`, the file keeps its name.
    url: String,
    /// Go on behind what the server has of it already. Over FTP only.
    #[arg(long, short = 'C')]
    resume: bool,
    /// Fail where there is such a file already.
    #[arg(long, short, conflicts_with = "resume")]
    no_clobber: bool,
    /// Show no progress.
    #[arg(long, short)]
    quiet: bool,
    #[command(flatten)]
    reach: Reach,
}

/// Sends a file.
pub(crate) fn run(args: &PutArgs) -> Exit {
    let mut args = args.clone();
    let asked = args.reach.ask(&args.url);
    let args = &args;
    let mut is_ftp = false;
    let done = args.reach.run(async {
        asked?;
        is_ftp = super::remote::is_ftp(&args.url)?;
        match is_ftp {
            #[cfg(feature = "ftp")]
            true => ftp::put(args).await,
            _ => put(args).await,
        }
    });
    done.unwrap_or_else(|stop| {
        let left = match (stop.exit, is_ftp) {
            (Exit::Interrupted, true) if !is_input(&args.file) => {
                ": not all of the file was sent; --resume goes on behind what the server has kept of it"
            }
            (Exit::Interrupted, _) => ": not all of the file was sent",
            _ => "",
        };
        eprintln!("error: {}{left}", clean(&stop.message));
        stop.exit
    })
}

fn is_input(file: &Path) -> bool {
    file.as_os_str() == "-"
}

/// The name that the file keeps.
fn name(args: &PutArgs) -> Result<&[u8], Stop> {
    let name = args.file.file_name().filter(|_| !is_input(&args.file));
    name.map(|name| name.as_encoded_bytes())
        .ok_or_else(|| Stop::new(Exit::Usage, "what is sent has no name: let the URL end in one"))
}

async fn put(args: &PutArgs) -> Result<Exit, Stop> {
    if args.resume {
        return Err(Stop::new(Exit::Usage, "--resume means nothing over HTTP"));
    }
    let url = match args.url.ends_with('/') {
        true => format!("{}{}", args.url, escaped(name(args)?)),
        false => args.url.clone(),
    };
    let watched = is_watched(args.quiet);
    let content = if is_input(&args.file) { input(watched) } else { open(&args.file, watched).await? };
    let mut request = HttpRequest::new(content);
    *request.method_mut() = Method::PUT;
    *request.uri_mut() = Client::url(&url)?;
    let fields = request.headers_mut();
    if let Some(user) = &args.reach.user {
        let (name, password) = user.split_once(':').unwrap_or((user, ""));
        fields.insert(header::AUTHORIZATION, basic(name, password));
    }
    if args.no_clobber {
        fields.insert(header::IF_NONE_MATCH, HeaderValue::from_static("*"));
    }
    let answer = Client::with(args.reach.http()?).request(request).await?;
    let status = answer.status();
    match status {
        status if status.is_success() => Ok(Exit::Ok),
        StatusCode::PRECONDITION_FAILED if args.no_clobber => Err(there()),
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
            Err(refused(Exit::TryLater, status))
        }
        _ => Err(refused(Exit::Failure, status)),
    }
}

fn there() -> Stop {
    Stop::new(Exit::Failure, "there is such a file already")
}

fn refused(exit: Exit, status: StatusCode) -> Stop {
    let reason = status.canonical_reason().unwrap_or("a status without a name");
    Stop::new(exit, format!("the server answers {} {reason}", status.as_u16()))
}

/// A name as a part of a URL.
fn escaped(name: &[u8]) -> String {
    name.iter()
        .map(|byte| match byte {
            byte if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) => char::from(*byte).to_string(),
            byte => format!("%{byte:02X}"),
        })
        .collect()
}

#[cfg(feature = "ftp")]
mod ftp {
    use std::io::{ErrorKind, SeekFrom};

    use ropewalk_core::Error;
    use ropewalk_ftp::client::{Client, Store, Url};
    use tokio::fs::File;
    use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncSeekExt as _};

    use super::super::fetch::Progress;
    use super::{PutArgs, Stop, is_input, is_watched, name, there};
    use crate::exit::Exit;

    /// Octets that are read at once.
    const CHUNK: usize = 256 * 1024;

    pub(super) async fn put(args: &PutArgs) -> Result<Exit, Stop> {
        let mut url: Url = args.url.parse()?;
        if url.name().is_none() {
            url.path.extend_from_slice(name(args)?);
        }
        if is_input(&args.file) && args.resume {
            return Err(Stop::new(
                Exit::Usage,
                "--resume needs a file: of standard input nothing can be left out",
            ));
        }
        let failed = |error: std::io::Error| {
            Error::local(format!("cannot read {}", args.file.display())).caused_by(error)
        };
        // Before anything is asked: a file that cannot be read is no reason to make one there.
        let file = match is_input(&args.file) {
            true => None,
            false => {
                let file = File::open(&args.file).await.map_err(failed)?;
                if file.metadata().await.map_err(failed)?.is_dir() {
                    return Err(failed(ErrorKind::IsADirectory.into()).into());
                }
                Some(file)
            }
        };
        let mut client = args.reach.ftp(&url).await?;
        let has = if args.resume || args.no_clobber { size(&mut client, &url).await? } else { None };
        if args.no_clobber && has.is_some() {
            return Err(there());
        }
        match file {
            None => send(args, &mut client, &url, tokio::io::stdin(), 0, None).await?,
            Some(mut file) => {
                let found = file.metadata().await.map_err(failed)?;
                let mut from = if args.resume { has.unwrap_or(0) } else { 0 };
                if found.is_file() && from > found.len() {
                    let says = format!("the server has {from} octets, and the file {}", found.len());
                    return Err(Stop::new(Exit::Failure, says));
                }
                let tell = |what: &str| {
                    if !args.quiet {
                        eprintln!("{what}");
                    }
                };
                // The server may have something else by this name: one that keeps no half of an upload has what was there before.
                if from > 0 {
                    match client.begins_with(&url.path, &mut file, from).await? {
                        Some(true) => {}
                        Some(false) => {
                            tell("what the server has is not the beginning of the file: sending all of it");
                            from = 0;
                        }
                        None => {
                            tell("the server computes no digests: that what it has is the same is not known")
                        }
                    }
                }
                if from > 0 && from == found.len() {
                    tell(&format!("{} is there", args.file.display()));
                    return Ok(Exit::Ok);
                }
                file.seek(SeekFrom::Start(from)).await.map_err(failed)?;
                let more = found.is_file().then(|| found.len() - from);
                send(args, &mut client, &url, file, from, more).await?;
            }
        }
        // What was sent is there.
        if let Err(error) = client.quit().await {
            tracing::debug!(?error, "quit");
        }
        Ok(Exit::Ok)
    }

    /// The length of what is there; nothing where the server knows no such file.
    async fn size(client: &mut Client, url: &Url) -> Result<Option<u64>, Stop> {
        match client.size(&url.path).await {
            Ok(size) => Ok(Some(size)),
            Err(error) if error.code() == Some(550) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    async fn send(
        args: &PutArgs,
        client: &mut Client,
        url: &Url,
        mut content: impl AsyncRead + Unpin,
        from: u64,
        more: Option<u64>,
    ) -> Result<(), Stop> {
        let how = if from > 0 { Store::Resume(from) } else { Store::Replace };
        let mut upload = client.store(&url.path, how).await?;
        let mut progress = is_watched(args.quiet).then(|| Progress::new(from, more));
        let mut buffer = vec![0; CHUNK];
        loop {
            let read = match content.read(&mut buffer).await {
                Ok(0) => break,
                Ok(octets) => buffer.get(..octets).unwrap_or_default(),
                Err(error) => {
                    // What has gone is not all, and must not be taken for it.
                    if let Err(error) = upload.abort().await {
                        tracing::debug!(?error, "abort");
                    }
                    let says = format!("cannot read {}", args.file.display());
                    return Err(Error::local(says).caused_by(error).into());
                }
            };
            upload.write(read).await?;
            if let Some(progress) = &mut progress {
                progress.add(read.len() as u64);
            }
        }
        upload.finish().await?;
        if let Some(progress) = progress {
            progress.end();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn a_name_is_one_part_of_a_url() {
        assert_eq!(escaped(b"a b/../c?d#e%\xff"), "a%20b%2F..%2Fc%3Fd%23e%25%FF");
    }
}
