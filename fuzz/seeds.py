#!/usr/bin/env python3
"""Writes the first inputs of each fuzz target to fuzz/corpus/TARGET, which is not tracked.

They come from what is in the repository already: the golden vectors under tests/vectors, and the lines of
fuzz/seeds/TARGET.txt (one seed a line; \\n, \\t and \\\\ as in Python). Certificates are made anew by openssl where it
is installed: no certificate is tracked. What a fuzz run found is left alone. Needs nothing but Python.
"""

import base64
import codecs
import json
import pathlib
import shutil
import subprocess
import tempfile

FUZZ = pathlib.Path(__file__).resolve().parent
ROOT = FUZZ.parent


def put(target, name, content):
    folder = FUZZ / "corpus" / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)


def vectors(folder):
    for path in sorted((ROOT / "tests" / "vectors" / folder).glob("*.json")):
        vector = json.loads(path.read_text(encoding="utf-8"))
        yield path.stem, vector["port"], bytes.fromhex(vector["frame"])


def from_vectors():
    for folder in ["user", "admin", "hostile"]:
        for name, port, frame in vectors(folder):
            put(f"{port}_frames", f"{folder}-{name}", frame[4:])
            # A limit of 4 KiB and pieces of 17 bytes, then the stream. Arbitrary takes them from the front.
            put("frames", f"{folder}-{name}", (4096).to_bytes(2, "little") + b"\x10" + frame)


# What stands before the text of a seed in a target whose input is an enum or a tuple: the choice that takes text.
# `arbitrary` picks a variant of N by (u32 * N) >> 32, read little-endian from the front.
BEFORE = {
    "join_string": [b"\0\0\0\0"],
    "server_config": [b"\0\0\0\0"],
    "client_state": [b"\0", b"\1"],
    "sql": [b"s"],
    "fields": [bytes([kind]) for kind in range(6)],
    "stored_hashes": [b"\0\0\0\0"],
    # A table with its own header, a table behind a good one, and lines of objects; a buffer of 64 bytes.
    "import_file": [b"\1\0\x40", b"\1\1\x40", b"\0\0\x40"],
}


def from_lines():
    for path in sorted((FUZZ / "seeds").glob("*.txt")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines()):
            text = line.encode("ascii", "backslashreplace").decode("ascii")
            seed = codecs.decode(text, "unicode_escape").encode("utf-8", "surrogatepass")
            for kind, before in enumerate(BEFORE.get(path.stem, [b""])):
                put(path.stem, f"line-{number:03}-{kind}", before + seed)


# The variants of `Op` in fuzz/src/port/visitor.rs, in their order.
OPS = """Turn HangUp Advance Operate Replay Payload Bytes DescribeServer StartRegistration FinishRegistration
LogInImported StartLogin FinishLogin Resume Show Update Delete List Revoke LogOut StartProof FinishProof
StartNewPassword FinishNewPassword StartReset FinishReset RememberDevice ListDevices ForgetDevice ShowNotices""".split()

