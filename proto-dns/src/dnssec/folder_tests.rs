use super::*;
use crate::wire::Name;

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn files(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn error<T: std::fmt::Debug>(result: Result<T>) -> String {
    result.unwrap_err().chain()
}

#[test]
fn a_key_is_made_once_and_for_its_owner_only() {
    let dir = tempfile::tempdir().unwrap();
    let (folder, origin) = (dir.path().join("state/keys"), name("Example.org"));
    assert!(find(&folder, origin.view()).unwrap().is_none());
    for (origin, algorithm) in [(&origin, Algorithm::EcdsaP256), (&name("0/25.example"), Algorithm::Ed25519)]
    {
        let made = open(&folder, origin.view(), algorithm).unwrap();
        let again = open(&folder, origin.view(), algorithm).unwrap();
        assert_eq!(made.dnskey(), again.dnskey());
        assert_eq!(find(&folder, origin.view()).unwrap().unwrap().dnskey(), made.dnskey());
    }
    let names = files(&folder);
    assert_eq!(names.len(), 4);
    assert!(names[0].starts_with("K0%2F25.example.+015+") && names[0].ends_with(".key"), "{names:?}");
    assert!(names[3].starts_with("Kexample.org.+013+") && names[3].ends_with(".private"), "{names:?}");
    for name in names {
        let expected = if name.ends_with(".private") { 0o600 } else { 0o644 };
        assert_eq!(folder.join(&name).metadata().unwrap().mode() & 0o777, expected, "{name}");
    }
    assert_eq!(folder.metadata().unwrap().mode() & 0o777, 0o700);
}

#[test]
fn what_is_wrong_with_a_key_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let (folder, origin) = (dir.path(), name("example.org"));
    let key = open(folder, origin.view(), Algorithm::Ed25519).unwrap();
    let path = |ending: &str| folder.join(format!("Kexample.org.+015+{:05}.{ending}", key.tag()));
    let other = error(open(folder, origin.view(), Algorithm::EcdsaP256));
    assert!(other.contains("`algorithm` cannot be ecdsap256sha256"), "{other}");

    fs::set_permissions(path("private"), Permissions::from_mode(0o644)).unwrap();
    let open_to_all = error(find(folder, origin.view()));
    assert!(open_to_all.contains("mode 0644 is wider than 0640"), "{open_to_all}");
    fs::set_permissions(path("private"), Permissions::from_mode(0o600)).unwrap();

    let text = fs::read_to_string(path("key")).unwrap();
    fs::write(path("key"), text.replace("example.org", "example.net")).unwrap();
    let stray = error(find(folder, origin.view()));
    assert!(stray.ends_with("this is a key of example.net., and not of example.org."), "{stray}");
    fs::write(path("key"), text.replace("257", "256")).unwrap();
    assert!(error(find(folder, origin.view())).contains("flags 257"));
    fs::write(path("key"), "").unwrap();
    assert!(error(find(folder, origin.view())).contains("it has not one DNSKEY record"));
    fs::write(path("key"), &text).unwrap();

    fs::copy(path("private"), folder.join("Kexample.org.+015+00000.private")).unwrap();
    let two = error(find(folder, origin.view()));
    assert!(two.contains("are both keys of example.org."), "{two}");
    fs::remove_file(folder.join("Kexample.org.+015+00000.private")).unwrap();

    fs::write(path("private"), "Private-key-format: v1.3\nAlgorithm: 8 (RSASHA256)\n").unwrap();
    assert!(error(find(folder, origin.view())).contains("\"8\" is no algorithm"));
    fs::write(path("private"), "Private-key-format: v1.3\nAlgorithm: 15 (ED25519)\nPrivateKey: !\n").unwrap();
    assert!(error(find(folder, origin.view())).contains("there is no `PrivateKey`"));
    fs::remove_file(path("private")).unwrap();
    assert!(find(folder, origin.view()).unwrap().is_none());
}
