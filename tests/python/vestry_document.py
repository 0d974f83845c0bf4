"""The types of every message, read out of the tables of docs/PROTOCOL.md: what is checked against the vectors is the
document itself, and not somebody's copy of it."""

import re
from pathlib import Path

from vestry_codec import BOOL, BYTES, F64, I64, ITEM, TEXT, TOKEN, U16, U32, U64, List, Open, Optional, Structure, Variant

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "PROTOCOL.md"

PRIMITIVES = {
    "u16": U16, "u32": U32, "u64": U64, "i64": I64, "f64": F64, "bool": BOOL, "text": TEXT, "bytes": BYTES,
    "token": TOKEN, "item": ITEM,
}


class Unreadable(Exception):
    """The document is not written as this program reads it."""


class Later:
    """A type that is named before it is known."""

    def __init__(self, types, name):
        self.types, self.name = types, name

    def read(self, cursor):
        return self.types.named(self.name).read(cursor)

    def write(self, out, value):
        self.types.named(self.name).write(out, value)


class Types:
    """Every structure and variant of the document, by its name."""

    def __init__(self, text):
        self.sections = dict(re.findall(r"^#{2,3} ([^\n]+)\n(.*?)(?=^#{2,3} |\Z)", text, re.MULTILINE | re.DOTALL))
        self.known, self.templates = {}, {}
        for section in self.sections.values():
            for row in rows(section, "structure"):
                self.define(row[0].strip("`"), row[1])
            for row in rows(section, "open variant"):
                self.define(row[0].strip("`"), f"open variant: {row[1]}")
        self.known["Code"] = Open(**dict(self.code(row) for row in rows(self.sections["8. Refusals"], "code")))

    def define(self, name, cell):
        template = re.fullmatch(r"(\w+)<T>", name)
        if template:
            self.templates[template[1]] = cell
        elif re.match(r"(open )?variant", cell):
            self.known[name] = self.variant(cell)
        else:
            self.known[name] = self.fields(cell)

    def named(self, name):
        if name not in self.known:
            raise Unreadable(f"no table has {name}")
        return self.known[name]

    def variant(self, cell, parameter=None):
        """`0 `Null`, 1 `Integer(i64)`, 2 `Changed(id: i64)``, numbered from 0 in their order."""
        cases = re.findall(r"(\d+) `(\w+)(?:\(([^`]*)\))?`", cell)
        if [int(number) for number, _, _ in cases] != list(range(len(cases))):
            raise Unreadable(f"the numbers of {cell!r} are not in order")
        content = {name: self.content(inner, parameter) for _, name, inner in cases}
        return (Open if cell.startswith("open") else Variant)(**content)

    def content(self, inner, parameter=None):
        """What a case holds: nothing, one type without a name, or fields."""
        if not inner:
            return None
        if ":" not in inner:
            return self.type(inner if inner != "T" else parameter)
        return Structure(**{name: self.type(kind) for name, kind in (field.split(": ") for field in inner.split(", "))})

    def fields(self, cell):
        """`name: text`, `age: u16?` as a structure; a type alone, which words may follow, as that type."""
        if cell in ("none", ""):
            return None
        typed = re.findall(r"`(\w+): ([^`]+)`", cell)
        if typed:
            return Structure(**{name: self.type(kind) for name, kind in typed})
        return self.type(re.match(r"`([^`]+)`", cell)[1])

    def type(self, text):
        """`u64`, `text?`, `[[open Cell]]`, `(open AuditFault)?`, `Change<u16>`, `open Field`, `NewSession`."""
        if text.endswith("?"):
            return Optional(self.type(text[:-1].removeprefix("(").removesuffix(")")))
        if text.startswith("["):
            return List(self.type(text[1:-1]))
        if text in PRIMITIVES:
            return PRIMITIVES[text]
        template = re.fullmatch(r"(\w+)<(\w+)>", text)
        if template:
            return self.variant(self.templates[template[1]], template[2])
        return Later(self, text.removeprefix("open "))

    def code(self, row):
        """A refusal's code, and what it says beside its number."""
        return row[1].strip("`"), self.fields(row[2])

    def message(self, port, direction):
        """The calls of a port, or its replies."""
        noun = "call" if direction == "request" else "reply"
        section = self.sections[f"{port.capitalize()} {'calls' if noun == 'call' else 'replies'}"]
        table = rows(section, "no.")
        if [row[0] for row in table] != [str(number) for number in range(len(table))]:
            raise Unreadable(f"the numbers of the {port} {noun} table are not in order")
        variants = Variant(**{row[1].strip("`"): self.fields(row[2]) for row in table})
        return Structure(**{"id": U64, "call" if noun == "call" else "body": variants})


def rows(section, heading):
    """The rows of the tables whose first column has this heading."""
    found, wanted = [], False
    for line in section.splitlines():
        if not line.startswith("|"):
            wanted = False
            continue
        cells = [cell.strip() for cell in line.removeprefix("|").removesuffix("|").split("|")]
        if set(line) <= set("|-"):
            continue
        if cells[0] == heading:
            wanted = True
        elif wanted:
            found.append(cells)
    return found


def messages():
    """By port and direction."""
    types = Types(DOCUMENT.read_text(encoding="utf-8"))
    kinds = [(port, direction) for port in ("user", "admin") for direction in ("request", "reply")]
    return {kind: types.message(*kind) for kind in kinds}
