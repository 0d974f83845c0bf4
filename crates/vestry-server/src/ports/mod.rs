//! Ports: taking connections, for whatever is spoken behind the handshake, and the conversation in Vestry's frames.
//!
//! Nothing here knows a call: a port brings its admission, its TLS configuration and its conversation.

pub mod accept_budget;
pub mod connection;
pub mod conversation;
pub mod listener;
pub mod proxy;
pub mod slots;
