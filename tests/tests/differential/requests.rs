//! Requests that are nearly right: valid ones, changed in one to three of the ways in which a client, an attacker or a
//! wire has been seen to change them. The same number always gives the same request.

/// A generator of numbers (splitmix64): the same everywhere, which no library promises.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}

/// A request in its parts, so that each can be changed alone.
#[derive(Clone, Default)]
struct Parts {
    before: Vec<u8>,
    /// Method, space, target, space, version, line end.
    line: [Vec<u8>; 6],
    /// Name, colon with what is around it, value, line end.
    fields: Vec<[Vec<u8>; 4]>,
    /// The empty line.
    last: Vec<u8>,
    body: Vec<u8>,
}

impl Parts {
    fn new(line: &str, fields: &[(&str, &str)], body: &str) -> Self {
        let mut words = line.split(' ').map(|word| word.as_bytes().to_vec());
        let mut word = || words.next().unwrap();
        let space = || b" ".to_vec();
        let end = || b"\r\n".to_vec();
        let line = [word(), space(), word(), space(), word(), end()];
        let field = |(name, value): &(&str, &str)| {
            [name.as_bytes().into(), b": ".into(), value.as_bytes().into(), end()]
        };
        let fields = fields.iter().map(field).collect();
        Self { before: Vec::new(), line, fields, last: end(), body: body.into() }
    }

    fn bytes(&self) -> Vec<u8> {
        let fields = self.fields.concat().concat();
        [&self.before[..], &self.line.concat(), &fields, &self.last, &self.body].concat()
    }

    /// Sets the field of this name, in the place where one is.
    fn set(&mut self, name: &str, value: &[u8]) {
        self.fields.retain(|field| !field[0].eq_ignore_ascii_case(name.as_bytes()));
        self.add(name, value);
    }

    fn add(&mut self, name: &str, value: &[u8]) {
        self.fields.push([name.into(), b": ".into(), value.into(), b"\r\n".into()]);
    }

    /// Any part that is written out.
    fn any<'a>(&'a mut self, random: &mut Random) -> &'a mut Vec<u8> {
        let all = self.line.iter_mut().chain(self.fields.iter_mut().flatten());
        let mut all: Vec<_> = all.chain([&mut self.last, &mut self.body]).collect();
        let which = random.below(all.len());
        all.swap_remove(which)
    }

    fn field<'a>(&'a mut self, random: &mut Random) -> &'a mut [Vec<u8>; 4] {
        if self.fields.is_empty() {
            self.add("X-A", b"b");
        }
        let which = random.below(self.fields.len());
        &mut self.fields[which]
    }
}

/// Valid requests of every kind.
fn valid(random: &mut Random) -> Parts {
    let host = ("Host", "www.example");
    let length = ("Content-Length", "5");
    let chunked = ("Transfer-Encoding", "chunked");
    match random.below(12) {
        0 | 1 => Parts::new("GET /a HTTP/1.1", &[host], ""),
        2 => Parts::new("GET /a/b?c=d&e HTTP/1.1", &[host, ("Accept", "*/*"), ("User-Agent", "x/1 (y)")], ""),
        3 => Parts::new("HEAD /a HTTP/1.1", &[("Host", "www.example:8080")], ""),
        4 | 5 => Parts::new("POST /a HTTP/1.1", &[host, length, ("Content-Type", "text/plain")], "hello"),
        6 | 7 => Parts::new("POST /a HTTP/1.1", &[host, chunked], "5\r\nhello\r\n0\r\n\r\n"),
        8 => Parts::new(
            "PUT /a HTTP/1.1",
            &[host, chunked, ("Trailer", "X-Sum")],
            "2;a=\"b\"\r\nhi\r\n3\r\nyou\r\n0\r\nX-Sum: 1\r\n\r\n",
        ),
        9 => Parts::new("GET /a HTTP/1.0", &[("Connection", "keep-alive")], ""),
        10 => Parts::new("DELETE /a%20b HTTP/1.1", &[host, ("If-Match", "\"a\"")], ""),
        _ => Parts::new("GET http://www.example/a HTTP/1.1", &[host], ""),
    }
}

type Change = fn(&mut Parts, &mut Random);

const CHANGES: &[Change] = &[
    white_space,
    white_space,
    line_ends,
    line_ends,
    names,
    names,
    hosts,
    hosts,
    lengths,
    lengths,
    codings,
    codings,
    both_framings,
    chunks,
    chunks,
    versions,
    targets,
    targets,
    folds,
    controls,
    controls,
    duplicates,
    methods,
    connections,
    cuts,
    noise,
    noise,
];

