use std::fmt;

use bytes::Bytes;

/// What a tool of the testkit found, in words.
#[derive(Clone, PartialEq, Eq)]
pub struct Failure {
    message: String,
    input: Vec<Bytes>,
}

impl Failure {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), input: Vec::new() }
    }

    /// The same failure, met with this input.
    pub(super) fn on(mut self, input: &[Bytes]) -> Self {
        self.input = input.to_vec();
        self
    }

    /// The chunks that the machine was given, to repeat it.
    pub fn input(&self) -> &[Bytes] {
        &self.input
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if !self.input.is_empty() {
            write!(f, "\ninput, in {} chunks: {:?}", self.input.len(), self.input)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Failure {}
