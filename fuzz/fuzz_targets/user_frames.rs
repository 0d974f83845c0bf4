//! Payloads on the user port: a server reads requests of anybody, a client reads replies of a hostile server.
#![no_main]

use vestry_fuzz::messages::require_one_meaning;
use vestry_protocol::limits::{REPLY_BYTES_MAX, REQUEST_BYTES_MAX, REQUEST_BYTES_MAX_BEFORE_LOGIN};
use vestry_protocol::user::{UserCall, UserReply};
use vestry_protocol::{Reply, Request};

libfuzzer_sys::fuzz_target!(|payload: &[u8]| {
    require_one_meaning::<Request<UserCall>, REQUEST_BYTES_MAX>(payload);
    require_one_meaning::<Reply<UserReply>, REPLY_BYTES_MAX>(payload);
    if payload.len() <= REQUEST_BYTES_MAX_BEFORE_LOGIN {
        require_one_meaning::<Request<UserCall>, REQUEST_BYTES_MAX_BEFORE_LOGIN>(payload);
    }
});
