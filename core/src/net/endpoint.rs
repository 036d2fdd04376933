/// A string that says where.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint;
impl Endpoint {
    pub fn port(&self) -> Option<u16> {
        None
    }
}
impl std::fmt::Display for Endpoint {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        Ok(())
    }
}
