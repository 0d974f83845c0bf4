//! How a password may be proven to a server, and what became known of the account by it.

use vestry_protocol::fields::Password;

/// Whether the password itself may be sent, should OPAQUE not prove it and the server say that it takes passwords.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordPath {
    /// Never: the account is known to be OPAQUE, whatever the server says.
    Closed,
    /// Yes: the account may still have only a password hash.
    Open,
}

/// A password for one call.
#[derive(Debug, Clone, Copy)]
pub struct OfferedPassword<'a> {
    /// The password.
    pub password: &'a Password,
    /// Whether it may be sent.
    pub path: PasswordPath,
}

/// What a call returned that took a password.
#[derive(Debug)]
pub struct Proven<T> {
    /// The answer.
    pub value: T,
    /// Whether the account is now certain to be OPAQUE: whoever calls remembers it, and closes [`PasswordPath`] for
    /// it from then on. `false` says nothing.
    pub by_opaque: bool,
}

/// What shows the server that the password is known: what `Client::prove` leaves to the call that follows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Carried {
    /// A proof that this connection has now.
    Proof,
    /// The password, in the call itself.
    Password,
}
