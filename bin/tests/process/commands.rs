use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;

use crate::daemon::{Folder, done, free_port, ropewalk, run};

#[test]
fn a_misspelt_command_is_a_usage_error_with_the_nearest_one() {
    run(["chekc"]).says(2, &["there is no command `chekc`", "did you mean `check`?"]);
    run([""; 0]).says(2, &["Usage:"]);
    run(["--help"]).says(0, &["web", "echo", "Exit codes"]);
    run(["echo", "--listen", "tcp:99999"]).says(2, &["99999"]);
    run(["echo", "--umask", "9"]).says(2, &["octal"]);
    run(["echo", "--threads", "2", "--runtime", "current-thread"]).says(2, &["--runtime multi-thread"]);
}

#[test]
fn a_program_on_the_path_gets_its_arguments_and_gives_its_exit_code() {
    let folder = Folder::new();
    let script = folder.write("ropewalk-hello", "#!/bin/sh\necho \"$#:$*\"\nexit 7\n");
    std::fs::set_permissions(script, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:/usr/bin:/bin", folder.path().display());
    let said = done(ropewalk(["hello", "--flag", "two words", "+", "echo"]).env("PATH", path));
    said.says(7, &["4:--flag two words + echo"]);
}

#[test]
fn kinds_are_listed_for_people_and_for_programs() {
    run(["kinds"]).says(0, &["echo", "http", "tls"]);
    let listed: serde_json::Value = serde_json::from_str(&run(["kinds", "--json"]).out).unwrap();
    assert_eq!(listed["version"], 1);
    assert!(listed["services"].as_array().unwrap().iter().any(|kind| kind["name"] == "echo"));
}

#[test]
fn completions_and_manual_pages_know_the_commands() {
    for shell in ["bash", "zsh", "fish"] {
        run(["completions", shell]).says(0, &["ropewalk", "print-config"]);
    }
    let folder = Folder::new();
    done(ropewalk(["man"]).arg(folder.path())).says(0, &[]);
    assert!(folder.read("ropewalk-web.1").contains("\\-\\-print\\-config"));
    assert!(folder.read("ropewalk.1").contains(".TH"));
    folder.write("file", "");
    done(ropewalk(["man"]).arg(folder.join("file/below"))).says(1, &["cannot write manual pages"]);
}

#[test]
fn whoever_has_read_enough_of_the_completions_ends_them_quietly() {
    let mut command = ropewalk(["completions", "bash"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let ended = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success() && said.is_empty(), "{:?} {said}", ended.status);
}

#[test]
fn what_is_missing_on_a_command_line_is_named() {
    run(["web", "--port", "0", "+"]).says(2, &["it stands between two servers"]);
    run(["web", "--port", "0", "--accounts", "nofile"]).says(
        2,
        &["--accounts nofile: there is no /", "/nofile; `", "ropewalk user add NAME --store nofile`"],
    );
    run(["ban", "add", "192.0.2.1", "--for", "0s"]).says(2, &["a ban lasts a second at least"]);
    let folder = Folder::new();
    let add = |name: &str| {
        let mut add = ropewalk(["user", "add", name, "--no-password", "--quota", "5GB"]);
        done(add.arg("--store").arg(folder.join("data")))
    };
    add("ann").says(0, &["made a new store in ", "/data"]);
    assert!(!add("bob").err.contains("made a new store"));
    run(["user", "add", "ann", "--no-password", "--quota", "5 apples"]).says(2, &["5 apples", "GiB"]);
}

#[test]
fn the_version_names_what_was_built_in() {
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(run(["version"]).out, format!("ropewalk {version}\n"));
    run(["version", "--verbose"]).says(0, &[version, "features: ", "aws-lc-rs"]);
}

#[test]
fn a_check_of_nobody_is_one_line_and_a_report_of_no_form_is_refused_before() {
    let at = format!("127.0.0.1:{}", free_port());
    let said = run(["conform", "http", "--against", &at]);
    said.says(69, &["error: cannot connect to ", &at, "refused"]);
    assert_eq!((said.err.lines().count(), said.out.as_str()), (1, ""), "{said:?}");
    let said = run(["conform", "http", "--against", &at, "--report", "out.txt"]);
    said.says(2, &["out.txt", "a report is .json, .xml or .md"]);
}
