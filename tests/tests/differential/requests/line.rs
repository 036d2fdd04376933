//! Changes of the request line.

use super::{Parts, Random};

pub(super) fn methods(parts: &mut Parts, random: &mut Random) {
    let methods: &[&str] = &[
        "get",
        "Get",
        "GET,",
        "G(T",
        "G T",
        "GE\tT",
        "",
        "A",
        "FROBNICATE",
        "M-SEARCH",
        "M_SEARCH",
        "a.b",
        "!#$%&'*+-.^_`|~",
        "TRACE",
        "DELETE",
        "PATCH",
        "PROPFIND",
        "PRI",
        "GET:",
        "\"GET\"",
        "G\u{e9}T",
        "HTTP/1.1",
        "1",
        "G\0T",
        "{GET}",
        "OPTIONS",
    ];
    parts.line[0] = match random.below(12) {
        0 => b"A".repeat(random.pick(&[31, 32, 33, 100])),
        _ => random.pick(methods).into(),
    };
}

pub(super) fn targets(parts: &mut Parts, random: &mut Random) {
    let targets: &[&[u8]] = &[
        b"",
        b"/",
        b"//",
        b"//a/b",
        b"///",
        b"/a//b",
        b"/.",
        b"/..",
        b"/a/../b",
        b"/a/./b",
        b"/../a",
        b"/a/..",
        b"/a/../../b",
        b"/%2e%2e/a",
        b"/%2E%2E%2fa",
        b"/a%2fb",
        b"/a%5cb",
        b"/a\\b",
        b"/%00",
        b"/%",
        b"/%4",
        b"/%zz",
        b"/%u0041",
        b"/a%20b",
        b"/a+b",
        b"/a;b",
        b"/a:b",
        b"/a?b",
        b"/a?",
        b"/?",
        b"/a?b?c",
        b"/a#b",
        b"/a?b#c",
        b"a",
        b"a/b",
        b"?a",
        b"#",
        b"*",
        b"**",
        b"*/a",
        b"/*",
        b"http://a/b",
        b"http://a",
        b"http://a?b",
        b"http://a:80/b",
        b"http://a:b/c",
        b"http:///a",
        b"http:/a",
        b"http:a",
        b"https://a/b",
        b"HTTP://a/b",
        b"ftp://a/b",
        b"ws://a/b",
        b"http://u@a/b",
        b"http://u:p@a/b",
        b"http://[::1]/a",
        b"http://[::1/a",
        b"http://a b/",
        b"http://a#b",
        b"http://www.example/..",
        b"http://\xc3\xa9/",
        b"://a",
        b"a:80",
        b"a",
        b"/\xc3\xa9",
        b"/\xff",
        b"/\x7f",
        b"/\x01",
        b"/\0",
        b"/<>",
        b"/\"",
        b"/{}",
        b"/|",
        b"/^",
        b"/`",
        b"/[]",
        b"/a\tb",
        b"/a b",
        b"/~!$&'()*+,;=:@-._",
        b"mailto:a@b",
        b"file:///etc/passwd",
        b"/%2525",
        b"\\\\a\\b",
    ];
    parts.line[2] = match random.below(30) {
        0 => [b"/", &b"a".repeat(4000)[..]].concat(),
        _ => random.pick(targets).into(),
    };
    match random.below(12) {
        0 => {
            (parts.line[0], parts.line[2]) =
                (b"OPTIONS".into(), random.pick::<&[u8]>(&[b"*", b"**", b"/*", b"http://a"]).into())
        }
        1 => {
            (parts.line[0], parts.line[2]) = (
                b"CONNECT".into(),
                random
                    .pick::<&[u8]>(&[b"a:80", b"a", b"/a", b"http://a/", b"[::1]:80", b"a:", b":80"])
                    .into(),
            )
        }
        _ => {}
    }
}

pub(super) fn versions(parts: &mut Parts, random: &mut Random) {
    let versions: &[&str] = &[
        "HTTP/1.0",
        "HTTP/1.1",
        "HTTP/1.2",
        "HTTP/1.9",
        "HTTP/2.0",
        "HTTP/0.9",
        "HTTP/3.0",
        "HTTP/9.9",
        "HTTP/1",
        "HTTP/1.",
        "HTTP/.1",
        "HTTP/1.10",
        "HTTP/01.1",
        "HTTP/1.01",
        "HTTP/11",
        "HTTP/1,1",
        "http/1.1",
        "Http/1.1",
        "HTTP 1.1",
        "HTTP/ 1.1",
        "HTTP/1 .1",
        "HTTP",
        "HTTP/",
        "HTTPS/1.1",
        "XTTP/1.1",
        "SIP/2.0",
        "",
        "HTTP/a.b",
        "HTTP/1.1x",
        "HTTP/1.\u{661}",
        "HTTP/-1.1",
        "HTTP\\1.1",
    ];
    parts.line[4] = random.pick(versions).into();
    if random.below(8) == 0 {
        parts.line[3].clear();
        parts.line[4].clear();
    }
}
