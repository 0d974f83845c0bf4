#!/usr/bin/env python3
"""The Vestry protocol in Python, written from docs/PROTOCOL.md alone and with nothing but the standard library
and the OpenSSL that it is linked with (vestry_tls.py).

    python3 vestry_wire.py check tests/vectors
        every vector decodes, encodes and fails as it says
    python3 vestry_wire.py converse tests/vectors HOST PORT CA.pem ADMIN_PORT OPERATOR.pem OPERATOR.key
        every conversation of the vectors, against a server
    python3 vestry_wire.py tour HOST PORT CA.pem ADMIN_PORT OPERATOR.pem OPERATOR.key
        an account's life: registered, used, changed, reset with an operator's one-time code, deleted

It shows that the document is enough to write a client, and it finds where the document and the server disagree.
It is not a client to keep accounts with: it stores nothing, and it says that it stretches passwords and does not
(vestry_opaque.py), which the server cannot tell and whoever steals its records would be glad of.
"""

import base64
import binascii
import hashlib
import ipaddress
import json
import re
import secrets
import struct
import sys
import unicodedata
from pathlib import Path

# python3 -I leaves a script's own folder out as well. Nothing is left behind there.
sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.dont_write_bytecode = True

from vestry_audit import faults_of_audit, faults_of_import  # noqa: E402
from vestry_codec import REPLY_MAX, U32, U64, Cursor, NotAMessage, decode, encode_frame  # noqa: E402
from vestry_document import DOCUMENT, messages  # noqa: E402
from vestry_opaque import NotProven, Proving, Sealing  # noqa: E402
from vestry_password import accept  # noqa: E402
from vestry_password import judge as judge_password  # noqa: E402
from vestry_tls import Connection  # noqa: E402

# Section 2: bytes that a frame may announce.
REQUEST_MAX_BEFORE_LOGIN = 4_096
REQUEST_MAX = 65_536

# The folders of vectors that are frames; `opaque` holds whole exchanges, which need their cryptography.
FRAME_FOLDERS = ("user", "admin", "hostile")

SECONDS_TO_WAIT = 30

# Sections 4 to 8.
MESSAGES = messages()

# Section 12: what binds an exchange to this protocol and to its connection, and what stretching costs.
OPAQUE_CONTEXT = b"VESTRY-OPAQUE-1"
EXPORTER_LABEL = b"EXPORTER-Channel-Binding"
STRETCHING_ASKED = {"memory_kib": 65_536, "iterations": 6, "parallelism": 1}

# Section 8: refusals that the tour provokes.
NOT_LOGGED_IN, WRONG_CREDENTIALS, SESSION_ENDED = "NotLoggedIn", "WrongCredentials", "SessionEnded"
NAME_TAKEN, NOT_PROVEN, WRONG_CODE, CODE_USED = "NameTaken", "NotProven", "WrongCode", "CodeUsed"


# ---------------------------------------------------------------------------------------------------------------
# check: the vectors.
# ---------------------------------------------------------------------------------------------------------------


def limits_of(vector):
    """What the receiver takes, in each state that the vector speaks of."""
    if vector["direction"] == "reply":
        return [REPLY_MAX]
    if vector["port"] == "admin" or vector["state"] == "after_login":
        return [REQUEST_MAX]
    before = [REQUEST_MAX_BEFORE_LOGIN]
    return before if vector["state"] == "before_login" else [*before, REQUEST_MAX]


def judge(vector, limit):
    """The outcome of a frame under a limit, and the message if it is one."""
    frame = bytes.fromhex(vector["frame"])
    if len(frame) < 4:
        return "incomplete", None
    (length,) = struct.unpack(">I", frame[:4])
    if length == 0:
        return "empty", None
    if length > limit:
        return "too_long", None
    if len(frame) < 4 + length:
        return "incomplete", None
    kind = MESSAGES[vector["port"], vector["direction"]]
    budget = REPLY_MAX if vector["direction"] == "reply" else REQUEST_MAX
    payload = frame[4 : 4 + length]
    try:
        return "message", decode(kind, payload, budget)
    except NotAMessage:
        is_unsupported = vector["direction"] == "request" and names_a_later_call(kind, payload)
        return "unsupported" if is_unsupported else "malformed", None


def names_a_later_call(kind, payload):
    """Whether the number of the request and that of its call can be read, and no version so far has that call."""
    cursor = Cursor(payload, REQUEST_MAX)
    try:
        U64.read(cursor)
        return U32.read(cursor) >= len(kind.fields["call"].cases)
    except NotAMessage:
        return False