/// A changed request.
pub(crate) fn request(number: u64) -> Vec<u8> {
    let mut random = Random(number);
    let mut parts = valid(&mut random);
    for _ in 0..random.pick(&[1, 1, 1, 1, 1, 1, 2, 2, 2, 3]) {
        random.pick(CHANGES)(&mut parts, &mut random);
    }
    parts.bytes()
}

fn white_space(parts: &mut Parts, random: &mut Random) {
    let spaces: &[&[u8]] = &[b"", b"  ", b"\t", b" \t", b"\x0b", b"\x0c", b"\xa0", b"   "];
    match random.below(7) {
        0 => parts.line[1] = random.pick(spaces).into(),
        1 => parts.line[3] = random.pick(spaces).into(),
        2 => parts.line[0].insert(0, random.pick(b" \t")),
        3 => parts.line[4].push(random.pick(b" \t")),
        4 => parts.field(random)[1] = random.pick::<&[u8]>(&[b" : ", b"\t: ", b" :", b"\x0b: "]).into(),
        5 => {
            parts.field(random)[1] = random.pick::<&[u8]>(&[b":", b":\t", b":   ", b":\x0b", b":\xa0"]).into()
        }
        _ => parts.field(random)[3].insert(0, random.pick(b" \t\x0b\x0c\xa0")),
    }
}

fn line_ends(parts: &mut Parts, random: &mut Random) {
    let ends: &[&[u8]] = &[b"\n", b"\r", b"\n\r", b"\r\r\n", b"\r\n\r", b"\n\n", b"\0\r\n", b"\x85", b""];
    match random.below(6) {
        0 => parts.line[5] = random.pick(ends).into(),
        1 | 2 => parts.field(random)[3] = random.pick(ends).into(),
        3 => parts.last = random.pick(ends).into(),
        4 => parts.before = b"\r\n".repeat(1 + random.below(6)),
        _ => parts.before = random.pick::<&[u8]>(&[b"\n", b"\n\n", b"\r", b" ", b"\r\n\n", b" \r\n"]).into(),
    }
}

fn names(parts: &mut Parts, random: &mut Random) {
    let name = &mut parts.field(random)[0];
    let place = random.below(name.len() + 1);
    match random.below(6) {
        0 => *name = name.to_ascii_uppercase(),
        1 => *name = name.iter().map(|byte| if *byte == b'-' { b'_' } else { *byte }).collect(),
        2 => name.clear(),
        3 => name.insert(place, random.pick(b"()<>@,;\\\"/[]?={}")),
        4 => name.insert(place, random.pick(b"!#$%&'*+-.^_`|~")),
        _ => name.insert(place, random.pick(b"\x80\xe9\xff:")),
    }
}

fn hosts(parts: &mut Parts, random: &mut Random) {
    let hosts: &[&[u8]] = &[
        b"",
        b" ",
        b"a",
        b"A.EXAMPLE",
        b"a:80",
        b"a:",
        b":80",
        b"a:b",
        b"a:99999",
        b"a:-1",
        b"a b",
        b"a,b",
        b"a/b",
        b"u@a",
        b"u:p@a",
        b"[::1]",
        b"[::1]:80",
        b"[::1",
        b"::1",
        b"[zz]",
        b"[v1.a]",
        b"1.2.3.4",
        b"a_b",
        b"a..b",
        b".",
        b"a.",
        b"-a",
        b"a%20b",
        b"a%zz",
        b"a?b",
        b"a#b",
        b"a\\b",
        b"a\x00b",
        b"\xc3\xa9",
        b"a\tb",
        b"*",
        b"a|b",
        b"<a>",
        b"a;b",
        b"a:80:80",
    ];
    match random.below(8) {
        0 => parts.fields.retain(|field| field[0] != b"Host"),
        1 => parts.add("Host", random.pick(hosts)),
        2 => parts.add("host", b"www.example"),
        _ => parts.set("Host", random.pick(hosts)),
    }
}

fn lengths(parts: &mut Parts, random: &mut Random) {
    let lengths: &[&[u8]] = &[
        b"0",
        b"5",
        b"05",
        b"+5",
        b"-5",
        b"5 ",
        b"5,5",
        b"5, 5",
        b"5, 6",
        b"5 5",
        b"0x5",
        b"5.0",
        b"5e0",
        b"",
        b"five",
        b"4",
        b"3",
        b"99999999999999999999",
        b"18446744073709551616",
        b"000000000000000000000000005",
        b"\xd9\xa5",
        b"5;a",
        b"\"5\"",
        b"5\x00",
    ];
    match random.below(4) {
        0 => parts.add("Content-Length", random.pick(lengths)),
        _ => parts.set("Content-Length", random.pick(lengths)),
    }
    if random.below(3) > 0 {
        parts.fields.retain(|field| field[0] != b"Transfer-Encoding");
        parts.body = b"hello".into();
    }
}

