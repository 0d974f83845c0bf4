//! Payloads on the admin port: a server reads requests, a console reads replies of a hostile server.
#![no_main]

use vestry_fuzz::messages::require_one_meaning;
use vestry_protocol::admin::{AdminCall, AdminReply};
use vestry_protocol::limits::{REPLY_BYTES_MAX, REQUEST_BYTES_MAX};
use vestry_protocol::{Reply, Request};

libfuzzer_sys::fuzz_target!(|payload: &[u8]| {
    require_one_meaning::<Request<AdminCall>, REQUEST_BYTES_MAX>(payload);
    require_one_meaning::<Reply<AdminReply>, REPLY_BYTES_MAX>(payload);
});
