//! What the RFCs let a part of a request be.

pub(super) fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(is_tchar)
}

fn is_tchar(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte)
}

pub(super) fn is_control(byte: &u8) -> bool {
    byte.is_ascii_control() && *byte != b'\t'
}

pub(super) fn holds(text: &[u8], part: &str) -> bool {
    text.windows(part.len()).any(|it| it.eq_ignore_ascii_case(part.as_bytes()))
}

/// The members of all lines of a list.
pub(super) fn members(lines: &[&[u8]]) -> Vec<Vec<u8>> {
    let all = lines.join(&b',').to_ascii_lowercase();
    all.split(|byte| *byte == b',').map(|it| it.trim_ascii().to_vec()).filter(|it| !it.is_empty()).collect()
}

/// `uri-host [ ":" port ]` (RFC 9110 §7.2), or nothing.
pub(super) fn is_host(text: &[u8]) -> bool {
    let text = String::from_utf8_lossy(text);
    let colon = text.rfind(':').filter(|colon| !text[*colon..].contains(']'));
    let (host, port) = colon.map_or((&*text, ""), |colon| (&text[..colon], &text[colon + 1..]));
    let is_port =
        port.bytes().all(|byte| byte.is_ascii_digit()) && (port.is_empty() || port.parse::<u16>().is_ok());
    let is_name = |name: &str| {
        name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=%".contains(&byte))
    };
    let escapes = host
        .split('%')
        .skip(1)
        .all(|after| after.len() > 1 && after.as_bytes()[..2].iter().all(u8::is_ascii_hexdigit));
    let is_host = match host.strip_prefix('[') {
        Some(literal) => literal.strip_suffix(']').is_some_and(|it| it.parse::<std::net::Ipv6Addr>().is_ok()),
        None => is_name(host) && escapes,
    };
    text.is_empty() || (is_host && is_port && !host.is_empty())
}

/// One of the four forms of RFC 9112 §3.2, in the octets of RFC 3986 and those more that browsers send as they are.
pub(super) fn is_target(method: &[u8], target: &[u8]) -> bool {
    let query = target.iter().position(|byte| *byte == b'?').unwrap_or(target.len());
    let is_uri = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~:/?@!$&'()*+,;=%|{}\"^[]\\".contains(byte);
    let are_uri = target[..query].iter().all(is_uri)
        && target[query..].iter().all(|byte| is_uri(byte) || *byte == b'`');
    let text = String::from_utf8_lossy(target).to_ascii_lowercase();
    match target {
        [b'/', ..] => method != b"CONNECT" && are_uri,
        b"*" => method == b"OPTIONS",
        _ if method == b"CONNECT" => {
            is_host(target)
                && text.ends_with(|last: char| last.is_ascii_digit())
                && !text.starts_with(':')
                && text.contains(':')
        }
        _ => {
            let rest = text.strip_prefix("http://").or(text.strip_prefix("https://")).unwrap_or_default();
            let authority = rest.split(['/', '?']).next().unwrap_or_default();
            !authority.is_empty() && is_host(authority.as_bytes()) && are_uri
        }
    }
}

/// A whole body in the chunked coding (RFC 9112 §7.1), with at most 16 digits in a size, and what follows it.
pub(super) fn is_chunked(mut body: &[u8]) -> bool {
    let line = |body: &mut &[u8]| {
        let end = body.windows(2).position(|two| two == b"\r\n")?;
        let line = body[..end].to_vec();
        *body = &body[end + 2..];
        (!line.iter().any(is_control)).then_some(line)
    };
    loop {
        let Some(head) = line(&mut body) else { return false };
        let digits = head.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        let (size, extensions) = head.split_at(digits);
        let size = usize::from_str_radix(&String::from_utf8_lossy(size), 16);
        match size {
            _ if !are_extensions(extensions) => return false,
            Err(_) => return false,
            _ if digits > 16 => return false,
            Ok(0) => break,
            Ok(octets) if body.get(octets..).is_some_and(|after| after.starts_with(b"\r\n")) => {
                body = &body[octets + 2..]
            }
            Ok(_) => return false,
        }
    }
    loop {
        match line(&mut body) {
            None => return false,
            Some(field) if field.is_empty() => return true,
            Some(field)
                if field.iter().position(|byte| *byte == b':').is_none_or(|at| !is_token(&field[..at])) =>
            {
                return false;
            }
            Some(_) => {}
        }
    }
}

fn are_extensions(text: &[u8]) -> bool {
    let text = String::from_utf8_lossy(text);
    // What is quoted is a word; what is not ended is none.
    if text.matches('"').count() % 2 == 1 {
        return false;
    }
    let text: String =
        text.split('"').enumerate().map(|(n, part)| if n % 2 == 1 { "q" } else { part }).collect();
    let mut parts = text.split(';').map(|part| part.trim_matches([' ', '\t']));
    let is_extension =
        |part: &str| part.splitn(2, '=').all(|word| is_token(word.trim_matches([' ', '\t']).as_bytes()));
    parts.next() == Some("") && !text.ends_with([' ', '\t']) && parts.all(is_extension)
}
