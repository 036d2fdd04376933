use futures_util::stream;
use proptest::prelude::*;
use ropewalk_core::app::{ConnId, Context, Protocol as _};
use ropewalk_core::net::Connection;
use ropewalk_core::{Error, Limits};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;
use crate::server::{Handler, Http, Response};

fn limits() -> FormLimits {
    FormLimits { total: 2000, fields: 3, name: 8, part: 100, head: 200 }
}

/// A form whose content comes in these pieces.
fn form(boundary: &str, pieces: Vec<Bytes>) -> Multipart {
    Multipart {
        body: Body::stream(stream::iter(pieces.into_iter().map(Ok))),
        splitter: Splitter::new(boundary.as_bytes(), limits().head).unwrap(),
        input: BytesMut::new(),
        limits: limits(),
        octets: 0,
        parts: 0,
    }
}

fn part(disposition: &str, content: &str) -> String {
    format!("--B\r\nContent-Disposition: {disposition}\r\n\r\n{content}\r\n")
}

/// Names, file names and contents of all parts.
type Fields = Vec<(String, Option<String>, String)>;

async fn fields(mut form: Multipart) -> Result<Fields, u16> {
    let mut fields = Vec::new();
    let status = |failure: Failure| failure.status().as_u16();
    while let Some(part) = form.next().await.map_err(status)? {
        let (name, filename) = (part.name().to_owned(), part.filename().map(str::to_owned));
        fields.push((name, filename, part.text().await.map_err(status)?));
    }
    Ok(fields)
}

async fn read(content: &str) -> Result<Fields, u16> {
    fields(form("B", vec![Bytes::copy_from_slice(content.as_bytes())])).await
}

fn field(name: &str, filename: Option<&str>, content: &str) -> (String, Option<String>, String) {
    (name.into(), filename.map(Into::into), content.into())
}

#[tokio::test]
async fn fields_and_files_come_in_order() {
    let content = [
        part("form-data; name=\"a\"", "one"),
        part("Form-Data; NAME=b; filename=\"C:\\\\dir\\x y.txt\"", "two\r\nlines"),
        part("form-data; name=\"é\"; filename=\"\"", ""),
        "--B--\r\nepilogue".into(),
    ];
    let expected =
        vec![field("a", None, "one"), field("b", Some("x y.txt"), "two\r\nlines"), field("é", Some(""), "")];
    assert_eq!(read(&content.concat()).await, Ok(expected));
}

#[tokio::test]
async fn names_of_files_lose_their_folders() {
    for (said, expected) in [
        ("filename=\"../../etc/passwd\"", "passwd"),
        ("filename=\"/\"", ""),
        ("filename=\"..\"", ""),
        ("filename=\"a\\\"b\"", "a\"b"),
        ("filename=x; filename*=UTF-8''y", "x"),
        ("filename*=utf-8'en'%c3%a9%2Fa%20b", "a b"),
    ] {
        let content = part(&format!("form-data; name=f; {said}"), "") + "--B--";
        assert_eq!(read(&content).await, Ok(vec![field("f", Some(expected), "")]), "{said}");
    }
}

#[tokio::test]
async fn what_is_no_form_is_refused() {
    let good = |disposition: &str| part(disposition, "x") + "--B--";
    let long = "x".repeat(101);
    for (content, status) in [
        (good("form-data"), 400),
        (good("attachment; name=a"), 400),
        (good("form-data; name=\"a"), 400),
        (good("form-data; name=a; name=b"), 400),
        (good("form-data; name=a; filename*=latin1''x"), 415),
        (good("form-data; name=a; filename*=UTF-8''%00"), 400),
        (good("form-data; name=a\r\nContent-Disposition: form-data; name=b"), 400),
        (good("form-data; name=a\r\nContent-Transfer-Encoding: base64"), 400),
        (good("form-data; name=a\r\nContent-Type: text/plain; charset=utf-16"), 415),
        (good("form-data; name=a\r\n folded"), 400),
        ("--B\r\n\r\nx\r\n--B--".into(), 400),
        (part("form-data; name=a", "x"), 400),
        ("".into(), 400),
        (good("form-data; name=aaaaaaaaa"), 413),
        (part("form-data; name=a", &long) + "--B--", 413),
        (part("form-data; name=a", "x").repeat(4) + "--B--", 413),
        (good(&format!("form-data; name=a; x={}", "x".repeat(200))), 413),
        (part("form-data; name=a", "x") + "--B--" + &"x".repeat(2000), 413),
    ] {
        assert_eq!(read(&content).await, Err(status), "{content}");
    }
    let latin = [&b"--B\r\nContent-Disposition: form-data; name=a\r\n\r\n\xe9\r\n--B--"[..]];
    assert_eq!(fields(form("B", vec![latin.concat().into()])).await, Err(400));
}

