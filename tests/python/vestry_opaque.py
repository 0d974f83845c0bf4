#!/usr/bin/env python3
"""OPAQUE-3DH (RFC 9807) over ristretto255 (RFC 9496) in Python, the client's half, with nothing but the standard library.

    python3 vestry_opaque.py replay tests/vectors    every exchange comes out byte for byte

Written from the two RFCs and section 12 of docs/PROTOCOL.md. It computes in variable time and holds passwords in memory:
it shows that the document is enough, and must never touch a password that anybody uses.

The standard library has no Argon2id. An exchange of the vectors says what stretching makes of its password, which is all that
is taken from there; a live client (vestry_wire.py) says that it stretches, and does not.
"""

import hashlib
import hmac
import json
import re
import secrets
import sys
from pathlib import Path

# ---------------------------------------------------------------------------------------------------------------
# RFC 9496: ristretto255. Points are (X, Y, Z, T) on the curve of Ed25519.
# ---------------------------------------------------------------------------------------------------------------

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
SQRT_M1 = pow(2, (P - 1) // 4, P)
SQRT_AD_MINUS_ONE = 25063068953384623474111414158702152701244531502492656460079210482610430750235
INVSQRT_A_MINUS_D = 54469307008909316920995813868745141605393597292927456921205312896311721017578
ONE_MINUS_D_SQ = (1 - D * D) % P
D_MINUS_ONE_SQ = (D - 1) ** 2 % P
IDENTITY = (0, 1, 1, 0)


class NotProven(Exception):
    """The password does not fit, or somebody stands between the two sides."""


def absolute(value):
    """The one of a number and its negative that is even."""
    value %= P
    return P - value if value % 2 else value


def sqrt_ratio(u, v):
    """Whether u/v is a square, and its square root, or that of SQRT_M1 * u/v."""
    root = u * pow(v, 3, P) * pow(u * pow(v, 7, P), (P - 5) // 8, P) % P
    check = v * root * root % P
    if check in (-u % P, -u * SQRT_M1 % P):
        root = SQRT_M1 * root
    return check in (u % P, -u % P), absolute(root)


def add(one, other):
    x1, y1, z1, t1 = one
    x2, y2, z2, t2 = other
    a, b = (y1 - x1) * (y2 - x2) % P, (y1 + x1) * (y2 + x2) % P
    c, d = 2 * D * t1 * t2 % P, 2 * z1 * z2 % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def multiply(scalar, point):
    product = IDENTITY
    for bit in f"{scalar:b}":
        product = add(product, product)
        if bit == "1":
            product = add(product, point)
    return product


def decode(encoded):
    s = int.from_bytes(encoded, "little")
    if len(encoded) != 32 or s >= P or s % 2:
        raise NotProven("not an element")
    ss = s * s % P
    u1, u2 = 1 - ss, 1 + ss
    v = (-D * u1 * u1 - u2 * u2) % P
    was_square, invsqrt = sqrt_ratio(1, v * u2 * u2 % P)
    den_x = invsqrt * u2 % P
    x, y = absolute(2 * s * den_x), u1 * invsqrt * den_x * v % P
    if not was_square or x * y % P % 2 or y == 0:
        raise NotProven("not an element")
    return x, y, 1, x * y % P


def decode_element(encoded):
    """An element that the other side sent, which is never the identity (RFC 9497, 2.1; RFC 9807, 6.4)."""
    if encoded == bytes(32):
        raise NotProven("the identity")
    return decode(encoded)


def encode(point):
    x, y, z, t = point
    u1, u2 = (z + y) * (z - y) % P, x * y % P
    _, invsqrt = sqrt_ratio(1, u1 * u2 * u2 % P)
    den1, den2 = invsqrt * u1 % P, invsqrt * u2 % P
    z_inv, den_inv = den1 * den2 * t % P, den2
    if t * z_inv % P % 2:
        x, y, den_inv = y * SQRT_M1 % P, x * SQRT_M1 % P, den1 * INVSQRT_A_MINUS_D % P
    if x * z_inv % P % 2:
        y = -y
    return absolute(den_inv * (z - y)).to_bytes(32, "little")


def elligator(half):
    t = int.from_bytes(half, "little") % 2**255
    r = SQRT_M1 * t * t % P
    u, v = (r + 1) * ONE_MINUS_D_SQ % P, (-1 - r * D) * (r + D) % P
    was_square, s = sqrt_ratio(u, v)
    c = -1
    if not was_square:
        s, c = -absolute(s * t), r
    n = (c * (r - 1) * D_MINUS_ONE_SQ - v) % P
    w0, w1, w2, w3 = 2 * s * v, n * SQRT_AD_MINUS_ONE, 1 - s * s, 1 + s * s
    return w0 * w3 % P, w2 * w1 % P, w1 * w3 % P, w0 * w2 % P


BASE = decode(bytes.fromhex("e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76"))

# ---------------------------------------------------------------------------------------------------------------
# RFC 9380 and RFC 9497: hashing to the group, and the oblivious pseudorandom function OPRF(ristretto255, SHA-512).
# ---------------------------------------------------------------------------------------------------------------

SUITE = b"OPRFV1-\x00-ristretto255-SHA512"


def number(value, length):
    return value.to_bytes(length, "big")


def sized(content):
    return number(len(content), 2) + content


def sha512(*parts):
    return hashlib.sha512(b"".join(parts)).digest()


def expand_message(message, domain):
    """expand_message_xmd to 64 bytes, which is one block of SHA-512."""
    domain += number(len(domain), 1)
    first = sha512(bytes(128), message, number(64, 2), b"\0", domain)
    return sha512(first, b"\1", domain)


def hash_to_group(message):
    uniform = expand_message(message, b"HashToGroup-" + SUITE)
    return add(elligator(uniform[:32]), elligator(uniform[32:]))


def derive_key_pair(seed, info):
    for counter in range(256):
        uniform = expand_message(seed + sized(info) + number(counter, 1), b"DeriveKeyPair" + SUITE)
        if secret := int.from_bytes(uniform, "little") % ORDER:
            return secret, encode(multiply(secret, BASE))
    raise NotProven("no key in 256 tries")


def blind(password, scalar):
    return encode(multiply(scalar, hash_to_group(password)))


def finalize(password, scalar, evaluated, read=decode_element):
    element = encode(multiply(pow(scalar, -1, ORDER), read(evaluated)))
    return sha512(sized(password), sized(element), b"Finalize")


# ---------------------------------------------------------------------------------------------------------------
# RFC 9807: OPAQUE with HKDF and HMAC of SHA-512. Identities are the public keys.
# ---------------------------------------------------------------------------------------------------------------


def mac(key, *parts):
    return hmac.digest(key, b"".join(parts), "sha512")


def hkdf_expand(secret, info, length):
    out, block = b"", b""
    while len(out) < length:
        block = mac(secret, block, info, number(len(out) // 64 + 1, 1))
        out += block
    return out[:length]


def hkdf_expand_label(secret, label, context, length):
    """As in TLS 1.3 (RFC 8446, 7.1); in OPAQUE a label begins with `OPAQUE-`."""
    info = number(length, 2) + number(len(label), 1) + label + number(len(context), 1) + context
    return hkdf_expand(secret, info, length)


def derive_dh_key_pair(seed):
    return derive_key_pair(seed, b"OPAQUE-DeriveDiffieHellmanKeyPair")


class Opened:
    """What a client makes of its password, a nonce and the server's public key."""

    def __init__(self, oprf_output, stretch, nonce, server_public_key):
        password = mac(b"", oprf_output, stretch(oprf_output))
        self.masking_key = hkdf_expand(password, b"MaskingKey", 64)
        self.export_key = hkdf_expand(password, nonce + b"ExportKey", 64)
        self.private_key, self.public_key = derive_dh_key_pair(hkdf_expand(password, nonce + b"PrivateKey", 32))
        cleartext = server_public_key + sized(server_public_key) + sized(self.public_key)
        self.envelope = nonce + mac(hkdf_expand(password, nonce + b"AuthKey", 64), nonce, cleartext)


class Sealing:
    """A new password whose blinded form is with the server."""

    def __init__(self, password, scalar=None):
        self.password = password
        self.scalar = scalar or secrets.randbelow(ORDER - 1) + 1
        self.request = blind(password, self.scalar)

    def finish(self, response, stretch, nonce=None):
        """The RegistrationUpload, and the export key."""
        if len(response) != 64:
            raise NotProven("RegistrationResponse has another length")
        evaluated, server_public_key = response[:32], response[32:]
        decode_element(server_public_key)
        output = finalize(self.password, self.scalar, evaluated)
        opened = Opened(output, stretch, nonce or secrets.token_bytes(32), server_public_key)
        return opened.public_key + opened.masking_key + opened.envelope, opened.export_key


class Proving:
    """A password that is being proven: KE1 is with the server."""

    def __init__(self, password, scalar=None, nonce=None, keyshare_seed=None):
        self.password = password
        self.scalar = scalar or secrets.randbelow(ORDER - 1) + 1
        self.keyshare, public = derive_dh_key_pair(keyshare_seed or secrets.token_bytes(32))
        self.ke1 = blind(password, self.scalar) + (nonce or secrets.token_bytes(32)) + public

    def finish(self, ke2, stretch, context, read=decode_element, is_same=hmac.compare_digest):
        """KE3, the export key and the session key. A client leaves `read`, which takes an element, and `is_same`, which compares
        envelopes, as they are: with others the vectors show that nothing else is wrong."""
        if len(ke2) != 320:
            raise NotProven("KE2 has another length")
        evaluated, masking_nonce, masked = ke2[:32], ke2[32:64], ke2[64:192]
        server_keyshare, server_mac = ke2[224:256], ke2[256:]
        output = finalize(self.password, self.scalar, evaluated, read)
        # The masking key does not depend on what it masks.
        masking_key = Opened(output, stretch, bytes(32), bytes(32)).masking_key
        pad = hkdf_expand(masking_key, masking_nonce + b"CredentialResponsePad", 128)
        response = bytes(one ^ other for one, other in zip(masked, pad, strict=True))
        server_public_key, envelope = response[:32], response[32:]
        opened = Opened(output, stretch, envelope[:32], server_public_key)
        if not is_same(opened.envelope, envelope):
            raise NotProven("the envelope does not open")
        pairs = [
            (self.keyshare, server_keyshare),
            (self.keyshare, server_public_key),
            (opened.private_key, server_keyshare),
        ]
        shared = b"".join(encode(multiply(secret, read(public))) for secret, public in pairs)
        preamble = b"OPAQUEv1-" + sized(context) + sized(opened.public_key) + self.ke1
        preamble += sized(server_public_key) + ke2[:256]
        secret, transcript = mac(b"", shared), sha512(preamble)
        handshake = hkdf_expand_label(secret, b"OPAQUE-HandshakeSecret", transcript, 64)
        session_key = hkdf_expand_label(secret, b"OPAQUE-SessionKey", transcript, 64)
        of_server = mac(hkdf_expand_label(handshake, b"OPAQUE-ServerMAC", b"", 64), transcript)
        if not hmac.compare_digest(of_server, server_mac):
            raise NotProven("the server does not know the record, or sees another connection")
        ke3 = mac(hkdf_expand_label(handshake, b"OPAQUE-ClientMAC", b"", 64), sha512(preamble, of_server))
        return ke3, opened.export_key, session_key


# ---------------------------------------------------------------------------------------------------------------
# replay: the exchanges of the vectors.
# ---------------------------------------------------------------------------------------------------------------


def stretched_in(exchange):
    """What Argon2id makes of the one output of the OPRF in this exchange, for those who have none."""
    between = {name: bytes.fromhex(value) for name, value in exchange.get("intermediates", {}).items()}

    def stretch(output):
        if exchange["stretching"] is None:
            return output
        if output != between["oprf_output"]:
            raise NotProven("another password would be stretched")
        return between["stretched_oprf_output"]

    return stretch


def is_given_up(exchange, case, stretch=None, **lenient):
    """Whether a client gives up an answer to the KE1 of this exchange."""
    inputs = {name: bytes.fromhex(value) for name, value in exchange["inputs"].items()}
    scalar = int.from_bytes(inputs["blind_login"], "little")
    proving = Proving(inputs["password"], scalar, inputs["client_nonce"], inputs["client_keyshare_seed"])
    context = inputs["context"][:-32] + bytes.fromhex(case["exporter"])
    try:
        proving.finish(bytes.fromhex(case["ke2"]), stretch or stretched_in(exchange), context, **lenient)
    except (NotProven, ValueError):
        return True
    return False


def is_given_up_for_the_identity(exchange, case):
    """Whether nothing else is wrong with an answer: who takes the identity for an element takes it."""

    def stretch(_):
        return bytes.fromhex(case["stretched_oprf_output"])

    return is_given_up(exchange, case, stretch) and not is_given_up(exchange, case, stretch, read=decode)


def is_given_up_for_the_envelope(exchange, case):
    """Whether nothing else is wrong with an answer: who does not compare the envelope takes it."""
    return is_given_up(exchange, case) and not is_given_up(exchange, case, is_same=lambda *_: True)


def seals_nothing(exchange, case):
    """Whether a client gives up an answer to the RegistrationRequest of this exchange."""
    inputs = {name: bytes.fromhex(value) for name, value in exchange["inputs"].items()}
    sealing = Sealing(inputs["password"], int.from_bytes(inputs["blind_registration"], "little"))
    try:
        # Whatever stretching would make of it: only what comes before it gives up.
        sealing.finish(bytes.fromhex(case["response"]), lambda output: output, inputs["envelope_nonce"])
    except NotProven:
        return True
    return False


# Section 12: what stretching may cost, out of the document.
DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "PROTOCOL.md"
COST_ROW = r"\| `(memory_kib|iterations|parallelism)` \| ([\d,]+) \| ([\d,]+) \|"
WORK_SENTENCE = r"`memory_kib` times `iterations` is at most ([\d,]+)"


def is_cost(stretching):
    text = DOCUMENT.read_text(encoding="utf-8")
    bounds = {name: [int(n.replace(",", "")) for n in ends] for name, *ends in re.findall(COST_ROW, text)}
    work_max = int(re.search(WORK_SENTENCE, text)[1].replace(",", ""))
    is_within = all(least <= stretching[name] <= most for name, (least, most) in bounds.items())
    return len(bounds) == 3 and is_within and stretching["memory_kib"] * stretching["iterations"] <= work_max


def replayed(exchange):
    """Every output that follows from the inputs, but for KE2, which is the server's."""
    inputs = {name: bytes.fromhex(value) for name, value in exchange["inputs"].items() if value is not None}
    outputs = {name: bytes.fromhex(value) for name, value in exchange["outputs"].items()}
    stretch = stretched_in(exchange)

    def scalar(name):
        return int.from_bytes(inputs[name], "little")

    seed = hkdf_expand(inputs["oprf_seed"], inputs["credential_identifier"] + b"OprfKey", 32)
    oprf_key, _ = derive_key_pair(seed, b"OPAQUE-DeriveKeyPair")
    sealing = Sealing(inputs["password"], scalar("blind_registration"))
    response = encode(multiply(oprf_key, decode(sealing.request))) + inputs["server_public_key"]
    upload, sealed_export_key = sealing.finish(response, stretch, inputs["envelope_nonce"])
    proving = Proving(
        inputs["password"], scalar("blind_login"), inputs["client_nonce"], inputs["client_keyshare_seed"]
    )
    ke3, export_key, session_key = proving.finish(outputs["KE2"], stretch, inputs["context"])
    if export_key != sealed_export_key:
        raise NotProven("the export keys differ")
    return {
        "registration_request": sealing.request,
        "registration_response": response,
        "registration_upload": upload,
        "KE1": proving.ke1,
        "KE2": outputs["KE2"],
        "KE3": ke3,
        "export_key": export_key,
        "session_key": session_key,
    }


def replay(folder):
    paths = sorted(Path(folder, "opaque").glob("*.json"))
    faults = []
    for path in paths:
        exchange = json.loads(path.read_text(encoding="utf-8"))
        made = {name: value.hex() for name, value in replayed(exchange).items()}
        faults += [f"{path}: {name} is {made[name]}" for name in made if made[name] != exchange["outputs"][name]]
        faults += [f"{path}: {name} was not made" for name in exchange["outputs"].keys() - made.keys()]
    login = json.loads(Path(folder, "opaque", "login.json").read_text(encoding="utf-8"))
    right = {"exporter": login["inputs"]["exporter"], "ke2": login["outputs"]["KE2"]}
    if is_given_up(login, right) or seals_nothing(login, {"response": login["outputs"]["registration_response"]}):
        faults.append("a right answer is given up")
    given_up = {
        "login": lambda case: is_given_up(login, case),
        "record": lambda case: is_given_up(login, case),
        "identity": lambda case: is_given_up_for_the_identity(login, case),
        "registration": lambda case: seals_nothing(login, case),
        "stretching": lambda case: not is_cost(case["stretching"]),
    }
    count = 0
    for name, is_refused in given_up.items():
        refused = json.loads(Path(folder, "refused", f"{name}.json").read_text(encoding="utf-8"))
        faults += [f"{name}: it is not given up: {case['shows']}" for case in refused["cases"] if not is_refused(case)]
        faults += [f"{name}: it is given up: {case['shows']}" for case in refused.get("taken", []) if is_refused(case)]
        count += len(refused["cases"])
        if name == "record" and not all(is_given_up_for_the_envelope(login, case) for case in refused["cases"]):
            faults.append("record: something else than the envelope is wrong")
    for fault in faults:
        print(fault)
    if faults or not paths:
        print(f"{len(paths)} exchanges, {len(faults)} disagree")
        return 1
    print(f"{len(paths)} exchanges agree, {count} are given up")
    return 0


def main(arguments):
    match arguments:
        case ["replay", folder]:
            return replay(folder)
        case _:
            print(__doc__.strip(), file=sys.stderr)
            return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
