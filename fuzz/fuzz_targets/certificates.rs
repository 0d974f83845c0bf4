//! Certificates in DER, as a peer shows them: what they say is safe to print, whoever reads them agrees on the key,
//! and only a plain word names an operator or a role.
#![no_main]

use rustls::pki_types::CertificateDer;
use std::path::Path;
use vestry_fuzz::has_control;
use vestry_protocol::escape::hazards;
use vestry_tls::facts::is_operator_word;
use vestry_tls::{CertificateFacts, OperatorCertificate, Trust, config, pin};

libfuzzer_sys::fuzz_target!(|der: &[u8]| {
    let certificate = CertificateDer::from(der);
    let pin = pin::of_certificate(&certificate);
    if let Ok(facts) = CertificateFacts::of(Path::new("server.pem"), &certificate) {
        assert_eq!(pin.as_ref().ok(), Some(&facts.pin));
        let texts = facts.sans.iter().chain([&facts.subject, &facts.serial]);
        for text in texts {
            assert!(!has_control(text) && hazards(text).next().is_none(), "{text:?}");
        }
    }
    match OperatorCertificate::of(&certificate) {
        Ok(operator) => {
            assert_eq!(pin.ok(), Some(operator.pin));
            assert!(is_operator_word(&operator.name) && is_operator_word(&operator.role));
        }
        Err(error) => assert!(!has_control(&error.to_string()), "{error}"),
    }
    // As somebody's CA: a configuration or an error.
    let _ = config::user_client(&Trust::Authority(vec![certificate.into_owned()]));
});
