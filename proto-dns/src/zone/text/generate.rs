use super::{File, Reader};
use crate::wire::lexer::{Fault, Lexer, Word};

/// How many entries one `$GENERATE` may make.
const MAX_ENTRIES: u32 = 1 << 16;
/// The most digits of a number.
const MAX_WIDTH: usize = 64;

/// The numbers that a `$GENERATE` counts through.
struct Range {
    start: u32,
    stop: u32,
    step: u32,
}

impl Reader<'_> {
    /// Reads the rest of `$GENERATE start-stop[/step] owner [ttl] [class] type data`, which is an entry for each number
    /// in which `$` is that number, and `${offset,width,base}` is it in another form. A fault in one of them is told
    /// once, at the directive.
    pub(super) fn generate(&mut self, directive: Word<'_>, file: &mut File<'_>) -> Result<(), Fault> {
        let word = file.lexer.need("a range")?;
        let range = range(word.text).ok_or_else(|| word.fault("a range as 1-10 or 0-100/2 is expected"))?;
        if (range.stop - range.start) / range.step >= MAX_ENTRIES {
            return Err(word.fault(format!("more than {MAX_ENTRIES} entries")));
        }
        let mut words = vec![file.lexer.need("an owner")?];
        while let Some(word) = file.lexer.word()? {
            words.push(word);
        }
        for number in (range.start..=range.stop).step_by(usize::try_from(range.step).unwrap_or(usize::MAX)) {
            let text = words.iter().try_fold(Vec::new(), |mut text, word| {
                expand(word, number, &mut text)
                    .ok_or_else(|| word.fault("a $ is not as it must be"))
                    .map(|()| text)
            })?;
            let made_at = Some(file.place(directive.at));
            let (index, state) = (file.index, file.state.clone());
            let mut one = File { index, text: &text, lexer: Lexer::new(&text), state, made_at };
            let read = self.entry(&mut one);
            file.state = one.state;
            read.map_err(|fault| directive.fault(format!("at {number}: {}", fault.what)))?;
        }
        Ok(())
    }
}

fn range(text: &[u8]) -> Option<Range> {
    let text = std::str::from_utf8(text).ok()?;
    let (range, step) = text.split_once('/').unwrap_or((text, "1"));
    let (start, stop) = range.split_once('-')?;
    let number = |text: &str| text.parse::<u32>().ok().filter(|_| !text.starts_with('+'));
    let range = Range { start: number(start)?, stop: number(stop)?, step: number(step)? };
    (range.start <= range.stop && range.stop < u32::MAX && range.step > 0).then_some(range)
}

/// Adds a word to an entry, with a space before the next.
fn expand(word: &Word<'_>, number: u32, out: &mut Vec<u8>) -> Option<()> {
    let quote: &[u8] = if word.quoted { b"\"" } else { b"" };
    out.extend_from_slice(quote);
    let mut rest = word.text;
    while let Some((&octet, after)) = rest.split_first() {
        rest = after;
        match (octet, after) {
            (b'\\', [escaped, after @ ..]) => {
                out.extend([b'\\', *escaped]);
                rest = after;
            }
            (b'$', [b'$', after @ ..]) => {
                out.extend(br"\$");
                rest = after;
            }
            (b'$', [b'{', after @ ..]) => {
                let end = memchr::memchr(b'}', after)?;
                let (form, after) = after.split_at(end);
                out.extend(shown(form, number)?.bytes());
                rest = after.get(1..)?;
            }
            (b'$', _) => out.extend(number.to_string().bytes()),
            _ => out.push(octet),
        }
    }
    out.extend_from_slice(quote);
    out.push(b' ');
    Some(())
}

/// A number in the form `offset[,width[,base]]`.
fn shown(form: &[u8], number: u32) -> Option<String> {
    let mut parts = std::str::from_utf8(form).ok()?.split(',');
    let number = i64::from(number)
        + parts.next()?.parse::<i64>().ok().filter(|offset| offset.unsigned_abs() < 1 << 32)?;
    let number = u64::try_from(number).ok()?;
    let width = parts.next().map_or(Some(0), |width| width.parse::<usize>().ok())?;
    let base = parts.next().unwrap_or("d");
    if width > MAX_WIDTH || parts.next().is_some() {
        return None;
    }
    Some(match base {
        "d" => format!("{number:0width$}"),
        "o" => format!("{number:0width$o}"),
        "x" => format!("{number:0width$x}"),
        "X" => format!("{number:0width$X}"),
        "n" | "N" => nibbles(number, width, base == "N"),
        _ => return None,
    })
}

/// Hexadecimal digits from the last to the first, with dots between, which count for the width.
fn nibbles(number: u64, width: usize, upper: bool) -> String {
    let digits = if upper { format!("{number:X}") } else { format!("{number:x}") };
    let digits = format!("{digits:0>0$}", width.div_ceil(2));
    digits.chars().rev().map(String::from).collect::<Vec<_>>().join(".")
}
