//! Certificate and key files: a defect is an error that names the file and can be printed; what is taken can be used.
#![no_main]

use vestry_fuzz::{has_control, scratch};
use vestry_tls::config::console_client;
use vestry_tls::pem_file::{read_certificates, read_private_key};
use vestry_tls::{TlsError, pin};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let path = scratch::private_file("both.pem", bytes);
    let named = |error: &TlsError| {
        let words = error.to_string();
        assert!(words.contains("both.pem") && !has_control(&words), "{words:?}");
    };
    let certificates = read_certificates(&path);
    let key = read_private_key(&path);
    certificates.as_ref().err().map(named);
    key.as_ref().err().map(named);
    let Ok(certificates) = certificates else { return };
    assert!(!certificates.is_empty() && certificates.iter().all(|one| pin::of_certificate(one).is_ok()));
    if let Ok(key) = key {
        let _ = console_client(&certificates, certificates.clone(), &key);
    }
});
