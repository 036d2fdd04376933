//! Programs that answer requests, in a server that also serves files.

use std::fs;

use crate::daemon::{Daemon, Folder, get};

#[test]
fn a_program_knows_the_folder_of_the_site_and_its_last_words_have_their_connection() {
    let folder = Folder::with(
        "[files.site]\npath = \"site\"\n[[service]]\nname = \"web\"\nkind = \"http\"\n\
        listen = [\"tcp:0:interface=localhost\"]\nfiles = \"site\"\n\
        [[service.cgi]]\npath = \"/run\"\nfolder = \"programs\"\nextension = \"sh\"\ncommand = [\"sh\"]\n",
    );
    fs::create_dir(folder.join("site")).unwrap();
    fs::create_dir(folder.join("programs")).unwrap();
    let text =
        "printf 'Content-Type: text/plain\\n\\n'; echo \"$DOCUMENT_ROOT\"\nexec >&-; sleep 1; echo late >&2";
    folder.write("programs/root.sh", text);
    let server = Daemon::of(&mut folder.command(&[]));
    let (status, text) = get(server.port(), "/run/root.sh");
    let root = folder.join("site");
    assert!(status == 200 && text.contains(root.to_str().unwrap()), "{text}");
    let line = server.wait_for("late");
    assert!(line.contains("service=\"web\"") && line.contains("conn{") && line.contains("peer="), "{line}");
}
