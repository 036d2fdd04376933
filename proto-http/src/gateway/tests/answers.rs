//! What programs answer (RFC 3875 §6).

use ropewalk_core::data::cred::{
    Authenticator, Credential, LoginError, Method as By, Origin, Principal, Step,
};

use super::*;
use crate::{Auth, Body, Logins, Routes, Site};

#[tokio::test]
async fn a_document_comes_with_its_fields() {
    let place = Place::new().with(
        "a.sh",
        "printf 'Content-Type: text/x-a\\r\\nStatus: 418 Teapot\\nX-A: 1\\nConnection: close\\n\\nhello\\n'",
    );
    let (head, content) = get(place.cgi(), "/a.sh").await;
    assert_eq!((status(&head), content.as_str()), ("418", "hello\n"));
    assert!(head.contains("content-type: text/x-a\r\n") && head.contains("x-a: 1"), "{head}");
    assert!(!head.contains("status:"), "{head}");
}

#[tokio::test]
async fn output_goes_out_as_it_comes() {
    let place = Place::new().with(
        "a.sh",
        "printf 'Content-Type: text/plain\\n\\nfirst'; until [ -e go ]; do sleep 0.01; done; echo second",
    );
    let mut client = Client::of(place.cgi());
    client.send("GET /a.sh HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(client.until("\r\n\r\n").await.contains("transfer-encoding: chunked"));
    client.until("first\r\n").await;
    fs::write(place.path("go"), "").unwrap();
    client.until("second\n\r\n0\r\n\r\n").await;
    client.send("GET /none HTTP/1.1\r\nHost: x\r\nAccept: text/html\r\n\r\n").await;
    assert_eq!(status(&client.until("</html>").await), "404", "the connection goes on");
}

#[tokio::test]
async fn head_runs_the_program_to_its_end_and_sends_no_content() {
    let place = Place::new().with(
        "a.sh",
        "printf \"Content-Type: text/plain\\nX-Method: $REQUEST_METHOD\\nContent-Length: 400000\\n\\n\"
        head -c 400000 /dev/zero; echo done > done",
    );
    let mut client = Client::of(place.cgi());
    client.send("HEAD /a.sh HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let head = client.until("\r\n\r\n").await;
    assert!(head.contains("x-method: HEAD\r\n") && head.contains("content-length: 400000\r\n"), "{head}");
    assert_eq!(written(&place.path("done")).await, "done");
    client.send("GET /none HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(client.until("\r\n\r\n").await.starts_with("HTTP/1.1 404 "), "nothing was sent in between");
}

#[tokio::test]
async fn a_status_without_content_has_none() {
    let place = Place::new().with("a.sh", "printf 'Status: 204 No\\nX-A: b\\n\\nnothing'");
    let mut client = Client::of(place.cgi());
    client.send("GET /a.sh HTTP/1.1\r\nHost: x\r\n\r\nGET /none HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert_eq!(status(&client.until("\r\n\r\n").await), "204");
    assert_eq!(status(&client.until("\r\n\r\n").await), "404");
}

#[tokio::test]
async fn a_length_that_is_said_is_kept() {
    for (said, whole) in [(5, Some("hello")), (3, Some("hel")), (9, None)] {
        let text = format!("printf 'Content-Type: a/b\\nContent-Length: {said}\\n\\nhello'");
        let place = Place::new().with("a.sh", &text);
        let mut client = Client::of(place.cgi());
        client.send("GET /a.sh HTTP/1.1\r\nHost: x\r\n\r\n").await;
        let head = client.until("\r\n\r\n").await;
        assert!(head.contains(&format!("content-length: {said}\r\n")), "{head}");
        match whole {
            Some(whole) => assert_eq!(client.until(whole).await, whole),
            None => assert_eq!(client.rest().await, "hello", "the connection is cut"),
        }
    }
}

#[tokio::test]
async fn bad_output_is_502_and_the_cause_is_ours_alone() {
    for text in [
        "exit 3",
        "echo secret >&2; printf 'Content-Type: text/plain\\n'",
        "printf 'secret without a head\\n\\n'",
        "while :; do echo 'X-A: secret'; done",
        "head -c 100000 /dev/zero",
        "head -c 100000 /dev/urandom",
        "printf 'HTTP/1.1 200 OK\\nContent-Type: text/plain\\n\\nsecret'",
        "printf 'Content-Type: text/plain\\nX: secret\\001\\n\\n'",
        "printf 'Location: nowhere\\nLocation: secret\\n\\n'",
    ] {
        let (head, content) = get(Place::new().with("a.sh", text).cgi(), "/a.sh").await;
        assert_eq!(status(&head), "502", "{text}");
        assert!(!content.contains("secret"), "{text}");
    }
}

#[tokio::test]
async fn what_cannot_be_run_is_500() {
    let place = Place::new().executable("a", "#!/nonexistent/interpreter\n");
    assert_eq!(status(&get(Cgi::new(place.0.path()), "/a").await.0), "500");
    assert_eq!(status(&get(Cgi::new("/nonexistent/folder"), "/a").await.0), "500");
    let missing = Cgi::new(place.0.path()).extension("txt", ["/nonexistent/interpreter"]);
    assert_eq!(status(&get(missing, "/a.txt").await.0), "500");
}

#[tokio::test]
async fn a_redirect_for_the_client_is_302() {
    let place = Place::new().with("a.sh", "printf 'Location: http://example.org/x#y\\n\\n'").with(
        "b.sh",
        "printf 'Location: /elsewhere\\nStatus: 303 See Other\\nContent-Type: text/plain\\n\\nthere'",
    );
    let (head, _) = get(place.cgi(), "/a.sh").await;
    assert_eq!(status(&head), "302");
    assert!(head.contains("location: http://example.org/x#y"), "{head}");
    let (head, content) = get(LocalRedirects::new(place.cgi()), "/b.sh").await;
    assert_eq!((status(&head), content.as_str()), ("303", "there"));
    assert!(head.contains("location: /elsewhere"), "{head}");
}

/// Answers with the target and what else it got.
async fn echo(request: Request) -> Result<Response, Failure> {
    let line = format!("{} {} {} {}", request.method, request.uri, request.rest, request.headers.len());
    let content = request.body.read(1000).await?;
    Ok(Response::new(Body::from([line.as_bytes(), &content].concat())))
}

#[tokio::test]
async fn a_local_redirect_is_answered_by_what_is_there() {
    let place = Place::new().with("a.sh", "printf 'Location: /b/%%41?q=1\\n\\nthrown away'");
    let routes = || Routes::new().mount("/cgi", place.cgi()).unwrap().mount("/b", echo).unwrap();
    let post = "POST /cgi/a.sh HTTP/1.0\r\nHost: x\r\nContent-Type: a/b\r\nContent-Length: 3\r\n\r\nabc";
    let (head, content) = ask(LocalRedirects::new(routes()), post).await;
    assert_eq!((status(&head), content.as_str()), ("200", "GET /b/%41?q=1 /A 1"));
    let (head, _) = ask(routes(), post).await;
    assert_eq!(status(&head), "302", "without one who follows it, it is the client's");
    assert!(head.contains("location: /b/A?q=1"), "{head}");
}

#[tokio::test]
async fn local_redirects_do_not_go_in_a_circle() {
    let place = Place::new()
        .with("a.sh", "echo x >> count; printf 'Location: /a.sh\\n\\n'")
        .with("b.sh", "printf 'Location: /../etc\\n\\n'")
        .with("c.sh", "printf 'Location: //example.org/x\\n\\n'");
    let cgi = || LocalRedirects::new(place.cgi());
    assert_eq!(status(&get(cgi(), "/a.sh").await.0), "502");
    assert_eq!(fs::read_to_string(place.path("count")).unwrap().lines().count(), 6);
    assert_eq!(status(&get(cgi(), "/b.sh").await.0), "502");
    assert_eq!(status(&get(cgi(), "/c.sh").await.0), "404", "no other server is meant");
    let (head, _) = get(place.cgi(), "/c.sh").await;
    assert!(head.contains("location: /example.org/x"), "{head}");
}

/// Lets ann in.
struct Desk;

#[async_trait::async_trait]
impl Authenticator for Desk {
    async fn verify(&self, credential: Credential<'_>, _: &Origin<'_>) -> Result<Step, LoginError> {
        match credential {
            Credential::Password { user: "ann", password: b"b" } => {
                Ok(Step::Done(Principal::new("ann".parse().unwrap(), [], By::Password)))
            }
            _ => Err(LoginError::Refused),
        }
    }
}

#[tokio::test]
async fn a_local_redirect_opens_no_door() {
    let text = "printf 'Content-Type: a/b\\n\\n'; echo $REMOTE_USER $AUTH_TYPE";
    let place = Place::new().with("go.sh", "printf 'Location: /in.sh\\n\\n'").with("in.sh", text);
    let logins = Arc::new(Logins::new(Arc::new(Desk), "web"));
    let site = |locked: &str| {
        let auth = Auth::new(Arc::clone(&logins), [locked.parse().unwrap()]);
        LocalRedirects::new(Site::new(place.cgi()).auth(auth))
    };
    let known = "GET /go.sh HTTP/1.0\r\nAuthorization: Basic YW5uOmI=\r\n\r\n";
    assert_eq!(status(&get(site("/in.sh"), "/go.sh").await.0), "401");
    assert_eq!(ask(site("/in.sh"), known).await.1, "ann Basic\n");
    assert_eq!(
        ask(site("/*"), known).await.1,
        "ann Basic\n",
        "the first login takes nothing from the second"
    );
    assert_eq!(ask(site("/go.sh"), known).await.1, "\n", "nobody has logged in for the second");
}