fn codings(parts: &mut Parts, random: &mut Random) {
    let codings: &[&[u8]] = &[
        b"chunked",
        b"Chunked",
        b"CHUNKED",
        b" chunked",
        b"chunked ",
        b"chunked,",
        b",chunked",
        b", , chunked",
        b"gzip",
        b"gzip, chunked",
        b"chunked, gzip",
        b"chunked, chunked",
        b"identity",
        b"identity, chunked",
        b"xchunked",
        b"chunkedx",
        b"chunked;a=b",
        b"\"chunked\"",
        b"chunked\x0b",
        b"\x0bchunked",
        b"",
        b"x",
        b"chu nked",
        b"trailers",
        b"chunked\x00",
    ];
    match random.below(4) {
        0 => parts.add("Transfer-Encoding", random.pick(codings)),
        1 => parts.add("transfer-encoding", b"chunked"),
        _ => parts.set("Transfer-Encoding", random.pick(codings)),
    }
    if random.below(3) > 0 {
        parts.fields.retain(|field| field[0] != b"Content-Length");
        parts.body = b"5\r\nhello\r\n0\r\n\r\n".into();
    }
}

fn both_framings(parts: &mut Parts, random: &mut Random) {
    parts.set("Transfer-Encoding", random.pick::<&[u8]>(&[b"chunked", b"identity", b"x"]));
    parts.set("Content-Length", random.pick::<&[u8]>(&[b"5", b"15", b"0"]));
    parts.body = b"5\r\nhello\r\n0\r\n\r\n".into();
}

fn chunks(parts: &mut Parts, random: &mut Random) {
    let bodies: &[&str] = &[
        "0\r\n\r\n",
        "00000\r\n\r\n",
        "5\r\nhello\r\n0\r\n",
        "5\r\nhello\r\n",
        "5\r\nhello0\r\n\r\n",
        "5\r\nhello!\r\n0\r\n\r\n",
        "6\r\nhello\r\n0\r\n\r\n",
        "5\nhello\n0\n\n",
        "5\r\nhello\n0\r\n\r\n",
        "5\r\nhello\r\n0\r\n\n",
        "5\r\nhello\r\n0\n\r\n",
        "5\rhello\r0\r\r",
        "5\r\nhello\r\r\n0\r\n\r\n",
        "0x5\r\nhello\r\n0\r\n\r\n",
        "+5\r\nhello\r\n0\r\n\r\n",
        "-5\r\nhello\r\n0\r\n\r\n",
        " 5\r\nhello\r\n0\r\n\r\n",
        "5 \r\nhello\r\n0\r\n\r\n",
        "5\t\r\nhello\r\n0\r\n\r\n",
        "005\r\nhello\r\n0\r\n\r\n",
        "\r\nhello\r\n0\r\n\r\n",
        "g\r\nhello\r\n0\r\n\r\n",
        "5h\r\nhello\r\n0\r\n\r\n",
        "A\r\nhellohello\r\n0\r\n\r\n",
        "a\r\nhellohello\r\n0\r\n\r\n",
        "10000000000000005\r\nhello\r\n0\r\n\r\n",
        "ffffffffffffffff\r\nhello\r\n0\r\n\r\n",
        "00000000000000000005\r\nhello\r\n0\r\n\r\n",
        "5;\r\nhello\r\n0\r\n\r\n",
        "5;a\r\nhello\r\n0\r\n\r\n",
        "5;a=b\r\nhello\r\n0\r\n\r\n",
        "5 ; a = b\r\nhello\r\n0\r\n\r\n",
        "5;a=\"b;c\"\r\nhello\r\n0\r\n\r\n",
        "5;a=\"b\r\nhello\r\n0\r\n\r\n",
        "5;=b\r\nhello\r\n0\r\n\r\n",
        "5;a b\r\nhello\r\n0\r\n\r\n",
        "5;a\nhello\r\n0\r\n\r\n",
        "5;\u{e9}\r\nhello\r\n0\r\n\r\n",
        "5;\0\r\nhello\r\n0\r\n\r\n",
        "5,a\r\nhello\r\n0\r\n\r\n",
        "5;a\rb\r\nhello\r\n0\r\n\r\n",
        "5\r\nhello\r\n0;a=b\r\n\r\n",
        "5\r\nhello\r\n0\r\nA: b\r\n\r\n",
        "5\r\nhello\r\n0\r\nA: b\r\nB: c\r\n\r\n",
        "5\r\nhello\r\n0\r\nA : b\r\n\r\n",
        "5\r\nhello\r\n0\r\nA\r\n\r\n",
        "5\r\nhello\r\n0\r\n A: b\r\n\r\n",
        "5\r\nhello\r\n0\r\nA: b\r\n c\r\n\r\n",
        "5\r\nhello\r\n0\r\nA: \0\r\n\r\n",
        "5\r\nhello\r\n0\r\nA: b\n\r\n",
        "5\r\nhello\r\n0\r\n: b\r\n\r\n",
        "5\r\nhello\r\n0\r\nContent-Length: 3\r\n\r\n",
        "5\r\nhello\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n",
        "5\r\nhello\r\n0\r\nHost: y\r\n\r\n",
    ];
    parts.set("Transfer-Encoding", b"chunked");
    if random.below(8) > 0 {
        parts.fields.retain(|field| field[0] != b"Content-Length");
    }
    parts.body = random.pick(bodies).into();
}

