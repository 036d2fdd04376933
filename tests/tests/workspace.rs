//! The rules of the workspace: who may import whom, what is linked, under which licence, how long a file is.

#![expect(clippy::unwrap_used, reason = "a test that cannot read the workspace has failed")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use cargo_metadata::{CargoOpt, DependencyKind, Metadata, MetadataCommand, Node, PackageId};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// What is built on Linux, with every feature.
fn metadata() -> Metadata {
    MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .features(CargoOpt::AllFeatures)
        .other_options(["--locked", "--filter-platform", "x86_64-unknown-linux-gnu"].map(String::from))
        .exec()
        .unwrap()
}

/// Every `.rs` file in the `src` directories of the members.
fn sources(metadata: &Metadata) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for package in metadata.workspace_packages() {
        walk(package.manifest_path.parent().unwrap().join("src").as_std_path(), &mut found);
    }
    found.sort();
    found
}

fn walk(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
}

/// Who may import whom: core is below all, the binary above all, and nothing else knows a neighbour. The cargo
/// tests of this crate may use what they test.
fn may_import(from: &str, to: &str, kind: DependencyKind) -> bool {
    match (from, to) {
        // The packages in `examples/` import as a third party does.
        (example, _) if !example.starts_with("ropewalk") => true,
        (_, "ropewalk") | ("ropewalk-core", _) => false,
        ("ropewalk", _) | (_, "ropewalk-core") => true,
        ("ropewalk-conformance", _) => kind == DependencyKind::Development,
        _ => false,
    }
}