def faults_of(path, vector):
    for limit in limits_of(vector):
        outcome, value = judge(vector, limit)
        if outcome != vector["outcome"]:
            yield f"the outcome is {outcome}, not {vector['outcome']}"
            return
        if value != vector.get("value"):
            yield f"it says {json.dumps(value)}"
    if vector["outcome"] != "message":
        return
    kind = MESSAGES[vector["port"], vector["direction"]]
    written = encode_frame(kind, vector["value"]).hex()
    # A hostile frame may be a message in a longer form than a sender may write.
    if path.parent.name == "hostile":
        if len(written) > len(vector["frame"]):
            yield f"it is written longer: {written}"
    elif written != vector["frame"]:
        yield f"it is written {written}"


# Unicode's White_Space, which is not Python's str.isspace, and cases of ASCII, which are not Python's.
WHITE_SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
CAPITALS, SMALL = "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz"
TO_CAPITALS, TO_SMALL = str.maketrans(SMALL, CAPITALS), str.maketrans(CAPITALS, SMALL)


def compact(text):
    return "".join(c for c in text if c not in WHITE_SPACE and c != "-").translate(TO_CAPITALS)


def read_join_string(text):
    """Section 1: `HOST PORT PIN`."""
    prefix, dash, body = text.strip(WHITE_SPACE).partition("-")
    if prefix.translate(TO_SMALL) != "vestry1" or not dash:
        return None
    letters = compact(body)
    if any(c not in "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567" for c in letters):
        return None
    try:
        raw = base64.b32decode(letters + "=" * (-len(letters) % 8))
    except binascii.Error:
        return None
    # Python forgives last bits that are not zero.
    if base64.b32encode(raw).decode().rstrip("=") != letters or len(raw) < 2 + 32 + 1 + 4:
        return None
    content, sum4 = raw[:-4], raw[-4:]
    if hashlib.sha256(b"vestry1" + content).digest()[:4] != sum4:
        return None
    (port,), pin = struct.unpack(">H", content[:2]), content[2:34]
    try:
        hosts = content[34:].decode("utf-8").split(",")
    except UnicodeDecodeError:
        return None
    if port == 0 or len(content) > 34 + 1_023 or not all(is_host(host) for host in hosts):
        return None
    return f"{hosts[0]} {port} sha256:{pin.hex()}"


def is_host(host):
    """An address without a zone, or a name whose last label is not a number."""
    label = r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
    try:
        return "%" not in host and bool(ipaddress.ip_address(host))
    except ValueError:
        is_name = len(host) <= 253 and re.fullmatch(rf"{label}(\.{label})*\.?", host) is not None
        return is_name and re.search(r"(^|\.)[0-9]+\.?$", host) is None


def read_one_time_code(text):
    """Section 5: 20 characters of Crockford's base 32, which has no I, L, O and U."""
    kept = compact(text).translate(str.maketrans("ILO", "110"))
    return kept if re.fullmatch(r"[0-9A-HJKMNP-TV-Z]{20}", kept) else None


# Section 5, "Fields": the names that are reserved are read out of the document.
RESERVED = re.search(r"Reserved names: `([^`]*)`", DOCUMENT.read_text(encoding="utf-8"))[1].split()


def read_name(text):
    name = text.strip(WHITE_SPACE).translate(TO_SMALL)
    return name if re.fullmatch(r"[a-z0-9][a-z0-9._-]{1,31}", name) and name not in RESERVED else None


def read_email(text):
    email = text.strip(WHITE_SPACE)
    atom = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
    label = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
    is_address = re.fullmatch(rf"{atom}(\.{atom})*@{label}(\.{label})*", email) is not None
    return email if is_address and len(email) <= 254 and email.index("@") <= 64 else None


def ranges_of(sentence):
    """The code points that a sentence of the document lists."""
    listed = re.search(sentence, DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)[1]
    pairs = re.findall(r"U\+([0-9A-F]+)(?:\s+to\s+U\+([0-9A-F]+))?", listed)
    return [tuple(int(end, 16) for end in (first, last or first)) for first, last in pairs]


# Characters that are not seen, or that move what is, and where three of them are taken all the same; out of the document too.
HAZARDS = ranges_of(r"invisible characters: none of (U\+.*?)\. These")
EMOJI = ranges_of(r"An \*emoji\* is one of (U\+.*?)\. A")
JOINING = ranges_of(r"\*joining letter\* is one of (U\+.*?) that is not")
FAMILY = ranges_of(r"not between two of (U\+.*?);")


