#!/usr/bin/env python3
"""The Vestry protocol in Python, written from docs/PROTOCOL.md alone and with nothing but the standard library.

    python3 vestry_wire.py check tests/vectors        every vector decodes, encodes and fails as it says
    python3 vestry_wire.py tour HOST PORT CA.pem      registers, logs in, looks, updates, looks, logs out

It shows that the document is enough to write a client, and it finds where the document and the server disagree.
It is not a client to keep accounts with: it stores nothing.
"""

import json
import secrets
import socket
import ssl
import struct
import sys
from pathlib import Path

# Section 2: bytes that a frame may announce.
REQUEST_MAX_BEFORE_LOGIN = 4_096
REQUEST_MAX = 65_536
REPLY_MAX = 1_048_576

# The folders of vectors that are frames; `opaque` holds whole exchanges, which need their cryptography.
FRAME_FOLDERS = ("user", "admin", "hostile")

SECONDS_TO_WAIT = 30


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

# ---------------------------------------------------------------------------------------------------------------
# Sections 4 to 7: messages.
# ---------------------------------------------------------------------------------------------------------------

PROFILE = Structure(email=Optional(TEXT), age=Optional(U16), gender=Optional(TEXT))
REFUSAL = Structure(code=U16, message=TEXT, retry_after_ms=Optional(U64))


def change(kind):
    return Variant(Keep=None, Clear=None, Set=kind)


ACCOUNT = Structure(name=TEXT, profile=PROFILE, created=I64, last_login=Optional(I64))
NEW_SESSION = Structure(token=TOKEN, name=TEXT, last_login=Optional(I64), expires=I64, idle_secs_max=U64)
SESSION = Structure(
    id=U64, device=TEXT, source=TEXT, created=I64, last_used=I64, expires=I64, current=BOOL
)

STRETCHING = Structure(memory_kib=U32, iterations=U32, parallelism=U32)
ENVELOPE = Structure(upload=BYTES, stretching=STRETCHING)

USER_CALL = Variant(
    DescribeServer=None,
    Register=Structure(name=TEXT, password=TEXT, profile=PROFILE),
    LogIn=Structure(name=TEXT, password=TEXT, device=TEXT),
    ResumeSession=Structure(token=TOKEN),
    ShowAccount=None,
    UpdateAccount=Structure(
        email=change(TEXT), age=change(U16), gender=change(TEXT), password=Optional(TEXT)
    ),
    ChangePassword=Structure(current=TEXT, new=TEXT),
    DeleteAccount=Structure(password=TEXT),
    ListSessions=None,
    RevokeSession=Structure(id=U64),
    LogOut=Structure(everywhere=BOOL),
    RedeemResetCode=Structure(name=TEXT, code=TEXT, new=TEXT),
    StartRegistration=Structure(name=TEXT, request=BYTES),
    FinishRegistration=Structure(name=TEXT, envelope=ENVELOPE, profile=PROFILE),
    StartLogin=Structure(name=TEXT, ke1=BYTES),
    FinishLogin=Structure(ke3=BYTES, device=TEXT),
    StartProof=Structure(ke1=BYTES),
    FinishProof=Structure(ke3=BYTES),
    StartNewPassword=Structure(request=BYTES),
    FinishNewPassword=Structure(envelope=ENVELOPE),
    FinishMigration=Structure(envelope=ENVELOPE),
    DeleteProvenAccount=None,
    StartReset=Structure(name=TEXT, request=BYTES),
    FinishReset=Structure(name=TEXT, code=TEXT, envelope=ENVELOPE),
    PresentDevice=Structure(token=TOKEN),
    RememberDevice=None,
    ShowFailures=None,
)

USER_REPLY = Variant(
    Refused=REFUSAL,
    ServerDescribed=Structure(version=TEXT, registration_open=BOOL, password_chars_min=U64, now=I64),
    Registered=Structure(name=TEXT),
    LoggedIn=NEW_SESSION,
    SessionResumed=Structure(name=TEXT),
    AccountShown=ACCOUNT,
    AccountUpdated=ACCOUNT,
    PasswordChanged=NEW_SESSION,
    AccountDeleted=Structure(restorable_until=I64),
    SessionsListed=List(SESSION),
    SessionRevoked=None,
    LoggedOut=Structure(sessions_ended=U64),
    PasswordReset=Structure(name=TEXT),
    RegistrationStarted=Structure(response=BYTES, stretching=STRETCHING),
    LoginStarted=Structure(ke2=BYTES, stretching=STRETCHING, takes_passwords=BOOL),
    PasswordProven=None,
    CredentialMigrated=None,
    DevicePresented=Structure(known=BOOL),
    DeviceRemembered=Structure(token=TOKEN),
    FailuresShown=Structure(since_last_login=U64),
)

