//! `[[service.cgi]]`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use ropewalk_core::config::{Section, Size};

use super::{Cgi, CgiLimits, script};
use crate::server::{BoxHandler, Handler};

/// The programs of a service.
pub(crate) struct Programs(Vec<Cgi>);

/// Reads the tables `cgi` of a section, whose files are in the folder `root`, if they are in one.
pub(crate) fn read(section: &mut Section<'_>, root: Option<&Path>) -> Programs {
    let tables = section.tables("cgi", "Programs that answer requests; the first that knows the path does.");
    let programs = tables.into_iter().filter_map(|mut table| one(&mut table));
    Programs(match root {
        Some(root) => programs.map(|cgi| cgi.document_root(root)).collect(),
        None => programs.collect(),
    })
}

impl Programs {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A handler of which the programs are asked first. [`LocalRedirects`](super::LocalRedirects) belongs around all.
    pub(crate) fn before(self, handler: impl Handler) -> BoxHandler {
        self.0.into_iter().rev().fold(handler.boxed(), |next, cgi| cgi.otherwise(next).boxed())
    }
}

fn one(table: &mut Section<'_>) -> Option<Cgi> {
    let path: Option<String> =
        table.key("path", "The path that they are below; required without `extension`.").optional();
    let folder: Option<PathBuf> = table.key("folder", "The folder that they are in.").required();
    let extensions: Vec<String> =
        table.key("extension", "Which files are programs; without it, all of them.").or(Vec::new());
    let command: Vec<String> = table
        .key("command", "What runs them, with its arguments; without it, they are executed.")
        .or(Vec::new());
    let index: Vec<String> = table.key("index", "Programs that stand for their folder.").or(Vec::new());
    let environment: Vec<String> =
        table.key("environment", "Further variables, as `NAME=value`.").or(Vec::new());
    let authorization =
        table.key("authorization", "Whether they see `Authorization`, and so passwords.").or(false);
    let limits = limits(table);
    if path.is_none() && extensions.is_empty() {
        table.error("programs need a `path` or an `extension`");
    }
    if !command.is_empty() && extensions.is_empty() {
        table.error_in("command", "a `command` is for files with an `extension`");
    }
    let folder = folder?;
    if let Err(error) = script::is_folder(&folder) {
        table.error_in("folder", format!("{}: {error}", folder.display()));
    }
    let at = Cgi::new(folder).at(path.as_deref().unwrap_or("/"));
    let mut cgi = at.map_err(|error| table.error_in("path", error.chain())).ok()?.limits(limits);
    for extension in extensions {
        if extension.is_empty() || extension.contains(['.', '/']) {
            table.error_in(
                "extension",
                format!("{extension:?} is no extension: it is what comes after the last dot"),
            );
        }
        cgi = cgi.extension(extension, command.iter().map(OsString::from));
    }
    for name in index {
        cgi = cgi.index(name);
    }
    for variable in environment {
        match variable.split_once('=').filter(|(name, value)| !name.is_empty() && !value.contains('\0')) {
            Some((name, value)) => cgi = cgi.variable(name, value),
            None => table.error_in("environment", format!("{variable:?} is not `NAME=value`")),
        }
    }
    Some(if authorization { cgi.authorization() } else { cgi })
}

fn limits(table: &mut Section<'_>) -> CgiLimits {
    let mut limits = CgiLimits::default();
    let size = |Size(octets)| usize::try_from(octets).unwrap_or(usize::MAX);
    limits.processes = table.key("processes", "Programs at once; others wait.").or(limits.processes);
    limits.queue_time =
        table.key("queue_time", "How long a request waits for that; then 503.").or(limits.queue_time);
    limits.head_time = table.key("head_time", "Without a head; then 504.").or(limits.head_time);
    limits.idle_time = table.key("idle_time", "Without output after the head.").or(limits.idle_time);
    limits.time = table.key("time", "A whole run.").or(limits.time);
    limits.grace = table.key("grace", "From SIGTERM to SIGKILL, for one that is to end.").or(limits.grace);
    limits.head =
        size(table.key("head", "Octets of the head of an answer; more is 502.").or(Size(limits.head as u64)));
    limits.content =
        table.key("content", "Octets of a request's content; more is 413.").or(Size(limits.content)).0;
    limits.buffered =
        table.key("buffered", "Whether all of the content is awaited before they start.").or(limits.buffered);
    limits.descriptors =
        table.key("descriptors", "Descriptors of each, unless it raises that itself.").or(limits.descriptors);
    if limits.processes == 0 {
        table.error_in("processes", "a limit is more than zero");
    }
    limits
}

