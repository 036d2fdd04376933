//! README.md and the manual, run: every fenced block is tried in the way that its info string says.
//!
//! - `console`: a session in a folder of its own. `$ command` is run, and must succeed; the lines below it are its
//!   output, in which `…` stands for anything. `command &` is a server: the session goes on once it is ready.
//! - `sh serves`: each line is a server that must become ready, and leave when it is interrupted.
//! - `sh ci`: each line stands in `.ci/run`.
//! - `toml`: a configuration that `ropewalk check` finds right.
//! - `LANGUAGE FILE`: a part of that file, word for word.
//!
//! Between `<!-- keys: KIND -->` and `<!-- end -->` stands the table of a kind's keys.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::fmt::Write as _;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// A fenced block: where it is, what it is, and what it says.
struct Block {
    place: String,
    info: String,
    text: String,
}

fn blocks(file: &Path) -> Vec<Block> {
    let text = fs::read_to_string(file).unwrap();
    let mut found: Vec<Block> = Vec::new();
    let mut inside = false;
    for (number, line) in text.lines().enumerate() {
        match line.strip_prefix("```") {
            Some(info) if !inside => {
                let place = format!("{}:{}", file.display(), number + 1);
                found.push(Block { place, info: info.into(), text: String::new() });
                inside = true;
            }
            Some(_) => inside = false,
            None if inside => found.last_mut().unwrap().text.extend([line, "\n"]),
            None => {}
        }
    }
    found
}

