"""The audit chain and the digest of an import, from sections 14 and 6 of docs/PROTOCOL.md alone."""

import hashlib
import hmac

# Section 14: what an event's row is made of besides `id` and `at`, in the order of the formula.
TEXTS = ("actor_kind", "actor", "action", "subject", "source", "detail")

NOTHING = bytes(32)


def integer(number):
    return number.to_bytes(8, "big", signed=True)


def string(text):
    return len(text).to_bytes(8, "big") + text


def row(event):
    texts = (string(event[name].encode()) for name in TEXTS)
    return integer(event["id"]) + integer(event["at"]) + b"".join(texts)


class Chain:
    """The check of a database's events under a key."""

    def __init__(self, key):
        self.key = key

    def mac(self, label, message):
        return hmac.digest(self.key, label.encode() + b"\0" + message, "sha256")

    def name(self):
        return self.mac("vestry audit key 1", b"")[:8].hex()

    def link(self, behind, event):
        return self.mac("vestry audit event 1", behind + row(event))

    def place_of(self, marks, name):
        """A mark's place, or None when it is absent; ValueError when its seal is wrong."""
        mark = marks.get(name)
        if mark is None:
            return None
        value = bytes.fromhex(mark["value"])
        if self.mac(f"vestry audit {name} 1", integer(mark["id"]) + value).hex() != mark["seal"]:
            raise ValueError(name)
        return mark["id"], value

    def fault(self, events, marks):
        """The first fault of a chain, as `AuditFault` is spelled in vectors; None when there is none."""
        try:
            older, purged, head = (self.place_of(marks, name) for name in ("older", "purged", "head"))
        except ValueError:
            return "Marks"
        if older is None or head is None:
            return "Marks"
        at, link = purged or (0, NOTHING)
        for place, event in enumerate(events):
            number = event["id"]
            if number <= at:
                return {"Inserted": {"id": number}}
            if number <= older[0]:
                link, at = older_digest(link, event), number
                if number == older[0] and link != older[1]:
                    return {"Older": {"last": older[0]}}
                continue
            if at < older[0] or (at == older[0] and link != older[1]):
                return {"Older": {"last": older[0]}}
            if number > at + 1:
                gap = {"Missing": {"first": at + 1, "last": number - 1}}
                return {"Inserted": {"id": number}} if at + 1 > head[0] else gap
            found = self.found_at(event, link, head)
            if found == "Changed":
                return self.changed_or_swapped(event, link, events[place + 1 :])
            if found is not None:
                return found
            at, link = number, bytes.fromhex(event["mac"])
        if at < older[0] or (at == older[0] and link != older[1]):
            return {"Older": {"last": older[0]}}
        if at < head[0]:
            return {"Truncated": {"first": at + 1, "last": head[0]}}
        return None if (at, link) == head else "Marks"

    def found_at(self, event, link, head):
        """What is wrong with an event that is to lie behind `link`."""
        number, mac = event["id"], event["mac"]
        if mac == self.link(link, event).hex():
            return None if number <= head[0] else "Marks"
        begun = self.mac("vestry audit break 1", integer(number))
        if mac == self.link(begun, event).hex():
            return {"Broken": {"id": number}}
        return {"Inserted": {"id": number}} if mac is None or number > head[0] else "Changed"

    def changed_or_swapped(self, event, link, later):
        for other in later:
            expected = self.link(link, {**other, "id": event["id"]}).hex()
            if expected in (other["mac"], event["mac"]):
                return {"Swapped": {"id": event["id"], "with": other["id"]}}
        return {"Changed": {"id": event["id"]}}


def older_digest(digest, event):
    mac = bytes.fromhex(event["mac"]) if event["mac"] else b""
    label = b"vestry audit older event 1\0"
    return hashlib.sha256(label + digest + row(event) + string(mac)).digest()


def faults_of_audit(vector):
    chain = Chain(bytes.fromhex(vector["key"]))
    if chain.name() != vector["key_name"]:
        yield f"the key is called {chain.name()}"
    fault = chain.fault(vector["events"], vector["marks"])
    if fault != vector["fault"]:
        yield f"the fault is {fault!r}"


# Section 6: what the event of an import holds.


def import_digest(rows):
    digest = hashlib.sha256()
    for values in rows:
        profile = values["profile"]
        texts = [values["name"], profile["email"], profile["age"], profile["gender"], values["created"]]
        suspension = values["suspended"]
        texts += ["active" if suspension is None else "suspended", values["argon2id"]]
        texts += [None, None] if suspension is None else [suspension["until"], suspension["reason"]]
        for text in texts:
            digest.update(string(b"" if text is None else str(text).encode()))
    return digest.hexdigest()


def faults_of_import(vector):
    digest = import_digest(vector["rows"])
    if digest != vector["digest"]:
        yield f"the digest is {digest}"
