use crate::daemon::{Done, Folder, done, ropewalk};

const APEX: &str = "$TTL 1h\n@ SOA ns hostmaster 7 2h 30m 2w 5m\n  NS ns\nns A 192.0.2.1\n";

fn check(folder: &Folder, args: &[&str]) -> Done {
    done(ropewalk(["zone", "check"].iter().chain(args)).current_dir(folder.path()))
}

#[test]
fn a_right_zone_is_counted() {
    let folder = Folder::new();
    folder.write("a.zone", APEX);
    folder.write("b.zone", &format!("$ORIGIN b.example.\n{APEX}"));
    check(&folder, &["a.example=a.zone", "b.zone"]).says(
        0,
        &[
            "a.zone: a.example. serial 7, 3 records, 2 names\n",
            "b.zone: b.example. serial 7, 3 records, 2 names\n",
        ],
    );
}

#[test]
fn what_leads_nowhere_is_a_warning() {
    let folder = Folder::new();
    folder.write("a.zone", &format!("{APEX}@ MX 10 mail\n  MX 20 ns\nsub NS ns.sub\n"));
    check(&folder, &["a.example=a.zone"]).says(
        0,
        &[
            "a.zone:5:1: warning: a.example. MX: mail.a.example. has no address\n\
             a.zone:7:1: warning: sub.a.example. NS: ns.sub.a.example. is below the delegation",
            "a.zone: a.example. serial 7, 6 records, 3 names\n",
        ],
    );
}

#[test]
fn all_that_is_wrong_is_told_with_its_place() {
    let folder = Folder::new();
    folder.write("a.zone", &format!("{APEX}www A 192.0.2\nx CNAME\n"));
    let said = check(&folder, &["a.example=a.zone"]);
    said.says(3, &["a.zone:5:7: an IPv4 address is expected\n", "a.zone:6:8: a name is missing here\n"]);
    assert_eq!(said.out, "");
    folder.write("a.zone", &format!("{APEX}x CNAME y\nx A 192.0.2.1\n"));
    check(&folder, &["a.example=a.zone"]).says(3, &["a.zone:5:1: x.a.example. CNAME: "]);
    check(&folder, &["none"]).says(3, &["none: cannot be read: "]);
    check(&folder, &["a..b=none"]).says(2, &["a label is empty"]);

    let json: serde_json::Value =
        serde_json::from_str(&check(&folder, &["--json", "a.example=a.zone"]).out).unwrap();
    let problem = &json["zones"][0]["problems"][0];
    assert_eq!((&problem["line"], &problem["column"]), (&5.into(), &1.into()));
}