fn manual() -> Vec<PathBuf> {
    let docs = fs::read_dir(root().join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = docs.filter(|path| path.extension().is_some_and(|end| end == "md")).collect();
    files.push(root().join("README.md"));
    files.sort();
    files
}

/// A folder of its own for a block, which is its user's home, with the program on the path.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let program = dir.path().join("bin/ropewalk");
        fs::create_dir_all(program.parent().unwrap()).unwrap();
        fs::create_dir_all(dir.path().join("work/site")).unwrap();
        // Tests may be run by root, for whom the manual is not written.
        let text = format!(
            "#!/bin/sh\n[ \"$1\" = run ] && [ \"$(id -u)\" = 0 ] && set -- \"$@\" --allow-root\nexec {} \"$@\"\n",
            env!("CARGO_BIN_EXE_ropewalk")
        );
        fs::write(&program, text).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        Self(dir)
    }

    fn work(&self) -> PathBuf {
        self.0.path().join("work")
    }

    fn bash(&self, script: &str) -> Output {
        let path = format!("{}:{}", self.0.path().join("bin").display(), std::env::var("PATH").unwrap());
        Command::new("bash")
            .args(["-c", script])
            .current_dir(self.work())
            .env_clear()
            .env("PATH", path)
            .env("HOME", self.0.path())
            .output()
            .unwrap()
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// The ports of `ropewalk up`.
const SUITE: [u16; 6] = [2121, 5553, 8080, 8081, 8443, 8853];

/// A number that moves all of them to free ones.
fn offset() -> u16 {
    let is_free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
    (20_000..30_000).step_by(7).find(|offset| SUITE.iter().all(|port| is_free(port + offset))).unwrap()
}

/// The text with the ports that it names replaced by free ones.
fn with_free_ports(text: &str) -> String {
    if text.contains("$ ropewalk up") {
        let offset = offset();
        let text = text.replace("$ ropewalk up", &format!("$ ropewalk up --port-offset {offset}"));
        return SUITE
            .iter()
            .fold(text, |text, port| text.replace(&port.to_string(), &(port + offset).to_string()));
    }
    let ports = ["8080", "8443", "8007", "8000", "8081", "2121", "5553", "5354", "8853"];
    ports.iter().fold(text.to_owned(), |text, port| text.replace(port, &free_port().to_string()))
}

/// Starts servers, waits until they are ready, and ends them with the session.
const PRELUDE: &str = r#"
exec 2>&1
trap 'for job in $(jobs -p); do kill -INT $job 2>/dev/null; done; wait' EXIT
ready() {
    for _ in $(seq 400); do
        grep -q 'application: ready' "$1" && return
        sleep 0.05
    done
    echo "not ready:"; cat "$1"; exit 1
}
"#;

/// Each command and the output that it is said to have.
fn commands(text: &str) -> Vec<(&str, String)> {
    let mut found: Vec<(&str, String)> = Vec::new();
    for line in text.lines() {
        match line.strip_prefix("$ ") {
            Some(command) => found.push((command, String::new())),
            None => found.last_mut().unwrap().1.extend([line, "\n"]),
        }
    }
    found
}

/// Whether the text is as the pattern says, in which `…` stands for anything.
fn fits(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('…') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(first) else { return false };
    let mut pieces: Vec<_> = rest.split('…').collect();
    let last = pieces.pop().unwrap_or_default();
    for piece in pieces {
        let Some((_, after)) = text.split_once(piece) else { return false };
        text = after;
    }
    text.ends_with(last)
}

fn session(block: &Block) -> Result<(), String> {
    let text = with_free_ports(&block.text);
    let commands = commands(&text);
    let mut script = PRELUDE.to_owned();
    for (number, (command, _)) in commands.iter().enumerate() {
        match command.strip_suffix(" &") {
            Some(server) => {
                writeln!(script, "{server} >server{number}.log 2>&1 &\nready server{number}.log").unwrap();
            }
            None => writeln!(script, "{command}").unwrap(),
        }
        writeln!(script, "echo \"@@ $?\"").unwrap();
    }
    let said = String::from_utf8_lossy(&Place::new().bash(&script).stdout).replace('\r', "");
    let mut rest = said.as_str();
    for (command, expected) in &commands {
        let ended = rest.split_once("@@ ").and_then(|(output, rest)| Some((output, rest.split_once('\n')?)));
        let Some((output, ("0", after))) = ended else {
            return Err(format!("$ {command}\nfailed:\n{said}"));
        };
        if !expected.is_empty() && !fits(expected.trim_end(), output.trim_end()) {
            return Err(format!("$ {command}\nexpected:\n{expected}\nsaid:\n{output}"));
        }
        rest = after;
    }
    Ok(())
}

fn serves(block: &Block) -> Result<(), String> {
    for line in block.text.lines() {
        let arguments =
            line.strip_prefix("cargo run --release -- ").ok_or(format!("not a server: {line}"))?;
        let port = match arguments {
            "up" => format!("--port-offset {}", offset()),
            _ => format!("--port {}", free_port()),
        };
        let script = format!(
            "{PRELUDE}ropewalk {arguments} {port} >log 2>&1 & ready log; kill -INT $!; wait $!; exit $?"
        );
        let output = Place::new().bash(&script);
        if !output.status.success() {
            return Err(format!("{line}\n{}", String::from_utf8_lossy(&output.stdout)));
        }
    }
    Ok(())
}

fn in_ci(block: &Block) -> Result<(), String> {
    let ci = fs::read_to_string(root().join(".ci/run")).unwrap();
    let missing = block.text.lines().find(|line| !ci.lines().any(|known| known.starts_with(line)));
    missing.map_or(Ok(()), |line| Err(format!("{line}: not in .ci/run")))
}

fn configuration(block: &Block) -> Result<(), String> {
    let place = Place::new();
    let mut text = block.text.clone();
    if !text.contains("[[service]]") {
        text.push_str("[[service]]\nkind = \"echo\"\nlisten = [\"tcp:8007\"]\n");
    }
    fs::write(place.work().join("ropewalk.toml"), text).unwrap();
    let zone = "@ 1h SOA ns hostmaster 1 2h 30m 2w 5m\n@ 1h NS ns\nns 1h A 192.0.2.1\n";
    for file in ["example.org.zone", "example.net.zone", "inside.zone"] {
        fs::write(place.work().join(file), zone).unwrap();
    }
    let script = "exec 2>&1; ropewalk cert self-signed --cert full.pem --key key.pem && ropewalk user add ann --no-password && ropewalk check";
    let output = place.bash(script);
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stdout).into_owned()) }
}

fn excerpt(block: &Block, file: &str) -> Result<(), String> {
    let path = root().join(file);
    let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    if text.contains(&block.text) { Ok(()) } else { Err(format!("not in {file}:\n{}", block.text)) }
}

fn try_block(block: &Block) -> Result<(), String> {
    match block.info.split_once(' ') {
        None if block.info == "console" => session(block),
        None if block.info == "toml" => configuration(block),
        Some(("sh", "serves")) => serves(block),
        Some(("sh", "ci")) => in_ci(block),
        Some((_, file)) => excerpt(block, file),
        None => Err(format!("nobody knows how to try a block of {:?}", block.info)),
    }
}

/// Whether the foreign programs of the sessions are there; in CI they must be.
fn has_peers() -> bool {
    let mut missing = vec!["curl", "dig", "nc"];
    missing.retain(|name| Command::new(name).arg("-h").output().is_err());
    let required = std::env::var_os("ROPEWALK_REQUIRE_PEERS").is_some();
    assert!(missing.is_empty() || !required, "not installed: {missing:?}");
    if !missing.is_empty() {
        eprintln!("sessions are not tried: not installed: {missing:?}");
    }
    missing.is_empty()
}

