//! What to type for this program, so that a command which it prints can be pasted.

use std::borrow::Cow;
use std::env;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// What the program is called where the shell finds it.
const NAME: &str = "ropewalk";

/// The program as it is typed in the shell that has started it: `ropewalk` where that is this very executable, else the path that it
/// was started by.
pub(crate) fn program() -> &'static str {
    static PROGRAM: OnceLock<String> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let here = env::current_dir().unwrap_or_default();
        let this = env::current_exe().unwrap_or_else(|_| NAME.into());
        let typed = env::args_os().next().unwrap_or_default();
        typed_as(&typed, &this, env::var_os("PATH").as_deref().unwrap_or(OsStr::new("/usr/bin:/bin")), &here)
    })
}

fn typed_as(typed: &OsStr, this: &Path, path: &OsStr, here: &Path) -> String {
    if found(path, here).is_some_and(|found| is_same(&found, this)) {
        return NAME.into();
    }
    let typed = Path::new(typed);
    let has_slash = typed.as_os_str().as_bytes().contains(&b'/');
    let by = if has_slash && here.join(typed).exists() { typed } else { this };
    let below = by.strip_prefix(here).unwrap_or(by);
    // Without a slash the shell would look elsewhere.
    let is_bare = below.components().count() == 1 && !below.as_os_str().as_bytes().contains(&b'/');
    let below = if is_bare { Path::new(".").join(below) } else { below.to_owned() };
    quoted(&below.to_string_lossy()).into_owned()
}

/// What a shell runs for the name.
fn found(path: &OsStr, here: &Path) -> Option<PathBuf> {
    let is_program = |file: &PathBuf| {
        fs::metadata(file).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
    };
    env::split_paths(path).map(|dir| here.join(dir).join(NAME)).find(is_program)
}

fn is_same(one: &Path, other: &Path) -> bool {
    let id = |path: &Path| fs::metadata(path).map(|meta| (meta.dev(), meta.ino())).ok();
    id(one).is_some_and(|one| Some(one) == id(other))
}

/// The text as one word of a shell.
pub(crate) fn quoted(text: &str) -> Cow<'_, str> {
    let is_plain = |octet: u8| octet.is_ascii_alphanumeric() || b"/._-+,:@%".contains(&octet);
    if !text.is_empty() && text.bytes().all(is_plain) {
        return text.into();
    }
    format!("'{}'", text.replace('\'', r"'\''")).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder with a program `target/release/ropewalk`.
    fn built() -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let program = dir.path().join("target/release/ropewalk");
        executable(&program);
        (dir, program)
    }

    fn executable(path: &Path) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "").unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    #[test]
    fn the_name_is_for_what_the_shell_finds_first() {
        let (dir, program) = built();
        let other = dir.path().join("other");
        let release = dir.path().join("target/release");
        let typed = |path: &[&Path]| {
            typed_as(OsStr::new("ropewalk"), &program, &env::join_paths(path).unwrap(), dir.path())
        };
        assert_eq!(typed(&[&other, &release]), "ropewalk");
        assert_eq!(typed(&[Path::new("target/release")]), "ropewalk");
        assert_eq!(typed(&[&other]), "target/release/ropewalk");
        // Another of that name is another program; but a link is this one.
        executable(&other.join("ropewalk"));
        assert_eq!(typed(&[&other, &release]), "target/release/ropewalk");
        fs::remove_file(other.join("ropewalk")).unwrap();
        std::os::unix::fs::symlink(&program, other.join("ropewalk")).unwrap();
        assert_eq!(typed(&[&other]), "ropewalk");
    }

    #[test]
    fn elsewhere_it_is_the_path_it_was_started_by() {
        let (dir, program) = built();
        let typed = |typed: &str, here: &str| {
            typed_as(OsStr::new(typed), &program, OsStr::new("/nonexistent"), &dir.path().join(here))
        };
        let all = program.to_str().unwrap();
        assert_eq!(typed("target/release/ropewalk", ""), "target/release/ropewalk");
        assert_eq!(typed(all, ""), "target/release/ropewalk");
        assert_eq!(
            typed("../gone/ropewalk", "target"),
            "release/ropewalk",
            "what is not there was not typed"
        );
        assert_eq!(typed("../target/release/ropewalk", "target"), "../target/release/ropewalk");
        assert_eq!(typed("./ropewalk", "target/release"), "./ropewalk");
        assert_eq!(typed(all, "target/release"), "./ropewalk");
        assert_eq!(typed(all, "elsewhere"), all);
        // Who is started in another way than by a shell may call it as he likes.
        assert_eq!(typed("-ropewalk", ""), "target/release/ropewalk");
    }

    #[test]
    fn what_a_shell_would_split_is_quoted() {
        assert_eq!(quoted("target/release/ropewalk"), "target/release/ropewalk");
        assert_eq!(quoted("my rope/walk"), "'my rope/walk'");
        assert_eq!(quoted("ann's/$HOME"), r"'ann'\''s/$HOME'");
        assert_eq!(quoted(""), "''");
    }
}