fn versions(parts: &mut Parts, random: &mut Random) {
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

fn targets(parts: &mut Parts, random: &mut Random) {
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

fn folds(parts: &mut Parts, random: &mut Random) {
    let fold: &[u8] = random.pick(&[b"\r\n ", b"\r\n\t", b"\n ", b"\r\n  b: c\r\n ", b"\r ", b"\r\n \r\n "]);
    let field = parts.field(random);
    match random.below(3) {
        0 => field[1] = [b":", fold].concat(),
        1 => field[2].extend(fold.iter().chain(b"x")),
        _ => field[0].insert(0, random.pick(b" \t")),
    }
}

fn controls(parts: &mut Parts, random: &mut Random) {
    let byte = random.pick(b"\0\x01\x08\x0b\x0c\x1b\x1f\x7f\x80\xff\r\n\t");
    let part = parts.any(random);
    part.insert(random.below(part.len() + 1), byte);
}

fn duplicates(parts: &mut Parts, random: &mut Random) {
    let mut field = parts.field(random).clone();
    if random.below(2) == 0 {
        field[0] = field[0].to_ascii_lowercase();
    }
    if random.below(2) == 0 {
        field[2] =
            random.pick::<&[u8]>(&[b"", b"x", b"6", b"chunked", b"www.example", b"a", b"close"]).into();
    }
    let place = random.below(parts.fields.len() + 1);
    parts.fields.insert(place, field);
}

fn methods(parts: &mut Parts, random: &mut Random) {
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

fn connections(parts: &mut Parts, random: &mut Random) {
    let options: &[&[u8]] = &[
        b"close",
        b"Close",
        b"keep-alive",
        b"close, keep-alive",
        b"keep-alive, close",
        b"x",
        b"x, close",
        b"close,",
        b", close",
        b"closed",
        b"",
        b"upgrade",
        b"host",
        b"\"close\"",
        b"close;a",
        b"content-length",
        b"te",
        b"clo se",
    ];
    match random.below(6) {
        0 => parts.set(
            "Expect",
            random.pick::<&[u8]>(&[b"100-continue", b"100-Continue", b"x", b"", b"100-continue, x"]),
        ),
        1 => parts.add("Connection", random.pick(options)),
        2 => {
            parts.line[4] = b"HTTP/1.0".into();
            parts.set("Connection", random.pick(options));
        }
        _ => parts.set("Connection", random.pick(options)),
    }
}

/// Ends the request in its midst, or puts something behind it.
fn cuts(parts: &mut Parts, random: &mut Random) {
    match random.below(4) {
        0 => parts.body.truncate(random.below(parts.body.len())),
        1 => {
            parts.body.extend(random.pick::<&[u8]>(&[b"x", b"\r\n", b"\n", b"GET / HTTP/1.1\r\n\r\n", b"\0"]))
        }
        2 => parts.last.clear(),
        _ => {
            let part = parts.any(random);
            part.truncate(random.below(part.len()));
        }
    }
}

fn noise(parts: &mut Parts, random: &mut Random) {
    let byte = random.next() as u8;
    let part = parts.any(random);
    let place = random.below(part.len());
    match (random.below(4), part.get_mut(place)) {
        (0, Some(found)) => *found = byte,
        (1, Some(_)) => {
            part.remove(place);
        }
        (2, Some(_)) => part.swap(place, 0),
        _ => part.insert(place, byte),
    }
}