#[test]
fn crates_import_only_what_is_below_them() {
    let metadata = metadata();
    let members: BTreeSet<_> =
        metadata.workspace_packages().iter().map(|package| package.name.to_string()).collect();
    let mut wrong = Vec::new();
    for package in metadata.workspace_packages() {
        for dependency in package.dependencies.iter().filter(|d| members.contains(&d.name)) {
            if !may_import(&package.name, &dependency.name, dependency.kind) {
                wrong.push(format!("{} imports {} ({:?})", package.name, dependency.name, dependency.kind));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The rooms of the core, each with the rooms that it may import.
const ROOMS: &[(&str, &[&str])] = &[
    ("sansio", &[]),
    ("data", &[]),
    ("telemetry", &[]),
    ("tls", &[]),
    ("net", &["tls", "telemetry"]),
    ("app", &["data", "net", "sansio", "telemetry", "tls"]),
    ("policy", &["app", "data", "net", "sansio", "telemetry", "tls"]),
    ("config", &["app", "data", "net", "policy", "sansio", "telemetry", "tls"]),
];

/// The first names behind `crate::` in a source without its comments and tests.
fn crate_paths(source: &str) -> Vec<String> {
    let source = source.split("#[cfg(test)]").next().unwrap_or_default();
    let code: Vec<_> = source.lines().map(|line| line.split("//").next().unwrap_or_default()).collect();
    let code = code.join("\n");
    let ident =
        |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let mut found = Vec::new();
    for after in code.split("crate::").skip(1) {
        let Some(group) = after.strip_prefix('{') else {
            found.push(ident(after));
            continue;
        };
        let (mut depth, mut name) = (1, String::new());
        for c in group.chars() {
            depth += i32::from(c == '{') - i32::from(c == '}');
            if depth == 0 || (depth == 1 && c == ',') {
                found.push(ident(name.trim()));
                name.clear();
                if depth == 0 {
                    break;
                }
            } else {
                name.push(c);
            }
        }
    }
    found
}

#[test]
fn grouped_and_single_imports_are_seen() {
    let source = "use crate::{net::{Connection, x}, tls};\nuse crate::app;\n// crate::config\nfn f(a: crate::Error) {}";
    assert_eq!(crate_paths(source), ["net", "tls", "app", "Error"]);
}

#[test]
fn rooms_of_the_core_import_only_what_is_below_them() {
    let core = root().join("core/src");
    let mut wrong = Vec::new();
    for (room, may) in ROOMS {
        let mut files = Vec::new();
        walk(&core.join(room), &mut files);
        for file in files {
            for name in crate_paths(&fs::read_to_string(&file).unwrap()) {
                let is_room = ROOMS.iter().any(|(other, _)| *other == name);
                if is_room && name != *room && !may.contains(&name.as_str()) {
                    wrong.push(format!("{}: {room} imports {name}", file.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn aws_lc_is_the_only_crypto_provider() {
    let metadata = metadata();
    let built: BTreeSet<_> = linked(&metadata);
    for provider in ["ring", "openssl", "openssl-sys", "boring", "boring-sys", "native-tls", "rustls-openssl"]
    {
        assert!(!built.contains(provider), "{provider} is built");
    }
    assert!(built.contains("aws-lc-rs"), "aws-lc-rs is not built: does the test still see anything?");
}

/// The names of all packages that are built. `cargo metadata` also lists optional dependencies that only a weak
/// feature (`ring?/std`) names; those are built only where another feature asks for them.
fn linked(metadata: &Metadata) -> BTreeSet<String> {
    let nodes = &metadata.resolve.as_ref().unwrap().nodes;
    let node = |id: &PackageId| nodes.iter().find(|node| node.id == *id).unwrap();
    let mut todo: Vec<_> = metadata.workspace_members.iter().collect();
    let mut seen = BTreeSet::new();
    while let Some(id) = todo.pop() {
        if seen.insert(id) {
            let node = node(id);
            todo.extend(node.deps.iter().map(|dep| &dep.pkg).filter(|pkg| is_on(metadata, node, pkg)));
        }
    }
    seen.into_iter().map(|id| metadata[id].name.to_string()).collect()
}

fn is_on(metadata: &Metadata, node: &Node, pkg: &PackageId) -> bool {
    let package = &metadata[&node.id];
    let asks = |name: &str, what: &str| {
        what == name || what == format!("dep:{name}") || what.starts_with(&format!("{name}/"))
    };
    package.dependencies.iter().filter(|dep| dep.name == *metadata[pkg].name).any(|dep| {
        let name = dep.rename.as_ref().unwrap_or(&dep.name);
        let by = |feature: &String| {
            package.features.get(feature).into_iter().flatten().any(|what| asks(name, what))
        };
        !dep.optional || node.features.iter().any(|feature| **feature == *name || by(feature))
    })
}

const LICENCES: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "OpenSSL",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Whether an SPDX expression can be met by licences on the list alone.
fn is_allowed(expression: &str) -> bool {
    let expression = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let mut words: Vec<&str> = expression.split_whitespace().rev().collect();
    any_of(&mut words) && words.is_empty()
}

fn any_of(words: &mut Vec<&str>) -> bool {
    let mut met = all_of(words);
    while words.last() == Some(&"OR") {
        words.pop();
        met |= all_of(words);
    }
    met
}

fn all_of(words: &mut Vec<&str>) -> bool {
    let mut met = one(words);
    while words.last() == Some(&"AND") {
        words.pop();
        met &= one(words);
    }
    met
}

fn one(words: &mut Vec<&str>) -> bool {
    match words.pop() {
        Some("(") => any_of(words) && words.pop() == Some(")"),
        Some(licence) if words.last() == Some(&"WITH") => {
            words.pop();
            let exception = words.pop().unwrap_or_default();
            LICENCES.contains(&format!("{licence} WITH {exception}").as_str())
        }
        Some(licence) => LICENCES.contains(&licence),
        None => false,
    }
}

#[test]
fn licence_expressions_are_understood() {
    for allowed in [
        "MIT",
        "MIT/Apache-2.0",
        "GPL-3.0 OR MIT",
        "(MIT OR GPL-2.0) AND Unicode-3.0",
        "ISC AND (Apache-2.0 OR ISC)",
    ] {
        assert!(is_allowed(allowed), "{allowed}");
    }
    for refused in ["GPL-3.0", "MIT AND GPL-3.0", "MPL-2.0", "", "(MIT"] {
        assert!(!is_allowed(refused), "{refused}");
    }
}

#[test]
fn every_licence_is_on_the_list() {
    let metadata = metadata();
    let built = linked(&metadata);
    let packages = metadata.packages.iter().filter(|package| built.contains(package.name.as_str()));
    let wrong: Vec<_> = packages
        .filter(|package| !package.license.as_deref().is_some_and(is_allowed))
        .map(|package| format!("{} {}: {:?}", package.name, package.version, package.license))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_file_is_longer_than_450_lines() {
    let files = sources(&metadata());
    assert!(files.len() > 20, "the test sees no files");
    let lines = |file: &Path| fs::read_to_string(file).unwrap().lines().count();
    let long: Vec<_> = files.iter().filter(|file| lines(file) > 450).collect();
    assert!(long.is_empty(), "{long:?}");
}
