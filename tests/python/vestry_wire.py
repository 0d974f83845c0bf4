#!/usr/bin/env python3
"""The Vestry protocol in Python, written from docs/PROTOCOL.md alone and with nothing but the standard library.

    python3 vestry_wire.py check tests/vectors
        every vector decodes, encodes and fails as it says
    python3 vestry_wire.py tour HOST PORT CA.pem ADMIN_PORT OPERATOR.pem OPERATOR.key
        an account's life: registered, used, changed, reset with an operator's one-time code, deleted

It shows that the document is enough to write a client, and it finds where the document and the server disagree.
It is not a client to keep accounts with: it stores nothing, and it says that it stretches passwords and does not
(vestry_opaque.py), which the server cannot tell and whoever steals its records would be glad of.
"""

import hashlib
import json
import secrets
import socket
import ssl
import struct
import sys
import tempfile
from pathlib import Path

# python3 -I leaves a script's own folder out as well. Nothing is left behind there.
sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.dont_write_bytecode = True

from vestry_opaque import NotProven, Proving, Sealing, hkdf_expand_label  # noqa: E402

# Section 2: bytes that a frame may announce.
REQUEST_MAX_BEFORE_LOGIN = 4_096
REQUEST_MAX = 65_536
REPLY_MAX = 1_048_576

# The folders of vectors that are frames; `opaque` holds whole exchanges, which need their cryptography.
FRAME_FOLDERS = ("user", "admin", "hostile")

SECONDS_TO_WAIT = 30

# Section 12: what binds an exchange to this protocol and to its connection, and what stretching costs.
OPAQUE_CONTEXT = b"VESTRY-OPAQUE-1"
EXPORTER_LABEL = b"EXPORTER-Channel-Binding"
STRETCHING_ASKED = {"memory_kib": 65_536, "iterations": 6, "parallelism": 1}

# Section 8: refusals that the tour provokes.
NOT_LOGGED_IN, WRONG_CREDENTIALS, SESSION_ENDED = "NotLoggedIn", "WrongCredentials", "SessionEnded"
NAME_TAKEN, NOT_PROVEN, WRONG_CODE, CODE_USED = "NameTaken", "NotProven", "WrongCode", "CodeUsed"


class NotAMessage(Exception):
    """The payload is not exactly one message."""


# ---------------------------------------------------------------------------------------------------------------
# Section 3: types. Each reads itself from a Cursor and writes itself to a bytearray.
# ---------------------------------------------------------------------------------------------------------------


class Cursor:
    """Bytes that are read from the front, and the budget that they may claim."""

    def __init__(self, payload, budget):
        self.payload, self.at, self.budget = payload, 0, budget

    def claim(self, count):
        self.budget -= count
        if self.budget < 0:
            raise NotAMessage("it claims more than the limit")

    def take(self, count):
        if count > len(self.payload) - self.at:
            raise NotAMessage("it ends early")
        self.at += count
        return self.payload[self.at - count : self.at]


class Unsigned:
    """A varint of at most `width` bytes."""

    FOLLOWING = {251: 2, 252: 4, 253: 8}

    def __init__(self, width):
        self.width = width

    def read(self, cursor):
        cursor.claim(self.width)
        (first,) = cursor.take(1)
        if first <= 250:
            return first
        following = self.FOLLOWING.get(first)
        if following is None or following > self.width:
            raise NotAMessage(f"a number of {self.width} bytes cannot begin with {first}")
        return int.from_bytes(cursor.take(following), "little")

    def write(self, out, value):
        if not 0 <= value < 1 << (8 * self.width):
            raise ValueError(f"{value} does not fit {self.width} bytes")
        if value <= 250:
            out.append(value)
            return
        marker, following = next(m for m in self.FOLLOWING.items() if value < 1 << (8 * m[1]))
        out.append(marker)
        out += value.to_bytes(following, "little")


U16, U32, U64 = Unsigned(2), Unsigned(4), Unsigned(8)


