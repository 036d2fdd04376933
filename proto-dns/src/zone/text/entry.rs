use super::{File, Reader};
use crate::wire::lexer::{Fault, Lexer, Word};
use crate::wire::rdata::{self, name_of, seconds};
use crate::wire::{Class, Name, NameBuf, NameRef, Type};
use crate::zone::RecordRef;

/// The largest TTL (RFC 2181 §8).
const MAX_TTL: u32 = i32::MAX as u32;
/// The most iterations of NSEC3: resolvers take more for an attack (RFC 9276 §3.2).
const MAX_ITERATIONS: u16 = 50;
/// How much of a word is shown that nobody knows.
const SHOWN: usize = 40;

/// What an entry leaves for those after it.
#[derive(Clone)]
pub(super) struct State {
    pub(super) origin: Option<Name>,
    owner: NameBuf,
    has_owner: bool,
    pub(super) ttls: Ttls,
}

/// What a record without a TTL can have.
#[derive(Clone, Copy, Default)]
pub(super) struct Ttls {
    /// That of `$TTL` (RFC 2308 §4).
    default: Option<u32>,
    /// The last that a record told (RFC 1035 §5.1).
    last: Option<u32>,
}

/// What stands between the owner and the data.
struct Head {
    ttl: Option<u32>,
    class: Option<Class>,
    rtype: Type,
}

impl State {
    pub(super) fn new(origin: Option<NameRef<'_>>) -> Self {
        Self {
            origin: origin.map(|origin| origin.to_name()),
            owner: NameBuf::new(),
            has_owner: false,
            ttls: Ttls::default(),
        }
    }

    pub(super) fn origin(&self) -> Option<NameRef<'_>> {
        self.origin.as_ref().map(Name::view)
    }
}

impl Reader<'_> {
    /// Reads one entry: a directive, a record, or nothing.
    pub(super) fn entry(&mut self, file: &mut File<'_>) -> Result<(), Fault> {
        let blank = file.lexer.at_space();
        let Some(first) = file.lexer.word()? else { return Ok(()) };
        if !blank && !first.quoted && first.text.starts_with(b"$") {
            return self.directive(first, file);
        }
        let second = if blank {
            if !file.state.has_owner {
                return Err(first.fault("there is no record before this whose owner it could have"));
            }
            first
        } else {
            name_of(&first, file.state.origin.as_ref().map(Name::view), &mut file.state.owner)?;
            file.state.has_owner = true;
            file.lexer.need("a type")?
        };
        self.record(first, second, file)
    }

    fn directive(&mut self, word: Word<'_>, file: &mut File<'_>) -> Result<(), Fault> {
        match word.text.to_ascii_uppercase().as_slice() {
            b"$ORIGIN" => {
                let mut name = NameBuf::new();
                name_of(&file.lexer.need("a name")?, file.state.origin(), &mut name)?;
                file.lexer.end()?;
                file.state.origin = Some(name.view().to_name());
            }
            b"$TTL" => {
                let ttl = file.lexer.need("a TTL")?;
                file.state.ttls.default = Some(ttl_of(&ttl)?);
                file.lexer.end()?;
            }
            b"$INCLUDE" => self.include(file)?,
            b"$GENERATE" => self.generate(word, file)?,
            _ => {
                return Err(
                    word.fault("an unknown directive: $ORIGIN, $TTL, $INCLUDE and $GENERATE are known")
                );
            }
        }
        Ok(())
    }

    /// Reads a record that begins at `first`, from the word after its owner on.
    fn record<'a>(&mut self, first: Word<'_>, second: Word<'a>, file: &mut File<'a>) -> Result<(), Fault> {
        let (head, last) = head(second, &mut file.lexer)?;
        let class = self.one_class(&head, &last)?;
        let start = file.lexer.clone();
        rdata::parse(
            head.rtype,
            &mut file.lexer,
            file.state.origin.as_ref().map(Name::view),
            &mut self.rdata,
        )?;
        iterations(head.rtype, &self.rdata, start)?;
        let ttl = self.ttl(&head, &last, file)?;
        let place = file.place(first.at);
        let record =
            RecordRef { name: file.state.owner.view(), class, rtype: head.rtype, ttl, rdata: &self.rdata };
        (self.sink)(record, place);
        self.reading.records += 1;
        Ok(())
    }

    /// All records of a zone are of one class (RFC 1035 §5.2).
    fn one_class(&mut self, head: &Head, at: &Word<'_>) -> Result<Class, Fault> {
        match (head.class, self.class) {
            (Some(Class::ANY | Class::NONE), _) => Err(at.fault("a record has no such class")),
            (Some(class), Some(before)) if class != before => {
                Err(at.fault(format!("a record of class {class}, where those before it are of {before}")))
            }
            (class, before) => {
                let class = class.or(before).unwrap_or(Class::IN);
                self.class = Some(class);
                Ok(class)
            }
        }
    }

    /// The TTL of a record: its own, that of `$TTL`, that of the record before, or for SOA its minimum.
    fn ttl(&mut self, head: &Head, at: &Word<'_>, file: &mut File<'_>) -> Result<u32, Fault> {
        if head.ttl.is_some() {
            file.state.ttls.last = head.ttl;
        }
        if let Some(ttl) = head.ttl.or(file.state.ttls.default).or(file.state.ttls.last) {
            return Ok(ttl);
        }
        match self.rdata.last_chunk() {
            Some(&minimum) if head.rtype == Type::SOA => {
                let minimum = u32::from_be_bytes(minimum).min(MAX_TTL);
                file.state.ttls.last = Some(minimum);
                self.warn(file, at.at, "no TTL here and no $TTL before: taking the minimum of the SOA");
                Ok(minimum)
            }
            _ => Err(at.fault("no TTL: none here, no $TTL before, and no record before that has one")),
        }
    }
}

