use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use super::notes::Notes;
use super::value::{Data, Origin, Value};
use crate::Error;

/// What a configured value can be read as.
pub trait FromValue: Sized {
    /// The type in the reference: `duration`, `list of path`.
    fn describe() -> String;

    /// Reads the value.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    fn from_value(found: &Found<'_>) -> Result<Self, Vec<Wrong>>;

    /// This value as it would be written: what the reference gives as a default.
    fn to_toml(&self) -> String;
}

/// A value that was found, with all that is known of it.
pub struct Found<'a> {
    pub(super) value: &'a Value,
    pub(super) notes: &'a Notes,
}

/// Something wrong with a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// Where.
    pub at: Origin,
    /// What.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl<'a> Found<'a> {
    /// The text, if it is a string.
    ///
    /// # Errors
    /// If it is anything else.
    pub fn text(&self) -> Result<&'a str, Vec<Wrong>> {
        self.value.as_str().ok_or_else(|| self.not("a string"))
    }

    /// The error that this value is not what was wanted.
    pub fn not(&self, wanted: &str) -> Vec<Wrong> {
        self.wrong(format!("expected {wanted}, found {}", self.value.type_name()))
    }

    /// An error about this value.
    pub fn wrong(&self, message: impl Into<String>) -> Vec<Wrong> {
        vec![Wrong { at: self.value.at.clone(), message: message.into(), help: None }]
    }

    /// Whether it was typed, on a command line or into the environment, and stands in no file.
    pub(super) fn is_typed(&self) -> bool {
        let sources = &self.notes.diagnostics.borrow().sources;
        let source = match &self.value.at {
            Origin::File { file, .. } => sources.get(*file),
            _ => None,
        };
        self.value.raw.is_some() || source.is_some_and(|source| source.typed)
    }

    /// The directory that relative paths are relative to: that of the file, or the current one.
    pub(super) fn dir(&self) -> PathBuf {
        let sources = &self.notes.diagnostics.borrow().sources;
        match &self.value.at {
            Origin::File { file, .. } => sources.get(*file).map(|source| source.dir.clone()),
            _ => std::env::current_dir().ok(),
        }
        .unwrap_or_default()
    }
}

impl FromValue for String {
    fn describe() -> String {
        "string".into()
    }
    fn from_value(found: &Found<'_>) -> Result<Self, Vec<Wrong>> {
        found.text().map(str::to_owned)
    }
    fn to_toml(&self) -> String {
        toml::Value::from(self.as_str()).to_string()
    }
}

impl FromValue for bool {
    fn describe() -> String {
        "boolean".into()
    }
    fn from_value(found: &Found<'_>) -> Result<Self, Vec<Wrong>> {
        match found.value.data {
            Data::Boolean(value) => Ok(value),
            _ => Err(found.not("`true` or `false`")),
        }
    }
    fn to_toml(&self) -> String {
        self.to_string()
    }
}

macro_rules! integers {
    ($($int:ty)*) => {$(
        impl FromValue for $int {
            fn describe() -> String {
                "integer".into()
            }
            fn from_value(found: &Found<'_>) -> Result<Self, Vec<Wrong>> {
                match found.value.data {
                    Data::Integer(value) => Self::try_from(value).map_err(|_| {
                        found.wrong(format!("{value} is not in the range {} to {}", Self::MIN, Self::MAX))
                    }),
                    _ => Err(found.not("an integer")),
                }
            }
            fn to_toml(&self) -> String {
                self.to_string()
            }
        }
    )*};
}
integers!(u8 u16 u32 u64 usize i32 i64);

impl FromValue for f64 {
    fn describe() -> String {
        "number".into()
    }
    fn from_value(found: &Found<'_>) -> Result<Self, Vec<Wrong>> {
        match found.value.data {
            Data::Float(value) if value.is_finite() => Ok(value),
            #[expect(clippy::cast_precision_loss, reason = "the nearest number is meant")]
            Data::Integer(value) => Ok(value as Self),
            _ => Err(found.not("a finite number")),
        }
    }
    fn to_toml(&self) -> String {
        toml::Value::from(*self).to_string()
    }
}

/// `"30s"`, `"5m"`, `"1h 30m"`, `"250ms"`: every number has its unit.
impl FromValue for Duration {
    fn describe() -> String {
        "duration".into()
    }
    fn from_value(found: &Found<'_>) -> Result<Self, Vec<Wrong>> {
        const UNITS: [(&str, u64); 6] =
            [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000), ("w", 604_800_000)];
        let text = found.value.as_str();
        match text.and_then(|text| amount(text, &UNITS)) {
            Some(millis) => Ok(Self::from_millis(millis)),
            None => Err(found.wrong("expected a duration such as \"30s\", \"5m\", \"1h 30m\" or \"250ms\"")),
        }
    }
    fn to_toml(&self) -> String {
        let millis = self.as_millis();
        match millis {
            0 => "\"0s\"".into(),
            n if n % 3_600_000 == 0 => format!("\"{}h\"", n / 3_600_000),
            n if n % 60_000 == 0 => format!("\"{}m\"", n / 60_000),
            n if n % 1000 == 0 => format!("\"{}s\"", n / 1000),
            n => format!("\"{n}ms\""),
        }
    }
}

/// A number of octets: `"16KiB"`, `"1MB"`, or an integer. Units are in upper or lower case; `K`, `M`, `G` and `T` alone are those of
/// 1024.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Size(pub u64);