def is_in(ranges, c):
    return c != "" and any(first <= ord(c) <= last for first, last in ranges)


def is_seen(text, at):
    """Whether a character only shows itself where it stands."""
    c, last, after = text[at], text[max(at - 1, 0) : at], text[at + 1 : at + 2]
    if not is_in(HAZARDS, c):
        return True
    if c in "\ufe0e\ufe0f":
        return is_in(EMOJI, last) or (last != "" and last in "0123456789#*")
    letters = [is_in(JOINING, beside) and not is_in(HAZARDS, beside) for beside in (last, after)]
    if c in "\u200c\u200d" and all(letters):
        return True
    before = text[at - 2 : at - 1] if last == "\ufe0f" and at > 1 else last
    is_family = is_in(FAMILY, before) and is_in(FAMILY, after)
    return c == "\u200d" and is_in(EMOJI, before) and is_in(EMOJI, after) and not is_family


def read_free_text(text):
    """As `gender`: 1 to 32 bytes."""
    kept = text.strip(WHITE_SPACE)
    fits = 1 <= len(kept.encode("utf-8")) <= 32
    return kept if fits and all(is_seen(kept, at) for at in range(len(kept))) else None


def read_password(text):
    """Sections 5 and 12: the bytes that OPAQUE gets."""
    normal = unicodedata.normalize("NFC", text)
    if any(unicodedata.category(c) == "Cc" for c in text):
        return None
    fits = all(1 <= len(form.encode("utf-8")) <= 1_024 for form in (text, normal))
    return normal.encode("utf-8").hex() if fits else None


def read_pin(text):
    """Section 1: the SubjectPublicKeyInfo is the seventh field of a certificate of version 3 (RFC 5280, 4.1)."""
    try:
        _, certificate, _ = der_element(bytes.fromhex(text))
        _, signed, _ = der_element(certificate)
        for _ in range(6):
            _, _, signed = der_element(signed)
        _, content, rest = der_element(signed)
        key = signed[: len(signed) - len(rest)]
    except (IndexError, ValueError):
        return None
    return f"sha256:{hashlib.sha256(key).hexdigest()}" if content else None


def der_element(data):
    """Its tag, its content, and what is behind it (X.690, 8.1)."""
    length, start = data[1], 2
    if length & 0x80:
        start = 2 + (length & 0x7F)
        length = int.from_bytes(data[2:start], "big")
    if len(data) < start + length:
        raise ValueError("it ends early")
    return data[0], data[start : start + length], data[start + length :]


TEXTS = {
    "join_string": read_join_string,
    "one_time_code": read_one_time_code,
    "password": read_password,
    "pin": read_pin,
    "name": read_name,
    "email": read_email,
    "free_text": read_free_text,
}


def faults_of_text(text):
    read = TEXTS[text["kind"]](text["text"])
    if read != text["reads"]:
        yield f"it is read as {read!r}"


def faults_of_password(case):
    verdict = judge_password(case)
    if verdict != case["verdict"]:
        yield f"the verdict is {verdict}"


OTHER_FOLDERS = {
    "texts": faults_of_text,
    "passwords": faults_of_password,
    "audit": faults_of_audit,
    "imports": faults_of_import,
}


def check(folder):
    paths = sorted(path for frames in FRAME_FOLDERS for path in Path(folder, frames).glob("*.json"))
    faults = [
        f"{path}: {fault}"
        for path in paths
        for fault in faults_of(path, json.loads(path.read_text(encoding="utf-8")))
    ]
    for other, faults_in in OTHER_FOLDERS.items():
        found = sorted(Path(folder, other).glob("*.json"))
        faults += [
            f"{path}: {fault}"
            for path in found
            for fault in faults_in(json.loads(path.read_text(encoding="utf-8")))
        ]
        paths += found
    for fault in faults:
        print(fault)
    if faults or not paths:
        print(f"{len(paths)} vectors, {len(faults)} disagree")
        return 1
    print(f"{len(paths)} vectors agree")
    return 0


# ---------------------------------------------------------------------------------------------------------------
# tour: a client.
# ---------------------------------------------------------------------------------------------------------------


class Failed(Exception):
    """The tour cannot go on."""


class Refused(Failed):
    """The server did not do it."""

    def __init__(self, refusal):
        super().__init__(f"refused with {refusal['code']}: {refusal['message']!r}")
        code = refusal["code"]
        self.code = code if isinstance(code, str) else next(iter(code))