/// Reads TTL and class, in either order and each or both absent, and the type; gives the type's word as well.
fn head<'a>(first: Word<'a>, lexer: &mut Lexer<'a>) -> Result<(Head, Word<'a>), Fault> {
    let (mut ttl, mut class, mut word) = (None, None, first);
    loop {
        if word.quoted {
            return Err(word.fault("a type, a class or a TTL has no quotes"));
        }
        if ttl.is_none() && word.text.first().is_some_and(u8::is_ascii_digit) {
            ttl = Some(ttl_of(&word)?);
        } else if let Some(known) = Class::parse(word.text).filter(|_| class.is_none()) {
            class = Some(known);
        } else {
            break;
        }
        word = lexer.need("a type")?;
    }
    let Some(rtype) = Type::parse(word.text) else {
        let text = word.text.get(..SHOWN).unwrap_or(word.text).escape_ascii();
        return Err(word.fault(format!("`{text}` is not a type, nor a class or a TTL")));
    };
    if rtype.is_meta() {
        return Err(word.fault("a type that no record of a zone can have"));
    }
    Ok((Head { ttl, class, rtype }, word))
}

fn ttl_of(word: &Word<'_>) -> Result<u32, Fault> {
    let ttl = seconds(word.text).filter(|&ttl| ttl <= MAX_TTL);
    ttl.ok_or_else(|| word.fault("a TTL as 3600 or 1h, up to 2147483647, is expected"))
}

/// Refuses NSEC3 with more iterations than resolvers take, at the word that tells them.
fn iterations(rtype: Type, rdata: &[u8], mut start: Lexer<'_>) -> Result<(), Fault> {
    match rdata {
        &[_, _, high, low, ..]
            if matches!(rtype, Type::NSEC3 | Type::NSEC3PARAM)
                && u16::from_be_bytes([high, low]) > MAX_ITERATIONS =>
        {
            start.word()?;
            start.word()?;
            Err(start.need("a number")?.fault("more than 50 iterations, which resolvers refuse"))
        }
        _ => Ok(()),
    }
}
