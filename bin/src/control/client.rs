use std::io::{BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use super::{Order, socket};
use crate::exit::Exit;

/// How long a server may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Octets of the longest answer.
const LONGEST: u64 = 64 * 1024 * 1024;

/// What the server that runs on this store answers; or why none does, and the exit code that says so.
pub(crate) fn ask(store: &Path, order: &Order) -> Result<Value, (Exit, String)> {
    let path = socket(store);
    let failed = |error: std::io::Error| match error.kind() {
        ErrorKind::NotFound | ErrorKind::ConnectionRefused => {
            let message =
                format!("no server runs on the store {} (its configuration says `store`)", store.display());
            (Exit::Unavailable, message)
        }
        ErrorKind::PermissionDenied => (Exit::Permission, format!("{}: {error}", path.display())),
        _ => (Exit::Failure, format!("{}: {error}", path.display())),
    };
    let stream = UnixStream::connect(&path).map_err(failed)?;
    let line = talk(stream, order).map_err(failed)?;
    let answer: Value = serde_json::from_str(&line)
        .map_err(|error| (Exit::Failure, format!("{}: not an answer: {error}", path.display())))?;
    match answer.get("error").and_then(Value::as_str) {
        Some(error) => Err((Exit::Failure, error.to_owned())),
        None => Ok(answer),
    }
}

fn talk(mut stream: UnixStream, order: &Order) -> std::io::Result<String> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(format!("{}\n", serde_json::to_string(order)?).as_bytes())?;
    let mut line = String::new();
    BufReader::new(stream.take(LONGEST)).read_line(&mut line)?;
    Ok(line)
}
