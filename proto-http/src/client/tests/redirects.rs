use http::{HeaderValue, Method, StatusCode};

use super::*;

/// Redirects by the status in the path, `/301/rest`, to what stands in the query; else answers as [`echo`].
async fn redirecting(request: crate::Request) -> Result<crate::Response, Failure> {
    let to = request.uri.query().unwrap_or_default().to_owned();
    match request.uri.path().get(1..4).and_then(|status| status.parse::<StatusCode>().ok()) {
        Some(status) => {
            request.body.read(1 << 20).await?;
            let mut answer = Response::new(Body::from("over there"));
            *answer.status_mut() = status;
            answer.headers_mut().insert("location", HeaderValue::from_str(&to).unwrap());
            Ok(answer)
        }
        None => echo(request).await,
    }
}

#[tokio::test]
async fn a_redirect_is_followed_to_its_end_on_one_connection() {
    let place = Place::serving(redirecting);
    let answer = place.client().get("http://x.example/302/a?/301/b?/c").await.unwrap();
    let report = report(&answer).clone();
    assert_eq!(report.url, "http://x.example/c");
    let hops: Vec<_> = report.hops.iter().map(|hop| (hop.status.as_u16(), hop.url.to_string())).collect();
    assert_eq!(
        hops,
        [(302, "http://x.example/302/a?/301/b?/c".to_owned()), (301, "http://x.example/301/b?/c".to_owned())]
    );
    assert!(text(answer).await.starts_with("GET /c\n"));
    assert_eq!(place.accepted(), 1);
}

#[tokio::test]
async fn the_method_changes_as_rfc_9110_says() {
    let place = Place::serving(redirecting);
    for (status, method, then) in [
        (301, Method::POST, Method::GET),
        (302, Method::POST, Method::GET),
        (303, Method::POST, Method::GET),
        (303, Method::PUT, Method::GET),
        (303, Method::HEAD, Method::HEAD),
        (301, Method::PUT, Method::PUT),
        (302, Method::DELETE, Method::DELETE),
        (307, Method::POST, Method::POST),
        (308, Method::POST, Method::POST),
    ] {
        let mut request = post(&format!("http://x.example/{status}/?/to"), "content");
        request.headers_mut().insert("content-type", HeaderValue::from_static("text/plain"));
        *request.method_mut() = method.clone();
        let said = text(place.client().request(request).await.unwrap()).await;
        if method == Method::HEAD {
            continue;
        }
        assert!(said.starts_with(&format!("{then} /to\n")), "{status} {method}: {said}");
        let kept = method == then;
        assert_eq!(said.ends_with("\n\ncontent"), kept, "{status} {method}: {said}");
        assert_eq!(said.contains("content-type"), kept, "{status} {method}: {said}");
    }
}

#[tokio::test]
async fn credentials_do_not_leave_their_origin() {
    let place = Place::serving(redirecting);
    for (to, kept) in [
        ("/to", true),
        ("http://x.example/to", true),
        ("http://x.example:81/to", false),
        ("http://y.example/to", false),
        ("//x.example.evil.example/to", false),
    ] {
        let mut request = Request::get(format!("http://x.example/302/?{to}")).body("").unwrap();
        for name in ["authorization", "cookie", "proxy-authorization", "host"] {
            request.headers_mut().insert(name, HeaderValue::from_static("secret"));
        }
        request.headers_mut().insert("x-other", HeaderValue::from_static("kept"));
        let said = text(place.client().request(request).await.unwrap()).await;
        assert_eq!(said.contains("secret"), kept, "{to}: {said}");
        assert!(said.contains("x-other: kept"), "{to}: {said}");
    }
    let said =
        text(place.client().get("http://ann:pw@x.example/302/?http://y.example/").await.unwrap()).await;
    assert!(!said.contains("authorization"), "{said}");
    let said =
        text(place.client().get("http://x.example/302/?http://eve:pw@y.example/").await.unwrap()).await;
    assert!(!said.contains("authorization"), "a server does not choose who we are: {said}");
}

#[tokio::test]
async fn other_schemes_are_not_followed() {
    let place = Place::serving(redirecting);
    for to in [
        "file:///etc/passwd",
        "ftp://x.example/",
        "javascript:alert(1)",
        "data:,x",
        "http://",
        "http://x.example:0/",
    ] {
        let error = place.client().get(&format!("http://x.example/302/?{to}")).await.unwrap_err();
        assert_eq!(error.phase(), Phase::Redirect, "{to}: {error:?}");
    }
}

#[tokio::test]
async fn a_loop_ends() {
    let place = Place::saying("HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n", false);
    let error = place.client().get("http://x.example/").await.unwrap_err();
    assert_eq!(error.phase(), Phase::Redirect);
    assert_eq!(error.to_string(), "redirect: more than 10 redirects");
    let error =
        place.client_of(|options| options.redirects = Some(0)).get("http://x.example/").await.unwrap_err();
    assert_eq!(error.to_string(), "redirect: more than 0 redirects");
}

#[tokio::test]
async fn who_does_not_follow_gets_the_answer_that_redirects() {
    let place = Place::serving(redirecting);
    let answer =
        place.client_of(|options| options.redirects = None).get("http://x.example/302/?/to").await.unwrap();
    assert_eq!(answer.status(), 302);
    assert_eq!(text(answer).await, "over there");
    let place = Place::saying("HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n", false);
    assert_eq!(place.client().get("http://x.example/").await.unwrap().status(), 302, "it leads nowhere");
}

#[tokio::test]
async fn content_that_comes_once_is_not_sent_on() {
    let place = Place::serving(redirecting);
    let error =
        place.client().request(post("http://x.example/307/?/to", pieces(&["once"]))).await.unwrap_err();
    assert_eq!(error.phase(), Phase::Redirect);
    assert!(error.to_string().contains("second time"), "{error}");
    let said =
        text(place.client().request(post("http://x.example/303/?/to", pieces(&["once"]))).await.unwrap())
            .await;
    assert!(said.starts_with("GET /to"), "{said}");
}

#[tokio::test]
async fn cookies_of_a_redirect_go_along() {
    let place = Place::serving(|request: crate::Request| async move {
        if request.uri.path() == "/login" {
            let mut answer = Response::new(Body::empty());
            *answer.status_mut() = StatusCode::SEE_OTHER;
            answer.headers_mut().insert("location", HeaderValue::from_static("/"));
            answer.headers_mut().insert("set-cookie", HeaderValue::from_static("session=7"));
            return Ok(answer);
        }
        echo(request).await
    });
    let client = place.client_of(|options| options.cookies = true);
    let said = text(client.request(post("http://x.example/login", "pw")).await.unwrap()).await;
    assert!(said.contains("cookie: session=7\n"), "{said}");
}