VIEW = Variant(Accounts=None, Sessions=None, Audit=None, Operators=None)
CELL = Variant(Null=None, Integer=I64, Real=F64, Text=TEXT, Blob=BYTES)
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
    status=TEXT,
    credential=TEXT,
    created=I64,
    last_login=Optional(I64),
    suspended_until=Optional(I64),
    suspended_reason=Optional(TEXT),
    restorable_until=Optional(I64),
    sessions=U64,
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
    hashing_queue=U64,
    operator=TEXT,
    role=TEXT,
)
NAMED = Structure(name=TEXT)

CHECKPOINT = Structure(id=I64, mac=TEXT)
FOLLOW_FROM = Variant(Newest=U64, Behind=I64)
AUDIT_FAULT = Variant(
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
    try:
        return "message", decode(kind, frame[4 : 4 + length], budget)
    except NotAMessage:
        return "malformed", None


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


class Client:
    """One connection to a user port."""

    def __init__(self, host, port, ca):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.load_verify_locations(ca)
        context.set_alpn_protocols(["vestry/1"])
        plain = socket.create_connection((host, port), timeout=SECONDS_TO_WAIT)
        self.stream = context.wrap_socket(plain, server_hostname=host)
        if self.stream.selected_alpn_protocol() != "vestry/1":
            raise Failed("the server does not speak vestry/1")
        self.last_id = 0

    def receive(self, count):
        received = bytearray()
        while len(received) < count:
            part = self.stream.recv(count - len(received))
            if not part:
                raise Failed("the server closed the connection")
            received += part
        return bytes(received)

    def call(self, call, expected):
        """Sends one call and returns the content of its reply, which must be of the expected kind."""
        self.last_id += 1
        self.stream.sendall(encode_frame(MESSAGES["user", "request"], {"id": self.last_id, "call": call}))
        (length,) = struct.unpack(">I", self.receive(4))
        if not 0 < length <= REPLY_MAX:
            raise Failed(f"the server announced a frame of {length} bytes")
        reply = decode(MESSAGES["user", "reply"], self.receive(length), REPLY_MAX)
        body = reply["body"]
        name, content = (body, None) if isinstance(body, str) else next(iter(body.items()))
        if name == "Refused":
            raise Failed(f"refused with {content['code']}: {content['message']!r}")
        if (reply["id"], name) != (self.last_id, expected):
            raise Failed(f"{name} with number {reply['id']} does not answer request {self.last_id}")
        return content


def age_of(account):
    return account["profile"]["age"]


def require(truth, what):
    if not truth:
        raise Failed(what)


def walk(client):
    """Register, log in, look, update, look, log out; one line each."""
    name, password = f"tour-{secrets.token_hex(5)}", secrets.token_urlsafe(24)
    profile = {"email": None, "age": 40, "gender": None}
    registered = client.call(
        {"Register": {"name": name, "password": password, "profile": profile}}, "Registered"
    )
    require(registered["name"] == name, "another name was registered")
    yield f"registered {name}"
    session = client.call(
        {"LogIn": {"name": name, "password": password, "device": "vestry_wire.py"}}, "LoggedIn"
    )
    yield f"logged in; the session ends after {session['idle_secs_max']} s without a call"
    account = client.call("ShowAccount", "AccountShown")
    require(age_of(account) == 40, "the age is not the one that was registered")
    yield f"shown: age {age_of(account)}"
    update = {"email": "Keep", "age": {"Set": 35}, "gender": "Keep", "password": None}
    client.call({"UpdateAccount": update}, "AccountUpdated")
    yield "updated the age"
    account = client.call("ShowAccount", "AccountShown")
    require(age_of(account) == 35, "the age is not the one that was set")
    yield f"shown: age {age_of(account)}"
    ended = client.call({"LogOut": {"everywhere": False}}, "LoggedOut")
    require(ended["sessions_ended"] == 1, "not one session ended")
    yield "logged out"


def tour(host, port, ca):
    try:
        for line in walk(Client(host, int(port), ca)):
            print(line, flush=True)
    except (Failed, NotAMessage, OSError) as error:
        print(f"failed: {error}", file=sys.stderr)
        return 1
    return 0


def main(arguments):
    match arguments:
        case ["check", folder]:
            return check(folder)
        case ["tour", host, port, ca] if port.isdecimal():
            return tour(host, port, ca)
        case _:
            print(__doc__.strip(), file=sys.stderr)
            return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