class Client:
    """One connection to either port."""

    def __init__(self, host, port, ca, operator=None):
        self.port, protocol = ("admin", "vestry-admin/1") if operator else ("user", "vestry/1")
        self.stream = Connection(host, port, ca, protocol, operator, SECONDS_TO_WAIT)
        # Whose account it is, once that is known.
        self.host, self.name = host, ""
        self.context = OPAQUE_CONTEXT + self.stream.exporter(EXPORTER_LABEL, 32)
        self.last_id = 0
        self.greeting = None
        # Of the exchange under way.
        self.sealing = self.proving = self.ke3 = self.upload = None
        self.answers = {}

    def receive(self, count):
        received = bytearray()
        while len(received) < count:
            part = self.stream.recv(count - len(received))
            if not part:
                raise Failed("the server closed the connection")
            received += part
        return bytes(received)

    def receive_reply(self):
        (length,) = struct.unpack(">I", self.receive(4))
        if not 0 < length <= REPLY_MAX:
            raise Failed(f"the server announced a frame of {length} bytes")
        return decode(MESSAGES[self.port, "reply"], self.receive(length), REPLY_MAX)

    def ask(self, call):
        """Sends one call; the name of its reply, and the content."""
        self.last_id += 1
        request = {"id": self.last_id, "call": call}
        self.stream.sendall(encode_frame(MESSAGES[self.port, "request"], request))
        if self.greeting is None:
            self.greeting = self.receive_reply()
            require(self.greeting["id"] == 0, "the greeting has another number than 0")
            require(self.greeting["body"]["Greeting"]["version"] == 1, "the server greets with another version")
        reply = self.receive_reply()
        require(reply["id"] == self.last_id, f"number {reply['id']} does not answer request {self.last_id}")
        body = reply["body"]
        return (body, None) if isinstance(body, str) else next(iter(body.items()))

    def call(self, call, expected):
        """Sends one call and returns the content of its reply, which must be of the expected kind."""
        name, content = self.ask(call)
        if name == "Refused":
            raise Refused(content)
        require(name == expected, f"{name} does not answer {call}")
        return content

    # Section 12: each exchange has two halves.

    def seal(self, first, fields, password):
        """An envelope for a new password; `first` is the call that takes its blinded form. Section 5: it is judged before."""
        self.name = fields.get("name", self.name)
        chars_min = self.call("DescribeServer", "ServerDescribed")["password_chars_min"]
        sealing = Sealing(accept(password, self.name, None, self.host, chars_min))
        started = self.call({first: {**fields, "request": sealing.request.hex()}}, "NewPasswordStarted")
        require(started["stretching"] == STRETCHING_ASKED, "stretching costs something else")
        upload, _ = sealing.finish(bytes.fromhex(started["response"]), pretend_to_stretch)
        return {"upload": upload.hex(), "stretching": started["stretching"]}

    def prove(self, first, fields, password):
        """KE3; `first` is the call that takes KE1. Zeros own up to a failure."""
        proving = Proving(password.encode())
        started = self.call({first: {**fields, "ke1": proving.ke1.hex()}}, "LoginStarted")
        require(started["stretching"] == STRETCHING_ASKED, "stretching costs something else")
        try:
            ke3, _, _ = proving.finish(bytes.fromhex(started["ke2"]), pretend_to_stretch, self.context)
        except NotProven:
            return bytes(64).hex()
        return ke3.hex()

    def register(self, name, password, profile):
        envelope = self.seal("StartRegistration", {"name": name, "invitation": None}, password)
        return self.call({"FinishRegistration": {"envelope": envelope, "profile": profile}}, "Registered")

    def log_in(self, name, password, device_token=None):
        self.name = name
        ke3 = self.prove("StartLogin", {"name": name, "device_token": device_token}, password)
        return self.call({"FinishLogin": {"ke3": ke3, "device": "vestry_wire.py", "witness": ""}}, "LoggedIn")

    def prove_again(self, password):
        self.call({"FinishProof": {"ke3": self.prove("StartProof", {}, password)}}, "PasswordProven")

    def set_new_password(self, password):
        envelope = self.seal("StartNewPassword", {}, password)
        return self.call({"FinishNewPassword": {"envelope": envelope}}, "PasswordChanged")

    def reset(self, name, code, password):
        envelope = self.seal("StartReset", {"name": name, "code": code}, password)
        return self.call({"FinishReset": {"envelope": envelope}}, "PasswordReset")


def pretend_to_stretch(output):
    return output