impl FromStr for Size {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        const UNITS: [(&str, u64); 14] = [
            ("", 1),
            ("b", 1),
            ("k", 1 << 10),
            ("kib", 1 << 10),
            ("m", 1 << 20),
            ("mib", 1 << 20),
            ("g", 1 << 30),
            ("gib", 1 << 30),
            ("t", 1 << 40),
            ("tib", 1 << 40),
            ("kb", 1000),
            ("mb", 1_000_000),
            ("gb", 1_000_000_000),
            ("tb", 1_000_000_000_000),
        ];
        let wrong = || {
            Error::local(format!("{text:?} is no size: a number with kB, MB, GB, TB, KiB, MiB, GiB or TiB"))
        };
        amount(&text.to_ascii_lowercase(), &UNITS).map(Self).ok_or_else(wrong)
    }
}

impl FromValue for Size {
    fn describe() -> String {
        "size".into()
    }
    fn from_value(found: &Found<'_>) -> Result<Self, Vec<Wrong>> {
        let size = match found.value.data {
            Data::Integer(value) => u64::try_from(value).ok().map(Self),
            _ => found.value.as_str().and_then(|text| text.parse().ok()),
        };
        size.ok_or_else(|| found.wrong("expected a number of octets such as \"16KiB\", \"1MB\" or 512"))
    }
    fn to_toml(&self) -> String {
        match self.0 {
            n if n > 0 && n % (1 << 30) == 0 => format!("\"{}GiB\"", n >> 30),
            n if n > 0 && n % (1 << 20) == 0 => format!("\"{}MiB\"", n >> 20),
            n if n > 0 && n % (1 << 10) == 0 => format!("\"{}KiB\"", n >> 10),
            n => n.to_string(),
        }
    }
}

/// The sum of numbers with units, `None` where it is none or too large.
fn amount(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let mut rest = text.trim();
    let mut sum = 0u64;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (number, after) = rest.split_at(digits);
        let after = after.trim_start();
        let end = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        let (unit, after) = after.split_at(end);
        let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
        sum = sum.checked_add(number.parse::<u64>().ok()?.checked_mul(*factor)?)?;
        rest = after.trim_start();
    }
    Some(sum)
}

/// A path; one that is relative in the file is relative to the file's directory, and read as absolute.
impl FromValue for PathBuf {
    fn describe() -> String {
        "path".into()
    }
    fn from_value(found: &Found<'_>) -> Result<Self, Vec<Wrong>> {
        let text = found.text()?;
        if text.is_empty() || text.contains('\0') {
            return Err(found.wrong("this is not a path"));
        }
        let path = found.dir().join(text);
        found.notes.witness("path", path.as_os_str().as_encoded_bytes());
        Ok(path)
    }
    fn to_toml(&self) -> String {
        toml::Value::from(self.to_string_lossy().as_ref()).to_string()
    }
}

/// Anything that is written as a string: an endpoint, an IP address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text<T>(pub T);

impl<T: FromStr<Err: fmt::Display> + fmt::Display> FromValue for Text<T> {
    fn describe() -> String {
        let name = std::any::type_name::<T>();
        name.rsplit("::").next().unwrap_or(name).to_lowercase()
    }
    fn from_value(found: &Found<'_>) -> Result<Self, Vec<Wrong>> {
        found.text()?.parse().map(Self).map_err(|e: T::Err| found.wrong(e.to_string()))
    }
    fn to_toml(&self) -> String {
        toml::Value::from(self.0.to_string()).to_string()
    }
}

/// A table whose keys are names that are not known beforehand. Every value that is wrong is an error of its own.
impl<T: FromValue> FromValue for BTreeMap<String, T> {
    fn describe() -> String {
        format!("table of {}", T::describe())
    }
    fn from_value(found: &Found<'_>) -> Result<Self, Vec<Wrong>> {
        let table = found.value.as_table().ok_or_else(|| found.not("a table"))?;
        let (mut map, mut wrongs) = (Self::new(), Vec::new());
        for (key, entry) in table {
            match T::from_value(&Found { value: &entry.value, notes: found.notes }) {
                Ok(value) => drop(map.insert(key.clone(), value)),
                Err(more) => wrongs.extend(more),
            }
        }
        if wrongs.is_empty() { Ok(map) } else { Err(wrongs) }
    }
    fn to_toml(&self) -> String {
        if self.is_empty() {
            return "{}".into();
        }
        let entry = |(key, value): (&String, &T)| {
            format!("{} = {}", toml::Value::from(key.as_str()), value.to_toml())
        };
        format!("{{ {} }}", self.iter().map(entry).collect::<Vec<_>>().join(", "))
    }
}

/// A list; a single value is a list of one. Every element that is wrong is an error of its own.
impl<T: FromValue> FromValue for Vec<T> {
    fn describe() -> String {
        format!("list of {}", T::describe())
    }
    fn from_value(found: &Found<'_>) -> Result<Self, Vec<Wrong>> {
        let items = match &found.value.data {
            Data::Array(items) => items.as_slice(),
            _ => std::slice::from_ref(found.value),
        };
        let (mut list, mut wrongs) = (Self::new(), Vec::new());
        for value in items {
            match T::from_value(&Found { value, notes: found.notes }) {
                Ok(item) => list.push(item),
                Err(more) => wrongs.extend(more),
            }
        }
        if wrongs.is_empty() { Ok(list) } else { Err(wrongs) }
    }
    fn to_toml(&self) -> String {
        format!("[{}]", self.iter().map(T::to_toml).collect::<Vec<_>>().join(", "))
    }
}