# Visits that do something sensible, to begin from. Numbers are fields in their order; H stands for an honest message
# or envelope (the first of four variants), U for the second of them, N for an option that is absent, Y for one that is
# there, and S R D B C I for what an operator does (suspend, resume, delete, restore, issue a code, import).
VISITS = {
    "opaque": "StartLogin 0 0 N N; FinishLogin H; Show; List; StartProof 0 N; FinishProof H; Update 1 9 0 N; Show",
    "new-password": "StartLogin 1 1 N N; FinishLogin H; StartProof 1 N; FinishProof H; StartNewPassword 3; "
    "FinishNewPassword H; Show; LogOut 0; StartLogin 1 3 N N; FinishLogin H; Show",
    "imported": "Operate I 2; LogInImported 2 1; LogInImported 2 2; Show; LogOut 0; StartLogin 2 2 N N; FinishLogin H; "
    "LogInImported 2 2; StartProof 2 N; FinishProof H; StartNewPassword 3; FinishNewPassword H; Show",
    "imported-continued": "Operate I 2; StartLogin 2 2 N N; LogInImported 2 2; Show; RememberDevice; Operate I 2",
    "deletion": "StartLogin 0 0 N N; FinishLogin H; StartProof 0 N; FinishProof H; Delete; Show; "
    "StartLogin 0 0 N N; FinishLogin H; Operate B 0; StartLogin 0 0 N N; FinishLogin H; Show",
    "register": "StartRegistration 3 3; FinishRegistration H; StartLogin 3 3 N N; FinishLogin H; Show; "
    "StartRegistration 3 3; FinishRegistration H; StartRegistration 4 1; FinishRegistration H",
    "register-crossed": "StartRegistration 3 3; Turn 1; StartRegistration 3 3; FinishRegistration H; Turn 0; "
    "FinishRegistration H; FinishRegistration H; StartLogin 3 3 N N; FinishRegistration H; FinishLogin H",
    "guessing": "StartLogin 0 1 N N; StartLogin 0 1 N N; StartLogin 0 1 N N; StartLogin 0 1 N N; StartLogin 0 1 N N; "
    "StartLogin 0 0 N N; Advance 2 0; StartLogin 0 1 N N; Advance 4 0; StartLogin 0 0 N N; FinishLogin H; Show",
    "guessing-free": "StartRegistration 3 3; StartRegistration 3 3; StartRegistration 3 3; StartRegistration 3 3; "
    "StartRegistration 3 3; StartRegistration 3 3; Turn 1; StartLogin 3 3 N N; Advance 9 0; StartRegistration 3 3",
    "suspension": "StartLogin 0 0 N N; FinishLogin H; Show; Operate S 0; Show; StartLogin 0 0 N N; FinishLogin H; "
    "Operate R 0; StartLogin 0 0 N N; FinishLogin H; Show",
    "reset": "Operate C 0; StartReset 0 0 3; FinishReset H; StartLogin 0 3 N N; FinishLogin H; Show; StartReset 0 0 3; "
    "FinishReset H",
    "reset-spent": "Operate C 0; StartReset 0 0 3; StartReset 0 0 3; StartReset 0 0 3; StartReset 0 0 3; FinishReset H; "
    "Operate C 0; StartReset 0 0 3; StartReset 0 0 3; StartReset 0 0 3; Operate C 0; StartReset 0 0 3; FinishReset H",
    "reset-made-up": "StartReset 0 250 3; FinishReset H; Operate C 0; StartReset 1 0 3; FinishReset H; StartReset 0 250 3",
    "mixed": "StartLogin 0 0 N N; Turn 1; StartLogin 1 1 N N; Turn 0; FinishLogin U 0; Turn 1; FinishLogin H; Show; "
    "StartLogin 0 1 N N; FinishLogin H; Show; Turn 0; FinishLogin H; Show",
    "adopted": "StartLogin 0 0 N N; StartLogin 1 0 N N; FinishLogin U 0; FinishLogin H; StartLogin 0 0 N N; FinishLogin H; "
    "FinishLogin U 0; FinishProof U 0; StartProof 0 N; FinishLogin H",
    "resume": "StartLogin 1 1 N N; FinishLogin H; List; HangUp; Resume 0 0; Show; Revoke 0 0; Show; Resume 0 0; "
    "Resume 0 1; Show",
    "time": "StartLogin 1 1 N N; FinishLogin H; Advance 52 13; Show; Advance 32 14; Show; Advance 48 14; Show; Resume 0 0",
    "replay": "StartLogin 0 0 N N; FinishLogin H; Show; Turn 1; Replay 4; Replay 5; Replay 6; Show; Turn 0; Replay 5; Show",
    "revoke": "StartLogin 1 1 N N; FinishLogin H; List; Turn 1; StartLogin 0 0 N N; FinishLogin H; List; Revoke 0 0; "
    "Revoke 1 0; Revoke 2 0; Show",
    "device": "StartLogin 0 0 N N; FinishLogin H; RememberDevice; RememberDevice; ListDevices; ShowNotices; HangUp; "
    "StartLogin 0 1 Y 0 0 N; StartLogin 0 0 Y 0 0 N; FinishLogin H; ShowNotices; Turn 1; StartLogin 0 0 Y 0 1 N; "
    "FinishLogin H; LogOut 1; Turn 0; ShowNotices; Show; StartLogin 0 0 Y 0 0 N",
    "stale": "StartLogin 0 0 N N; Turn 1; StartLogin 0 0 N N; FinishLogin H; StartProof 0 N; FinishProof H; "
    "StartNewPassword 3; FinishNewPassword H; Turn 0; FinishLogin H; Show",
    "proofs": "StartLogin 1 1 N N; FinishLogin H; Delete; StartNewPassword 3; FinishNewPassword H; StartProof 1 N; "
    "FinishProof H; StartLogin 0 0 N N; FinishLogin H; Delete; StartProof 0 N; FinishProof H; StartNewPassword 3; "
    "StartNewPassword 3; Delete; FinishNewPassword H; Show",
}


def variant(number, count):
    return (-(-number * 2**32 // count)).to_bytes(4, "little")


def field(word):
    four = {"H": 0, "U": 1}
    operations = {"S": 0, "R": 1, "D": 2, "B": 3, "C": 4, "I": 5}
    if word in four:
        return variant(four[word], 4)
    if word in operations:
        return variant(operations[word], 6)
    options = {"N": b"\0", "Y": b"\1"}
    return options[word] if word in options else bytes([int(word)])


def visits():
    for name, text in VISITS.items():
        seed = b""
        for op in text.split("; "):
            verb, *fields = op.split()
            seed += variant(OPS.index(verb), len(OPS)) + b"".join(map(field, fields))
        put("user_port", name, seed)


def certificates():
    """Certificates of different shapes, in DER and in PEM with their keys."""
    openssl = shutil.which("openssl")
    if not openssl:
        print("seeds.py: openssl is not installed, so there are no certificates to begin with")
        return
    subjects = {
        "operator": "/CN=admin/OU=admin",
        "two-names": "/CN=admin/CN=jo/OU=admin",
        "escape": "/CN=\x1b[2J/OU=admin",
        "plain": "/CN=Vestry CA",
    }
    keys = [["ec", "-pkeyopt", "ec_paramgen_curve:P-256"], ["ed25519"], ["rsa:2048"]]
    with tempfile.TemporaryDirectory() as folder:
        for number, (name, subject) in enumerate(subjects.items()):
            for kind in keys if number == 0 else keys[:1]:
                key, certificate = f"{folder}/key", f"{folder}/certificate"
                command = [openssl, "req", "-x509", "-newkey", *kind, "-nodes", "-keyout", key, "-out", certificate]
                command += ["-subj", subject, "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1"]
                subprocess.run(command, check=True, capture_output=True)
                pem = pathlib.Path(certificate).read_bytes()
                put("pem_files", f"{name}-{kind[0].split(':')[0]}", pem + pathlib.Path(key).read_bytes())
                body = b"".join(pem.splitlines()[1:-1])
                put("certificates", f"{name}-{kind[0].split(':')[0]}", base64.b64decode(body))


if __name__ == "__main__":
    from_vectors()
    from_lines()
    visits()
    certificates()