def age_of(account):
    return account["profile"]["age"]


def require(truth, what):
    if not truth:
        raise Failed(what)


def require_refusal(code, act):
    try:
        act()
    except Refused as refused:
        require(refused.code == code, f"{refused}, and not with {code}")
    else:
        raise Failed(f"it was not refused with {code}")


def walk(connect, operator):
    """An account's life, one line each step."""
    name, password = f"tour-{secrets.token_hex(5)}", secrets.token_urlsafe(24)
    second, third = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
    client = connect()
    registered = client.register(name, password, {"email": None, "age": 40, "gender": None})
    require(registered["name"] == name, "another name was registered")
    require_refusal(NAME_TAKEN, lambda: client.register(name, password, {"email": None, "age": None, "gender": None}))
    yield f"registered {name}"
    require_refusal(WRONG_CREDENTIALS, lambda: client.log_in(name, second))
    require_refusal(NOT_LOGGED_IN, lambda: client.call("ShowAccount", "AccountShown"))
    session = client.log_in(name, password)
    require(not session["device_known"], "a device is known that never was here")
    yield f"logged in; the session ends after {session['idle_secs_max']} s without a call"
    account = client.call("ShowAccount", "AccountShown")
    require(age_of(account) == 40, "the age is not the one that was registered")
    notices = client.call("ShowNotices", "NoticesShown")
    require(notices["failures_since_last_login"] == 1, "not one login failed")
    yield f"shown: age {age_of(account)}, and one login that failed"
    update = {"email": "Keep", "age": {"Set": 35}, "gender": "Keep"}
    client.call({"UpdateAccount": update}, "AccountUpdated")
    account = client.call("ShowAccount", "AccountShown")
    require(age_of(account) == 35, "the age is not the one that was set")
    yield f"updated: age {age_of(account)}"
    with_email = {"UpdateAccount": {**update, "email": {"Set": "tour@example.org"}}}
    require_refusal(NOT_PROVEN, lambda: client.call(with_email, "AccountUpdated"))
    require_refusal(WRONG_CREDENTIALS, lambda: client.prove_again(second))
    client.prove_again(password)
    account = client.call(with_email, "AccountUpdated")
    require(account["profile"]["email"] == "tour@example.org", "the address is not the one that was set")
    yield "proved the password, and set an e-mail address"
    token = client.call("RememberDevice", "DeviceRemembered")["token"]
    require(connect().log_in(name, password, token)["device_known"], "the device is not known")
    (device,) = client.call("ListDevices", "DevicesListed")
    client.call({"ForgetDevice": {"id": device["id"]}}, "DeviceForgotten")
    require(not connect().log_in(name, password, token)["device_known"], "the device is known still")
    yield "remembered this device, and forgot it"
    client.prove_again(password)
    changed = client.set_new_password(second)
    require(changed["token"] != session["token"], "the token is the old one")
    require_refusal(SESSION_ENDED, lambda: connect().call({"ResumeSession": {"token": session["token"]}}, "SessionResumed"))
    require_refusal(WRONG_CREDENTIALS, lambda: connect().log_in(name, password))
    yield "changed the password"
    other = connect()
    resumed = other.call({"ResumeSession": {"token": changed["token"]}}, "SessionResumed")
    require(resumed["name"] == name, "the session is another's")
    require(len(other.call("ListSessions", "SessionsListed")) == 1, "a session outlived its password")
    yield "went on with the session on another connection"
    issued = operator().call({"ResetAccount": {"name": name}}, "CodeIssued")
    require_refusal(WRONG_CODE, lambda: connect().reset(name, "00000-00000-00000-00000", third))
    reset = connect().reset(name, issued["code"], third)
    require(reset["name"] == name, "another account was reset")
    require_refusal(CODE_USED, lambda: connect().reset(name, issued["code"], third))
    require_refusal(SESSION_ENDED, lambda: other.call("ShowAccount", "AccountShown"))
    yield f"reset the password with a one-time code of {reset['code']['by']}"
    client = connect()
    client.log_in(name, third)
    notices = client.call("ShowNotices", "NoticesShown")
    require(notices["password_set_with_code"]["issued"] == reset["code"], "the code is not told of")
    yield "logged in with the new password, and was told of the code"
    ended = client.call({"LogOut": {"everywhere": False}}, "LoggedOut")
    require(ended["sessions_ended"] == 1, "not one session ended")
    yield "logged out"
    client.log_in(name, third)
    client.prove_again(third)
    client.call("DeleteAccount", "AccountDeleted")
    require_refusal(WRONG_CREDENTIALS, lambda: client.log_in(name, third))
    yield "deleted the account"


