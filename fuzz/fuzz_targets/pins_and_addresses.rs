//! Pins and addresses, as people type them and as files keep them: one meaning, one written form.
#![no_main]

use vestry_client::Address;
use vestry_fuzz::has_control;
use vestry_protocol::Pin;
use vestry_tls::join::is_host;

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Ok(pin) = text.parse::<Pin>() {
        assert_eq!(pin.to_string(), text.trim());
        assert_eq!(pin.to_string().parse(), Ok(pin));
    }
    match text.parse::<Address>() {
        Ok(address) => {
            assert!(is_host(address.host()) && address.port() > 0 && !has_control(address.host()));
            assert_eq!(address.to_string().parse(), Ok(address));
        }
        Err(error) => assert!(!has_control(&error.to_string())),
    }
});
