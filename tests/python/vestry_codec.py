"""Section 3 of docs/PROTOCOL.md: types. Each reads itself from a Cursor and writes itself to a bytearray."""

import struct
from types import MappingProxyType

# Section 2: what a server may announce, and what the content of an item may claim with it.
REPLY_MAX = 1_048_576


class NotAMessage(Exception):
    """The payload is not exactly one message."""


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

    FOLLOWING = MappingProxyType({251: 2, 252: 4, 253: 8})

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