# ---------------------------------------------------------------------------------------------------------------
# converse: calls in, replies out.
# ---------------------------------------------------------------------------------------------------------------


class Conversation:
    """One file of `conversations`: its connections, and what its placeholders stand for."""

    def __init__(self, connect, operator):
        self.connect, self.operator = connect, operator
        self.connections = {}
        self.name, self.password = f"talk-{secrets.token_hex(5)}", secrets.token_urlsafe(24)
        self.issued = None

    def on(self, name):
        if name not in self.connections:
            self.connections[name] = self.operator() if name == "operator" else self.connect()
        return self.connections[name]

    def code(self):
        if self.issued is None:
            self.issued = self.operator().call({"ResetAccount": {"name": self.name}}, "CodeIssued")["code"]
        return self.issued

    def filled(self, client, value):
        """The value with whatever its placeholders stand for on this connection."""
        if isinstance(value, dict):
            return {key: self.filled(client, inner) for key, inner in value.items()}
        if not isinstance(value, str) or not value.startswith("$"):
            return value
        return getattr(self, f"make_{value[1:]}")(client)

    def make_name(self, _):
        return self.name

    def make_code(self, _):
        return self.code()

    def make_request(self, client):
        client.sealing = Sealing(self.password.encode())
        return client.sealing.request.hex()

    def make_ke1(self, client):
        client.proving = Proving(self.password.encode())
        return client.proving.ke1.hex()

    def make_ke3(self, client):
        if client.proving:
            ke2 = bytes.fromhex(client.answers["LoginStarted"]["ke2"])
            client.ke3, _, _ = client.proving.finish(ke2, pretend_to_stretch, client.context)
            client.proving = None
        return client.ke3.hex()

    def make_envelope(self, client):
        if client.sealing:
            response = bytes.fromhex(client.answers["NewPasswordStarted"]["response"])
            client.upload, _ = client.sealing.finish(response, pretend_to_stretch)
            client.sealing = None
        return {"upload": client.upload.hex(), "stretching": STRETCHING_ASKED}

    def make_envelope_of_another_cost(self, client):
        return {**self.make_envelope(client), "stretching": {**STRETCHING_ASKED, "iterations": 7}}

    def make_no_envelope(self, _):
        return {"upload": "00" * 192, "stretching": STRETCHING_ASKED}

    def step(self, step):
        client = self.on(step.get("on", "one"))
        request = self.filled(client, step["send"])
        name, content = client.ask(request)
        client.answers[name] = content
        expected = step["get"]
        if isinstance(expected, str):
            require(name == expected, f"{step['send']} was answered by {name} {content}")
        else:
            require(name == "Refused", f"{step['send']} was not refused, but answered by {name}")
            code = expected["Refused"]
            fits = content["code"] == code or ("$any" in str(code) and content["code"].keys() == code.keys())
            require(fits, f"{step['send']} was refused with {content['code']}, and not with {code}")


def converse(folder, connect, operator):
    paths = sorted(Path(folder, "conversations").glob("*.json"))
    require(paths, f"{folder} has no conversations")
    for path in paths:
        conversation = Conversation(connect, operator)
        for number, step in enumerate(json.loads(path.read_text(encoding="utf-8"))["steps"], 1):
            try:
                conversation.step(step)
            except Failed as failed:
                raise Failed(f"{path.name}, step {number}: {failed}") from failed
        yield f"{path.stem}: {number} steps"


def play(lines, host, port, ca, admin_port, certificate, key):
    """Prints what was played against a server, line by line."""
    try:
        connect = lambda: Client(host, int(port), ca)
        operator = lambda: Client(host, int(admin_port), ca, (certificate, key))
        for line in lines(connect, operator):
            print(line, flush=True)
    except (Failed, NotAMessage, NotProven, OSError) as error:
        print(f"failed: {error}", file=sys.stderr)
        return 1
    return 0


def is_server(arguments):
    return len(arguments) == 6 and arguments[1].isdecimal() and arguments[3].isdecimal()


def main(arguments):
    match arguments:
        case ["check", folder]:
            return check(folder)
        case ["tour", *server] if is_server(server):
            return play(walk, *server)
        case ["converse", folder, *server] if is_server(server):
            return play(lambda *ends: converse(folder, *ends), *server)
        case _:
            print(__doc__.strip(), file=sys.stderr)
            return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
