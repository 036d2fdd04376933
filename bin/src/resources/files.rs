use std::path::{Path, PathBuf};
use std::sync::Arc;

use ropewalk_core::config::{ResourceKind, Section};
use ropewalk_core::data::files::Files;
use ropewalk_core::data::files::layers::{Dots, Hide};
use ropewalk_store::files::local::{Local, Options};

/// `[files.NAME]`: a tree of files by name.
pub(crate) const FILES: ResourceKind = ResourceKind {
    name: "files",
    summary: "A tree of files, for every service that serves files",
    example: "path = \".\"",
    build: |section, resources| {
        if let Some(Tree { files, folder }) = read(section) {
            resources.provide::<dyn Files>(section, files);
            // For programs beside the files, which are told where those are.
            resources.provide::<Path>(section, folder.into());
        }
    },
};

struct Tree {
    files: Arc<dyn Files>,
    folder: PathBuf,
}

fn read(section: &mut Section<'_>) -> Option<Tree> {
    let path: Option<PathBuf> = section.key("path", "The folder to serve.").required();
    let dots = section
        .key("hidden", "Whether names that begin with a dot are served.")
        .word_or(("hide", Dots::Hide), &[("show", Dots::Show)]);
    let links = section
        .key("links", "Whether symbolic links that stay inside the folder are followed.")
        .word_or(("contained", true), &[("none", false)]);
    let write = section.key("write", "Whether services may change it, for those whom they let.").or(false);
    let path = path?;
    let mut options = Options::default();
    (options.links, options.write) = (links, write);
    let local = Local::with(&path, &options)
        .map_err(|e| section.error_in("path", format!("{}: {e}", path.display())))
        .ok()?;
    Some(Tree { files: Arc::new(Hide::new(local, dots)), folder: path })
}
