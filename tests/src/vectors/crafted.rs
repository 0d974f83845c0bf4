//! KE2 as no library makes it: of a server that sends the identity where an element belongs, and for which everything else holds.
//! So it is computed here step by step, after RFC 9807; with elements that are none of these it comes to the KE2 of the exchange.

use super::refused::login;
use super::replay::{Hex, Replay};
use argon2::{Algorithm, Argon2, Params, Version};
use curve25519_dalek::ristretto::{CompressedRistretto, RistrettoPoint};
use curve25519_dalek::scalar::Scalar;
use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha512};

/// Answers to the KE1 of [`super::replay::LOGIN`] in which only an element is wrong.
pub const IDENTITY: &str = "refused/identity";

/// Logins that a client must give up for nothing but the identity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RefusedIdentities {
    /// What is to be seen, in a sentence.
    pub shows: String,
    /// Each of them.
    pub cases: Vec<RefusedIdentity>,
}

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RefusedIdentity {
    /// What is wrong with it.
    pub shows: String,
    /// What names the connection for the client.
    pub exporter: Hex,
    /// What the server sent.
    pub ke2: Hex,
    /// What Argon2id makes of what a client without the check stretches.
    pub stretched_oprf_output: Hex,
}

/// The answers, made from the file of the exchange.
///
/// # Panics
/// When that cannot be read.
#[must_use]
pub fn identities() -> RefusedIdentities {
    let login = login();
    let case = |shows: &str, server: &Server| RefusedIdentity {
        shows: shows.to_owned(),
        exporter: login.inputs.exporter.clone().unwrap_or_default(),
        ke2: Hex(server.ke2(&login)),
        stretched_oprf_output: Hex(server.stretched.clone()),
    };
    let honest = Server::honest(&login);
    // Unblinding leaves the identity what it is.
    let oprf_output = sha512(&[&sized(&login.inputs.password.0), &sized(&[0; 32]), b"Finalize"]);
    let evaluated = Server {
        evaluated: vec![0; 32],
        stretched: stretched(&login, &oprf_output),
        oprf_output,
        ..honest.clone()
    };
    let key_share = Server { key_share: Scalar::ZERO, ..honest.clone() };
    let public_key = Server { private_key: Scalar::ZERO, ..honest };
    RefusedIdentities {
        shows: "Answers to the KE1 of opaque/login.json with the identity, for which everything else holds: the envelope \
                opens, and the server's MAC is right."
            .to_owned(),
        cases: vec![
            case("The evaluated element: anybody can make the record that follows from it.", &evaluated),
            case("The server's key share.", &key_share),
            case("The server's public key, in the envelope and beside it.", &public_key),
        ],
    }
}

/// The KE2 of the exchange itself, computed here.
///
/// # Panics
/// When its file cannot be read.
#[must_use]
pub fn honest_ke2() -> Vec<u8> {
    let login = login();
    Server::honest(&login).ke2(&login)
}

/// What a server answers with.
#[derive(Clone)]
struct Server {
    evaluated: Vec<u8>,
    /// What the client's password comes to with that element.
    oprf_output: Vec<u8>,
    stretched: Vec<u8>,
    key_share: Scalar,
    private_key: Scalar,
}

impl Server {
    fn honest(login: &Replay) -> Self {
        let private_key = login.inputs.server_private_key.0.as_slice().try_into().expect("a scalar");
        Self {
            evaluated: login.outputs.ke2.0[..32].to_vec(),
            oprf_output: login.intermediates["oprf_output"].0.clone(),
            stretched: login.intermediates["stretched_oprf_output"].0.clone(),
            key_share: derived(&login.inputs.server_keyshare_seed.0),
            private_key: Scalar::from_bytes_mod_order(private_key),
        }
    }

