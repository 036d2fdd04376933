/// A string that says where.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint;
