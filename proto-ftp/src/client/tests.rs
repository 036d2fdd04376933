//! The client against our server, and against servers that mean no good.

mod hostile;
mod ours;
mod peers;
mod script;
