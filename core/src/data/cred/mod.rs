//! Who is who.

/// Somebody who has logged in.
#[derive(Clone, Debug)]
pub struct Principal(String);
impl Principal {
    /// The name.
    pub fn name(&self) -> &str {
        &self.0
    }
}