#[cfg(test)]
mod tests {
    use http::StatusCode;
    use ropewalk_core::app::{BoxService, Service as _};
    use ropewalk_core::config::{Document, Kind, Registry, Resources};

    use super::*;
    use crate::Http;
    use crate::server::{Failure, Request, Response};

    async fn nothing(_: Request) -> Result<Response, Failure> {
        Err(StatusCode::NOT_FOUND.into())
    }

    fn build(section: &mut Section<'_>, resources: &Resources) -> Option<BoxService> {
        let programs = read(section, None);
        Some(section.server("http", &[], Some(Http::new(programs.before(nothing))), resources)?.boxed())
    }

    const KIND: Kind = Kind {
        name: "programs",
        summary: "Runs programs.",
        example: "listen = [\"tcp:8080:interface=localhost\"]",
        build,
    };

    /// The messages about this table.
    fn errors(table: &str) -> Vec<String> {
        let text = format!(
            "[[service]]\nkind = \"programs\"\n{}\n[[service.cgi]]\nfolder = \"/\"\n{table}\n",
            KIND.example
        );
        let document = Document::new().text("ropewalk.toml", Path::new("/"), &text);
        let reading = document.read(&Registry::new().with(KIND), |_| ());
        reading.diagnostics.records().into_iter().map(|record| record.message).collect()
    }

    #[test]
    fn a_table_says_where_programs_are() {
        for good in [
            "path = \"/cgi-bin\"",
            "extension = \"php\"\ncommand = [\"php-cgi\", \"-n\"]\nindex = \"index.php\"",
            "path = \"/a\"\nextension = [\"pl\", \"cgi\"]\nenvironment = [\"A=b=c\"]\nauthorization = true",
            "path = \"/a\"\nprocesses = 1\nqueue_time = \"1s\"\nhead_time = \"1s\"\nidle_time = \"1s\"\ntime = \"1s\"\n\
            grace = \"1s\"\nhead = \"1KiB\"\ncontent = \"1MiB\"\nbuffered = true\ndescriptors = 64",
        ] {
            assert_eq!(errors(good), Vec::<String>::new(), "{good}");
        }
        for (bad, message) in [
            ("", "programs need a `path` or an `extension`"),
            ("path = \"/a\"\ncommand = \"sh\"", "a `command` is for files with an `extension`"),
            ("path = \"/a/../b\"", "no programs at \"/a/../b\": a path holds `..`"),
            ("extension = \".php\"", "\".php\" is no extension: it is what comes after the last dot"),
            ("path = \"/a\"\nenvironment = \"A\"", "\"A\" is not `NAME=value`"),
            ("path = \"/a\"\nprocesses = 0", "a limit is more than zero"),
            ("path = \"/a\"\nprocess = 1", "unknown key `process`"),
        ] {
            assert_eq!(errors(bad), [message], "{bad}");
        }
    }

    #[test]
    fn a_folder_that_is_not_there_is_told() {
        let text = format!(
            "[[service]]\nkind = \"programs\"\n{}\n[[service.cgi]]\npath = \"/a\"\nfolder = \"none\"\n",
            KIND.example
        );
        let document = Document::new().text("ropewalk.toml", Path::new("/nonexistent"), &text);
        let reading = document.read(&Registry::new().with(KIND), |_| ());
        let messages: Vec<_> =
            reading.diagnostics.records().into_iter().map(|record| record.message).collect();
        assert_eq!(messages.len(), 1, "{messages:?}");
        assert!(messages[0].starts_with("/nonexistent/none: "), "{messages:?}");
    }

    #[test]
    fn all_keys_are_documented() {
        ropewalk_core::config::check_example(&KIND, Registry::new(), "").unwrap();
    }
}
