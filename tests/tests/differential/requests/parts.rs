//! A request that can be changed.

use super::Random;

/// A request in its parts, so that each can be changed alone.
#[derive(Clone, Default)]
pub(super) struct Parts {
    pub(super) before: Vec<u8>,
    /// Method, space, target, space, version, line end.
    pub(super) line: [Vec<u8>; 6],
    /// Name, colon with what is around it, value, line end.
    pub(super) fields: Vec<[Vec<u8>; 4]>,
    /// The empty line.
    pub(super) last: Vec<u8>,
    pub(super) body: Vec<u8>,
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

    pub(super) fn bytes(&self) -> Vec<u8> {
        let fields = self.fields.concat().concat();
        [&self.before[..], &self.line.concat(), &fields, &self.last, &self.body].concat()
    }

    /// Sets the field of this name, in the place where one is.
    pub(super) fn set(&mut self, name: &str, value: &[u8]) {
        self.fields.retain(|field| !field[0].eq_ignore_ascii_case(name.as_bytes()));
        self.add(name, value);
    }

    pub(super) fn add(&mut self, name: &str, value: &[u8]) {
        self.fields.push([name.into(), b": ".into(), value.into(), b"\r\n".into()]);
    }

    /// Any part that is written out.
    pub(super) fn any<'a>(&'a mut self, random: &mut Random) -> &'a mut Vec<u8> {
        let all = self.line.iter_mut().chain(self.fields.iter_mut().flatten());
        let mut all: Vec<_> = all.chain([&mut self.last, &mut self.body]).collect();
        let which = random.below(all.len());
        all.swap_remove(which)
    }

    pub(super) fn field<'a>(&'a mut self, random: &mut Random) -> &'a mut [Vec<u8>; 4] {
        if self.fields.is_empty() {
            self.add("X-A", b"b");
        }
        let which = random.below(self.fields.len());
        &mut self.fields[which]
    }
}

/// Valid requests of every kind.
pub(super) fn valid(random: &mut Random) -> Parts {
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