#[tokio::test]
async fn a_content_that_fails_is_not_the_end_of_a_form() {
    let mut form = form("B", Vec::new());
    form.body = Body::stream(stream::iter([Ok(Bytes::from("--B\r\n")), Err(Error::peer("gone"))]));
    assert_eq!(fields(form).await, Err(400));
}

#[tokio::test]
async fn a_part_left_unread_is_passed_over() {
    let content = part("form-data; name=a", "one")
        + &part("form-data; name=b", "two")
        + &part("form-data; name=c", "")
        + "--B--";
    let mut form = form("B", content.as_bytes().chunks(7).map(Bytes::copy_from_slice).collect());
    let mut names = Vec::new();
    while let Some(mut part) = form.next().await.unwrap() {
        names.push(part.name().to_owned());
        if part.name() == "a" {
            assert!(part.chunk().await.unwrap().is_some());
        }
    }
    assert_eq!(names, ["a", "b", "c"]);
}

/// Answers with what a form holds.
async fn echo(request: Request) -> Result<Response, Failure> {
    if request.path.as_bytes() == b"/pairs" {
        let form = crate::Urlencoded::read(request, &limits()).await?;
        return Ok(Response::new(Body::from(format!("{:?}", form.iter().collect::<Vec<_>>()))));
    }
    let mut form = Multipart::new(request, limits())?;
    let mut said = String::new();
    while let Some(part) = form.next().await? {
        said += &format!("{}={};", part.name().to_owned(), part.text().await?);
    }
    Ok(Response::new(Body::from(said)))
}

/// The status and content of the answer to a form of this type.
async fn post(path: &str, kind: &str, content: &str) -> (String, String) {
    let (conn, mut io) = Connection::pair();
    let cx = Context::root(Limits::default()).connection(tracing::Span::none(), ConnId::next());
    let http = Http::new(echo.boxed());
    let inner = cx.clone();
    let _server = cx.spawn(async move { http.serve(conn, inner).await });
    let length = content.len();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{kind}Content-Length: {length}\r\n\r\n"
    );
    io.write_all((head + content).as_bytes()).await.unwrap();
    let mut said = String::new();
    io.read_to_string(&mut said).await.unwrap();
    let (head, content) = said.split_once("\r\n\r\n").unwrap();
    (head.get(9..12).unwrap().to_owned(), content.to_owned())
}

#[tokio::test]
async fn forms_of_requests_are_read_by_their_type() {
    let content = part("form-data; name=a", "1") + "--B--";
    let typed = |kind: &str| format!("Content-Type: {kind}\r\n");
    let multipart = typed("multipart/form-data; boundary=\"B\"");
    assert_eq!(post("/", &multipart, &content).await, ("200".into(), "a=1;".into()));
    let pairs = typed("application/x-www-form-urlencoded;charset=UTF-8");
    assert_eq!(post("/pairs", &pairs, "a=1&b").await, ("200".into(), r#"[("a", "1"), ("b", "")]"#.into()));
    for (path, kind, content, expected) in [
        ("/", typed("multipart/mixed; boundary=B"), "", "415"),
        ("/", typed("application/x-www-form-urlencoded"), "a=1", "415"),
        ("/", String::new(), "a=1", "415"),
        ("/", multipart.clone() + &multipart, &content, "415"),
        ("/", typed("multipart/form-data"), &content, "400"),
        ("/", typed(&format!("multipart/form-data; boundary={}", "B".repeat(71))), &content, "400"),
        ("/pairs", typed("application/x-www-form-urlencoded; charset=latin1"), "a=1", "415"),
        ("/pairs", typed("text/plain"), "a=1", "415"),
        ("/pairs", pairs.clone(), "a=%", "400"),
        ("/pairs", pairs.clone(), "a&b&c&d", "413"),
    ] {
        assert_eq!(post(path, &kind, content).await.0, expected, "{path} {kind}");
    }
    let long = "x".repeat(2001);
    assert_eq!(post("/", &multipart, &long).await.0, "413");
    assert_eq!(post("/pairs", &pairs, &long).await.0, "413");
}

proptest! {
    #[test]
    fn any_head_is_read_or_refused(head in "(Content-Disposition: ?form-data|;|=|\"|name|\\\\|:|\r\n|\\*|a|'|%|[^\r\n]){0,30}") {
        let head = Bytes::from(head + "\r\n\r\n");
        if let Ok(Head { filename: Some(name), .. }) = Head::parse(&head) {
            prop_assert!(!name.contains(['/', '\\']) && name != "..");
        }
    }
}