class Signed:
    """Zigzag: 0, -1, 1, -2, 2 … are 0, 1, 2, 3, 4 …"""

    def read(self, cursor):
        folded = U64.read(cursor)
        return -(folded // 2) - 1 if folded % 2 else folded // 2

    def write(self, out, value):
        U64.write(out, 2 * value if value >= 0 else -2 * value - 1)


class Real:
    """Eight bytes. In JSON: 16 hexadecimal digits, the highest first, so that every bit is compared."""

    def read(self, cursor):
        cursor.claim(8)
        return cursor.take(8)[::-1].hex()

    def write(self, out, value):
        out += bytes.fromhex(value)[::-1]


class Bool:
    def read(self, cursor):
        cursor.claim(1)
        (byte,) = cursor.take(1)
        if byte > 1:
            raise NotAMessage(f"{byte} is neither true nor false")
        return byte == 1

    def write(self, out, value):
        out.append(1 if value else 0)


class Text:
    def read(self, cursor):
        length = U64.read(cursor)
        cursor.claim(length)
        try:
            return cursor.take(length).decode("utf-8")
        except UnicodeDecodeError as error:
            raise NotAMessage("a text is not UTF-8") from error

    def write(self, out, value):
        encoded = value.encode("utf-8")
        U64.write(out, len(encoded))
        out += encoded


class Bytes:
    def read(self, cursor):
        length = U64.read(cursor)
        cursor.claim(length)
        return cursor.take(length).hex()

    def write(self, out, value):
        raw = bytes.fromhex(value)
        U64.write(out, len(raw))
        out += raw


class Token:
    def read(self, cursor):
        cursor.claim(32)
        return cursor.take(32).hex()

    def write(self, out, value):
        raw = bytes.fromhex(value)
        if len(raw) != 32:
            raise ValueError("a token has 32 bytes")
        out += raw


class Optional:
    def __init__(self, inner):
        self.inner = inner

    def read(self, cursor):
        return self.inner.read(cursor) if BOOL.read(cursor) else None

    def write(self, out, value):
        BOOL.write(out, value is not None)
        if value is not None:
            self.inner.write(out, value)


class List:
    def __init__(self, inner):
        self.inner = inner

    def read(self, cursor):
        # Never reserves room for the announced number of elements: each one has to be there.
        left, found = U64.read(cursor), []
        while left > 0:
            found.append(self.inner.read(cursor))
            left -= 1
        return found

    def write(self, out, value):
        U64.write(out, len(value))
        for element in value:
            self.inner.write(out, element)


class Structure:
    def __init__(self, **fields):
        self.fields = fields

    def read(self, cursor):
        return {name: kind.read(cursor) for name, kind in self.fields.items()}

    def write(self, out, value):
        if value.keys() != self.fields.keys():
            raise ValueError(f"fields are {sorted(self.fields)}, not {sorted(value)}")
        for name, kind in self.fields.items():
            kind.write(out, value[name])


class Variant:
    """Numbered from 0 in the order of its cases. A case without content is its name, any other {name: content}."""

    def __init__(self, **cases):
        self.cases = list(cases.items())

    def read(self, cursor):
        number = U32.read(cursor)
        if number >= len(self.cases):
            raise NotAMessage(f"there is no variant {number}")
        name, content = self.cases[number]
        return name if content is None else {name: content.read(cursor)}

    def write(self, out, value):
        name, inner = (value, None) if isinstance(value, str) else next(iter(value.items()))
        number = [case for case, _ in self.cases].index(name)
        U32.write(out, number)
        content = self.cases[number][1]
        if content is not None:
            content.write(out, inner)


I64, F64, BOOL, TEXT, BYTES, TOKEN = Signed(), Real(), Bool(), Text(), Bytes(), Token()


class Open(Variant):
    """A variant that may grow: its number, and its content as bytes. What is not known is kept as it came."""

    def read(self, cursor):
        item = ITEM.read(cursor)
        if item["number"] >= len(self.cases):
            return {"Unknown": item}
        name, content = self.cases[item["number"]]
        inner = Cursor(bytes.fromhex(item["content"]), REPLY_MAX)
        value = name if content is None else {name: content.read(inner)}
        if inner.at != len(inner.payload):
            raise NotAMessage("bytes are left over in an item")
        return value

    def write(self, out, value):
        if isinstance(value, dict) and "Unknown" in value:
            ITEM.write(out, value["Unknown"])
            return
        name, inner = (value, None) if isinstance(value, str) else next(iter(value.items()))
        number = [case for case, _ in self.cases].index(name)
        content = bytearray()
        if self.cases[number][1] is not None:
            self.cases[number][1].write(content, inner)
        ITEM.write(out, {"number": number, "content": content.hex()})


ITEM = Structure(number=U32, content=BYTES)
LATER = List(ITEM)

# ---------------------------------------------------------------------------------------------------------------
# Sections 4 to 7: messages.
# ---------------------------------------------------------------------------------------------------------------

PROFILE = Structure(email=Optional(TEXT), age=Optional(U16), gender=Optional(TEXT))
FIELD = Open(
    Name=None, Email=None, Age=None, Gender=None, Device=None, Password=None, Request=None, Ke1=None, Upload=None,
    Stretching=None, Invitation=None, Witness=None, Reason=None, Until=None, Subject=None, Checkpoints=None,
    Created=None, Argon2id=None,
)
SESSION_END = Open(
    Expired=None, LoggedOut=None, PasswordChanged=None, Displaced=None, Revoked=None, Suspended=None, Deleted=None
)
REFUSAL_CODE = Open(
    Unsupported=None,
    Malformed=None,
    BadField=Structure(field=FIELD),
    NotLoggedIn=None,
    WrongCredentials=None,
    SessionEnded=Structure(reason=Optional(SESSION_END)),
    NameTaken=None,
    PasswordsNotTaken=None,
    Suspended=Structure(until=Optional(I64), reason=Optional(TEXT)),
    NotFound=None,
    Busy=None,
    Forbidden=None,
    Unavailable=None,
    Internal=None,
    QueryRefused=None,
    QueryLimit=None,
    RegistrationClosed=None,
    WrongState=None,
    Throttled=None,
    NotStarted=None,
    NotProven=None,
    WrongCode=None,
    CodeSpent=None,
    CodeUsed=Structure(at=I64),
    NoFreshLogin=None,
    OperatorUnknown=None,
    Stopping=None,
    Unsure=None,
    NoImport=None,
    ImportUnderWay=None,
    ImportCount=None,
    OwnCertificate=None,
)
REFUSAL = Structure(code=REFUSAL_CODE, message=TEXT, retry_after_ms=Optional(U64))
GREETING = Structure(version=U32, request_bytes_max_before_login=U64, request_bytes_max=U64, later=LATER)


def change(kind):
    return Variant(Keep=None, Clear=None, Set=kind)


ACCOUNT = Structure(name=TEXT, profile=PROFILE, created=I64, last_login=Optional(I64), later=LATER)
NEW_SESSION = Structure(
    token=TOKEN,
    name=TEXT,
    last_login=Optional(I64),
    expires=I64,
    idle_secs_max=U64,
    device_known=BOOL,
    witness=BYTES,
    later=LATER,
)
SESSION = Structure(
    id=U64, device=TEXT, source=TEXT, created=I64, last_used=I64, expires=I64, current=BOOL, later=LATER
)

DEVICE = Structure(id=U64, device=TEXT, created=I64, last_used=I64)
CODE_ISSUED = Structure(by=TEXT, at=I64)
NOTICES = Structure(
    failures_since_last_login=U64,
    password_is_weak=BOOL,
    password_set_with_code=Optional(Structure(issued=CODE_ISSUED, redeemed=I64)),
)

STRETCHING = Structure(memory_kib=U32, iterations=U32, parallelism=U32)
ENVELOPE = Structure(upload=BYTES, stretching=STRETCHING)

USER_CALL = Variant(
    DescribeServer=None,
    StartRegistration=Structure(name=TEXT, request=BYTES, invitation=Optional(TEXT)),
    FinishRegistration=Structure(envelope=ENVELOPE, profile=PROFILE),
    StartLogin=Structure(name=TEXT, device_token=Optional(TOKEN), ke1=BYTES),
    FinishLogin=Structure(ke3=BYTES, device=TEXT, witness=BYTES),
    LogInImported=Structure(name=TEXT, password=TEXT, device=TEXT),
    ResumeSession=Structure(token=TOKEN),
    StartReset=Structure(name=TEXT, code=TEXT, request=BYTES),
    FinishReset=Structure(envelope=ENVELOPE),
    ShowAccount=None,
    UpdateAccount=Structure(email=change(TEXT), age=change(U16), gender=change(TEXT)),
    StartProof=Structure(ke1=BYTES),
    FinishProof=Structure(ke3=BYTES),
    StartNewPassword=Structure(request=BYTES),
    FinishNewPassword=Structure(envelope=ENVELOPE),
    DeleteAccount=None,
    ListSessions=None,
    RevokeSession=Structure(id=U64),
    LogOut=Structure(everywhere=BOOL),
    RememberDevice=None,
    ListDevices=None,
    ForgetDevice=Structure(id=U64),
    ShowNotices=None,
)

USER_REPLY = Variant(
    Refused=REFUSAL,
    Greeting=GREETING,
    ServerDescribed=Structure(version=TEXT, registration_open=BOOL, password_chars_min=U64, now=I64),
    NewPasswordStarted=Structure(response=BYTES, stretching=STRETCHING),
    Registered=Structure(name=TEXT),
    LoginStarted=Structure(ke2=BYTES, stretching=STRETCHING),
    LoggedIn=NEW_SESSION,
    SessionResumed=Structure(name=TEXT),
    PasswordReset=Structure(name=TEXT, code=CODE_ISSUED),
    AccountShown=ACCOUNT,
    AccountUpdated=ACCOUNT,
    PasswordProven=None,
    PasswordChanged=NEW_SESSION,
    AccountDeleted=Structure(restorable_until=I64),
    SessionsListed=List(SESSION),
    SessionRevoked=None,
    LoggedOut=Structure(sessions_ended=U64),
    DeviceRemembered=Structure(token=TOKEN),
    DevicesListed=List(DEVICE),
    DeviceForgotten=None,
    NoticesShown=NOTICES,
    LoginContinues=Structure(factors=List(Open())),
)

VIEW = Open(Accounts=None, Sessions=None, Audit=None, Operators=None)
CELL = Open(Null=None, Integer=I64, Real=F64, Text=TEXT, Blob=BYTES)
LISTING = Structure(
    view=VIEW,
    columns=List(TEXT),
    filter=Optional(TEXT),
    sort=Optional(TEXT),
    descending=BOOL,
    limit=U64,
    after=Optional(TEXT),
)
ACCOUNT_DETAIL = Structure(
    name=TEXT,
    profile=PROFILE,
    state=Open(
        Active=None,
        Suspended=Structure(until=Optional(I64), reason=Optional(TEXT)),
        Deleted=Structure(restorable_until=I64),
    ),
    credential=Open(**{"None": None, "Imported": None, "Opaque": None}),
    created=I64,
    last_login=Optional(I64),
    sessions=U64,
    later=LATER,
)
STATUS = Structure(
    version=TEXT,
    uptime_secs=U64,
    listen=TEXT,
    connections=U64,
    connections_max=U64,
    accounts=U64,
    accounts_suspended=U64,
    accounts_deleted=U64,
    sessions=U64,
    database_bytes=U64,
    certificate_expires=I64,
    pin=TEXT,
    hashing_queue=U64, attempts_under_way=U64, registrations=U64, registrations_max=U64,
    operator=TEXT,
    role=TEXT,
)
NAMED = Structure(name=TEXT)

CHECKPOINT = Structure(id=I64, mac=TEXT)
FOLLOW_FROM = Variant(Newest=U64, Behind=I64)
AUDIT_FAULT = Open(
    Changed=Structure(id=I64),
    Missing=Structure(first=I64, last=I64),
    Swapped=Structure(**{"id": I64, "with": I64}),
    Inserted=Structure(id=I64),
    Truncated=Structure(first=I64, last=I64),
    Older=Structure(last=I64),
    Marks=None,
    Broken=Structure(id=I64),
    Checkpoint=Structure(id=I64),
)
AUDIT_VERDICT = Structure(
    events=U64,
    purged_to=I64,
    older_to=I64,
    head=I64,
    head_mac=TEXT,
    checkpoints=U64,
    fault=Optional(AUDIT_FAULT),
)

IMPORT_ROW = Structure(
    line=U64,
    name=TEXT,
    profile=PROFILE,
    created=Optional(I64),
    suspended=BOOL,
    argon2id=Optional(TEXT),
)
BAD_ROW = Structure(line=U64, reason=TEXT)

ADMIN_CALL = Variant(
    ShowStatus=None,
    Query=Structure(sql=TEXT),
    ListRows=LISTING,
    ShowAccount=NAMED,
    CreateAccount=Structure(name=TEXT, profile=PROFILE),
    SuspendAccount=Structure(name=TEXT, until=Optional(I64), reason=Optional(TEXT)),
    ResumeAccount=NAMED,
    DeleteAccount=NAMED,
    RestoreAccount=NAMED,
    ResetAccount=NAMED,
    RevokeSession=Structure(id=U64),
    RevokeOperator=NAMED,
    ShowJoinString=None,
    BackUp=None,
    ClearThrottle=Structure(subject=Optional(TEXT)),
    VerifyAudit=Structure(checkpoints=List(CHECKPOINT)),
    FollowAudit=Structure(**{"columns": List(TEXT), "filter": Optional(TEXT), "from": FOLLOW_FROM}),
    StartImport=None,
    ImportRows=List(IMPORT_ROW),
    FinishImport=Structure(accounts=U64),
    DropImport=None,
)

ADMIN_REPLY = Variant(
    Refused=REFUSAL,
    Greeting=GREETING,
    StatusShown=STATUS,
    Columns=List(TEXT),
    Rows=List(List(CELL)),
    RowsEnd=Structure(rows=U64, elapsed_us=U64, next=Optional(TEXT)),
    AccountShown=ACCOUNT_DETAIL,
    CodeIssued=Structure(name=TEXT, code=TEXT, expires=I64),
    AccountChanged=ACCOUNT_DETAIL,
    SessionRevoked=None,
    OperatorRevoked=None,
    JoinString=TEXT,
    BackupChunk=BYTES,
    BackupEnd=Structure(bytes=U64),
    ThrottleCleared=Structure(lanes=U64),
    AuditChecked=Structure(events=U64),
    AuditVerified=AUDIT_VERDICT,
    ImportStarted=None,
    RowsJudged=List(BAD_ROW),
    ImportContinues=Structure(accounts=U64),
    ImportFinished=Structure(accounts=U64, with_password=U64, elapsed_us=U64),
    ImportDropped=None,
)

MESSAGES = {
    ("user", "request"): Structure(id=U64, call=USER_CALL),
    ("user", "reply"): Structure(id=U64, body=USER_REPLY),
    ("admin", "request"): Structure(id=U64, call=ADMIN_CALL),
    ("admin", "reply"): Structure(id=U64, body=ADMIN_REPLY),
}


def decode(kind, payload, budget):
    cursor = Cursor(payload, budget)
    value = kind.read(cursor)
    if cursor.at != len(payload):
        raise NotAMessage(f"{len(payload) - cursor.at} bytes are left over")
    return value


def encode_frame(kind, value):
    out = bytearray()
    kind.write(out, value)
    return struct.pack(">I", len(out)) + bytes(out)


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


def check(folder):
    paths = sorted(path for frames in FRAME_FOLDERS for path in Path(folder, frames).glob("*.json"))
    faults = [
        f"{path}: {fault}"
        for path in paths
        for fault in faults_of(path, json.loads(path.read_text(encoding="utf-8")))
    ]
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


def tls_exporter(keylog, cipher):
    """RFC 8446, 7.5, from the secret that Python writes down for whoever reads along: it has no call for it."""
    hash_name = "sha384" if cipher.endswith("SHA384") else "sha256"
    lines = (line.split() for line in keylog.splitlines())
    secret = next(bytes.fromhex(words[2]) for words in lines if words and words[0] == "EXPORTER_SECRET")
    nothing = hashlib.new(hash_name)
    derived = hkdf_expand_label(
        secret, b"tls13 " + EXPORTER_LABEL, nothing.digest(), nothing.digest_size, hash_name
    )
    return hkdf_expand_label(derived, b"tls13 exporter", nothing.digest(), 32, hash_name)


class Client:
    """One connection to either port."""

    def __init__(self, host, port, ca, operator=None):
        self.port, protocol = ("admin", "vestry-admin/1") if operator else ("user", "vestry/1")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.load_verify_locations(ca)
        context.set_alpn_protocols([protocol])
        if operator:
            context.load_cert_chain(*operator)
        plain = socket.create_connection((host, port), timeout=SECONDS_TO_WAIT)
        with tempfile.TemporaryDirectory() as folder:
            context.keylog_filename = str(Path(folder, "keys"))
            self.stream = context.wrap_socket(plain, server_hostname=host)
            keylog = Path(folder, "keys").read_text(encoding="ascii")
        if self.stream.selected_alpn_protocol() != protocol:
            raise Failed(f"the server does not speak {protocol}")
        self.context = OPAQUE_CONTEXT + tls_exporter(keylog, self.stream.cipher()[0])
        self.last_id = 0
        self.greeting = None

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

    def call(self, call, expected):
        """Sends one call and returns the content of its reply, which must be of the expected kind."""
        self.last_id += 1
        request = {"id": self.last_id, "call": call}
        self.stream.sendall(encode_frame(MESSAGES[self.port, "request"], request))
        if self.greeting is None:
            self.greeting = self.receive_reply()
            require(self.greeting["id"] == 0, "the greeting has another number than 0")
            require(self.greeting["body"]["Greeting"]["version"] == 1, "the server greets with another version")
        reply = self.receive_reply()
        body = reply["body"]
        name, content = (body, None) if isinstance(body, str) else next(iter(body.items()))
        if name == "Refused":
            raise Refused(content)
        if (reply["id"], name) != (self.last_id, expected):
            raise Failed(f"{name} with number {reply['id']} does not answer request {self.last_id}")
        return content

    # Section 12: each exchange has two halves.

    def seal(self, first, fields, password):
        """An envelope for a new password; `first` is the call that takes its blinded form."""
        sealing = Sealing(password.encode())
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


def tour(host, port, ca, admin_port, certificate, key):
    try:
        connect = lambda: Client(host, int(port), ca)  # noqa: E731
        operator = lambda: Client(host, int(admin_port), ca, (certificate, key))  # noqa: E731
        for line in walk(connect, operator):
            print(line, flush=True)
    except (Failed, NotAMessage, NotProven, OSError) as error:
        print(f"failed: {error}", file=sys.stderr)
        return 1
    return 0


def main(arguments):
    match arguments:
        case ["check", folder]:
            return check(folder)
        case ["tour", host, port, ca, admin_port, certificate, key] if port.isdecimal() and admin_port.isdecimal():
            return tour(host, port, ca, admin_port, certificate, key)
        case _:
            print(__doc__.strip(), file=sys.stderr)
            return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