#[test]
fn what_the_manual_says_is_so() {
    let all: Vec<_> = manual().iter().flat_map(|file| blocks(file)).collect();
    assert!(all.len() > 15, "the test sees no blocks");
    let peers = has_peers();
    let tried = all.iter().filter(|block| peers || block.info != "console");
    let wrong: Vec<_> =
        tried.filter_map(|block| Some(format!("{}: {}", block.place, try_block(block).err()?))).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn the_steps_of_contributing_stand_in_the_code() {
    let all = blocks(&root().join("CONTRIBUTING.md"));
    let excerpts: Vec<_> = all.iter().filter_map(|b| Some((b, b.info.split_once(' ')?.1))).collect();
    assert!(excerpts.len() > 8, "the test sees no excerpts");
    let wrong: Vec<_> = excerpts.iter().filter_map(|(block, file)| excerpt(block, file).err()).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// The rows for a kind's keys; those that every server has stand with `echo` alone.
fn table(kind: &str) -> String {
    let listed = |kind: &str| {
        let listed = Command::new(env!("CARGO_BIN_EXE_ropewalk")).args(["config", "example", kind]).output();
        String::from_utf8(listed.unwrap().stdout).unwrap()
    };
    let (own, common) = (listed(kind), listed("echo"));
    let mut table = String::from("\n| Key | Type | Default | What it is |\n|---|---|---|---|\n");
    // What a site has besides, it has at the top too.
    let is_again = |line: &str| {
        let above = line.strip_prefix("#   site[].").map(|rest| format!("#   {rest}"));
        above.is_some_and(|above| own.lines().any(|known| known == above))
    };
    let is_common = |line: &str| kind != "echo" && common.lines().any(|known| known == line);
    for line in own.lines().filter(|line| !is_common(line) && !is_again(line)) {
        let Some(key) = line.strip_prefix("#   ") else { continue };
        table.push_str(&row(key));
    }
    table + "\n"
}

/// The row for a key, of the line that the program prints about it.
fn row(key: &str) -> String {
    let (key, rest) = key.split_once(" (").unwrap();
    let (value, doc) = rest.split_once("): ").unwrap();
    let (value, need) = value.split_once(", ").unwrap();
    let need = need.strip_prefix("default ").map_or(need.to_owned(), |value| format!("`{value}`"));
    format!("| `{key}` | {} | {need} | {doc} |\n", value.replace('|', "\\|"))
}

/// The rows for the keys at the top that are of no service.
fn top() -> String {
    let mut table = String::from("\n| Key | Type | Default | What it is |\n|---|---|---|---|\n");
    let log = ["log.level", "log.format", "log.file", "log.rotation", "log.keep"];
    let defender = ["threshold", "half_life", "ban", "longest", "allow", "local", "dry_run"];
    let defender = defender.map(|key| format!("defender.{key}"));
    let others = ["admin.listen", "store"];
    let keys = ["drain"].into_iter().chain(log).chain(others).chain(defender.iter().map(String::as_str));
    for key in keys {
        let said = Command::new(env!("CARGO_BIN_EXE_ropewalk")).args(["config", "explain", key]).output();
        let said = String::from_utf8(said.unwrap().stdout).unwrap();
        let line = said.lines().find_map(|line| line.strip_prefix("at the top: "));
        table.push_str(&row(line.unwrap_or_else(|| panic!("{key}: {said}"))));
    }
    table + "\n"
}

/// `ROPEWALK_WRITE_DOCS=1` writes the tables instead.
#[test]
fn the_tables_of_keys_are_those_of_the_program() {
    let mut seen = 0;
    for file in manual() {
        let text = fs::read_to_string(&file).unwrap();
        let mut parts = text.split("<!-- keys: ");
        let mut right = parts.next().unwrap().to_owned();
        for part in parts {
            seen += 1;
            let (kind, rest) = part.split_once(" -->\n").unwrap();
            let (_, after) = rest.split_once("<!-- end -->").unwrap();
            let table = if kind == "top" { top() } else { table(kind) };
            write!(right, "<!-- keys: {kind} -->\n{table}<!-- end -->{after}").unwrap();
        }
        if std::env::var_os("ROPEWALK_WRITE_DOCS").is_some() {
            fs::write(&file, right).unwrap();
        } else {
            assert!(right == text, "{}: ROPEWALK_WRITE_DOCS=1 mends it", file.display());
        }
    }
    assert_eq!(seen, 10);
}