    fn ke2(&self, login: &Replay) -> Vec<u8> {
        let inputs = &login.inputs;
        let nonce = inputs.envelope_nonce.0.as_slice();
        let randomized = mac(&[], &[&self.oprf_output, &self.stretched]);
        let server_public = encoded(RistrettoPoint::mul_base(&self.private_key));
        let client_public = {
            let private = derived(&expand(&randomized, &[nonce, b"PrivateKey"], 32));
            RistrettoPoint::mul_base(&private)
        };
        let client_identity = sized(&encoded(client_public));
        let auth_key = expand(&randomized, &[nonce, b"AuthKey"], 64);
        let tag = mac(&auth_key, &[nonce, &server_public, &sized(&server_public), &client_identity]);
        let masking_key = expand(&randomized, &[b"MaskingKey"], 64);
        let pad = expand(&masking_key, &[&inputs.masking_nonce.0, b"CredentialResponsePad"], 128);
        let plain = [&server_public[..], nonce, &tag].concat();
        let masked: Vec<u8> = pad.iter().zip(plain).map(|(one, other)| one ^ other).collect();
        let key_share = encoded(RistrettoPoint::mul_base(&self.key_share));
        let unsigned =
            [&self.evaluated[..], &inputs.masking_nonce.0, &masked, &inputs.server_nonce.0, &key_share]
                .concat();
        let client_share = CompressedRistretto::from_slice(&login.outputs.ke1.0[64..])
            .ok()
            .and_then(|point| point.decompress())
            .expect("KE1 has a key share");
        let shared =
            [client_share * self.key_share, client_share * self.private_key, client_public * self.key_share]
                .map(encoded)
                .concat();
        let transcript = sha512(&[
            b"OPAQUEv1-",
            &sized(&inputs.context.0),
            &client_identity,
            &login.outputs.ke1.0,
            &sized(&server_public),
            &unsigned,
        ]);
        let handshake = expand_label(&mac(&[], &[&shared]), b"OPAQUE-HandshakeSecret", &transcript);
        let of_server = mac(&expand_label(&handshake, b"OPAQUE-ServerMAC", b""), &[&transcript]);
        [unsigned, of_server].concat()
    }
}

fn stretched(login: &Replay, input: &[u8]) -> Vec<u8> {
    let cost = login.stretching.expect("the exchange is stretched");
    let mut output = vec![0; input.len()];
    let params = Params::new(cost.memory_kib, cost.iterations, cost.parallelism, Some(output.len()));
    let argon2id =
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params.expect("a cost within its bounds"));
    argon2id.hash_password_into(input, &[0; 16], &mut output).expect("there is memory");
    output
}

/// `DeriveDiffieHellmanKeyPair`, whose first try is never zero here.
fn derived(seed: &[u8]) -> Scalar {
    let domain = b"DeriveKeyPairOPRFV1-\0-ristretto255-SHA512";
    let domain = [&domain[..], &[u8::try_from(domain.len()).expect("it is short")]].concat();
    let message = [seed, &sized(b"OPAQUE-DeriveDiffieHellmanKeyPair"), &[0]].concat();
    let first = sha512(&[&[0; 128], &message, &[0, 64, 0], &domain]);
    let uniform = sha512(&[&first, &[1], &domain]);
    Scalar::from_bytes_mod_order_wide(&uniform.try_into().expect("64 bytes"))
}

fn encoded(point: RistrettoPoint) -> [u8; 32] {
    point.compress().to_bytes()
}

fn sized(content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).expect("it is short");
    [&length.to_be_bytes(), content].concat()
}

fn sha512(parts: &[&[u8]]) -> Vec<u8> {
    Sha512::digest(parts.concat()).to_vec()
}

fn mac(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let mac = Hmac::<Sha512>::new_from_slice(key).expect("any length is a key");
    mac.chain_update(parts.concat()).finalize().into_bytes().to_vec()
}

/// HKDF-Expand.
fn expand(secret: &[u8], info: &[&[u8]], length: usize) -> Vec<u8> {
    let (mut output, mut block) = (Vec::new(), Vec::new());
    for count in 1_u8.. {
        block = mac(secret, &[&block, &info.concat(), &[count]]);
        output.extend_from_slice(&block);
        if output.len() >= length {
            break;
        }
    }
    output.truncate(length);
    output
}

fn expand_label(secret: &[u8], label: &[u8], context: &[u8]) -> Vec<u8> {
    let byte = |content: &[u8]| [u8::try_from(content.len()).expect("it is short")];
    expand(secret, &[&[0, 64], &byte(label), label, &byte(context), context], 64)
}
