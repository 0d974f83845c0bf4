"""The figures of a run as a document for people."""

import statistics

NOTES = {"whole": "", "quick": "This was a quick run, with smaller databases.",
         "smoke": "This run only proves that it still runs: no figure of it means anything."}

VERDICTS = {True: "met", False: "**not met**", None: "not measured"}

INTRODUCTION = """# Benchmarks

What Vestry costs and how fast it is, beside what people would pick instead, measured in one run on one machine.
`scripts/bench.sh` writes this document; nothing in it is written by hand. {note}

**How to read it.** Client and server share the machine, so a figure is of this machine and a ratio travels better than
it. Each figure is the median of {rounds} rounds, in which everybody takes turns, with the lowest and the highest behind
it; treat what is within those as equal. The load comes from one thread of `vestry-bench` or `redis-benchmark`, or two of
`pgbench`; for logins from two of `vestry-bench` as well. *Server CPU* is what the server process (with its children) used for one
operation, from `/proc`: it leaves the client out. A time is counted from when a request was due. Where a bar is not
met, the table says so.

Everybody speaks TLS 1.3 with the same P-256 certificate on loopback. Vestry's clients come from 64 addresses, its limits for one
source are raised (`vestry-bench data` writes which), and they do not stretch their password (RFC 9807 makes that the client's
work, on the client's machine); everything that the server does is as it ships. PostgreSQL has
`synchronous_commit = on` and its table in shared buffers, redis keeps nothing on disk, slapd hashes with its argon2
module at Vestry's cost (19 MiB, two passes), nginx has a worker a core.
"""


def write(run, judged):
    """The document."""
    facts = run.facts
    parts = [INTRODUCTION.format(note=NOTES[facts["form"]], rounds=facts["rounds"]), machine(facts), bars(judged)]
    parts += [section(run) for section in (logins, reads, handshakes, writes, idle, overload, growth, tables, start, imports)]
    parts += [missing(run), commands(run)]
    return "\n".join(part for part in parts if part).rstrip() + "\n"


def machine(facts):
    versions = ", ".join(f"{name} {version}" for name, version in facts["versions"].items() if version)
    return "\n".join([
        "## The machine", "",
        f"{facts['cores']} cores of {facts['cpu']}, {facts['memory_gib']} GiB, {facts['system']}, Linux {facts['kernel']}, "
        f"{facts['file_system']}, virtualisation: {facts['virtual']}.", "",
        f"{versions}; Vestry at commit {facts['commit']}. The run took {facts['seconds'] / 60:.0f} minutes"
        f"{'' if facts['ended'] == 'whole' else ' and was interrupted'}.", ""])


def bars(judged):
    lines = ["## What was promised", "", "| figure | bar | measured | |", "|---|---|---:|---|"]
    lines += [f"| {row['figure']} | {row['bar']} | {row['measured']} | {VERDICTS[row['met']]} |" for row in judged]
    return "\n".join(lines) + "\n"


def bars_as_text(judged):
    marks = {True: "met", False: "NOT MET", None: "-"}
    return "\n".join(f"{row['figure']:<72} {row['bar']:>9} {row['measured']:>14}  {marks[row['met']]}" for row in judged)


def number(value):
    if value is None:
        return ""
    if value >= 10_000:
        return f"{value:,.0f}"
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.3g}"


def spread(values):
    """The median, and what it is between."""
    if not values:
        return ""
    middle = number(statistics.median(values))
    return middle if len(values) == 1 else f"{middle} [{number(min(values))}..{number(max(values))}]"


def subjects(run, name):
    """The subjects of a section in the order in which they were first measured."""
    return list(dict.fromkeys(sample["subject"] for sample in run.samples if sample["section"] == name))


def table(run, name, title, columns, text="", wanted=lambda _: True, against=None):
    """A table with a line for each subject. A column is a heading, a figure, and what a value is multiplied by."""
    chosen = [subject for subject in subjects(run, name) if wanted(subject)]
    if not chosen:
        return ""
    lines = [f"## {title}", "", *([text, ""] if text else [])]
    headings = [heading for heading, _, _ in columns] + (["ratio"] if against else [])
    lines += ["| | " + " | ".join(headings) + " |", "|---|" + "---:|" * len(headings)]
    for subject in chosen:
        cells = [spread([value * scale for value in run.values(name, subject, figure)])
                 for _, figure, scale in columns]
        if against:
            cells.append(against_other(run, name, subject, against(subject)))
        lines.append(f"| {subject} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def against_other(run, name, subject, other):
    """How many times as much a second as another subject."""
    one, two = (run.median(name, each, "per_second") for each in (subject, other))
    return f"{one / two:.2f}" if one and two else ""


RATE = ("a second", "per_second", 1)
CPU = ("server CPU, µs each", "cpu_us", 1)
P50, P99 = ("p50, µs", "p50_us", 1), ("p99, µs", "p99_us", 1)


def logins(run):
    return table(run, "logins", "Logins", [RATE, P50, P99, CPU, ("context switches", "switches", 1)],
                 "16 clients, a fresh connection each time, any account of the database. The bare loop computes Argon2id "
                 "on every core and does nothing else.")


def reads(run):
    def vestry_there(subject):
        return "Vestry, " + subject.split(", ", 1)[1]
    return table(run, "reads", "Reads", [RATE, P50, P99, CPU],
                 "`show` checks the session and reads the account in one view of the database; PostgreSQL selects one "
                 "value by its key, prepared; redis gets 200 bytes. 16 deep, 16 requests share a write. The ratio is to "
                 "Vestry's rate.", against=vestry_there)


def handshakes(run):
    return table(run, "handshakes", "Handshakes", [RATE, P50, P99, CPU],
                 "32 clients; a connection counts when the server has closed its side. Vestry and the bare loop agree on "
                 "X25519MLKEM768, the others on X25519. Vestry gives no tickets: resuming saves a server "
                 "nothing worth a key to guard, as the bare loop shows.")


def writes(run):
    def vestry_there(subject):
        return "Vestry, " + subject.rsplit(", ", 1)[1]
    return table(run, "writes", f"Durable writes, {run.base:,} accounts", [RATE, P50, P99, CPU],
                 "An update of Vestry is a session check, an audit event with its MAC and the change, on disk before it is "
                 "answered. *One commit per write* is the same work straight in the database, an fsync each, without a "
                 "network or TLS in its way. PostgreSQL changes one value by its key. The ratio is to Vestry's rate.",
                 against=vestry_there)


def idle(run):
    held = next((sample["connections"] for sample in run.samples if sample["section"] == "idle"), 0)
    return table(run, "idle", f"{held:,} idle connections",
                 [("bytes each", "bytes_each", 1), ("server CPU within a second, µs", "idle_cpu_us", 1)],
                 "Growth of resident memory, after one request on each connection.")


def overload(run):
    return table(run, "overload", "Overload", [
        ("capacity", "capacity", 1), ("goodput", "goodput", 1), ("refused a second", "refused_per_second", 1),
        ("p99 of accepted, ms", "accepted_p99_us", 1e-3), ("p99 from when it was due, ms", "due_p99_us", 1e-3),
        ("p99 of a refusal, ms", "refused_p99_us", 1e-3), ("told to wait, ms", "retry_mean_ms", 1)],
        "600 clients at twice the rate that 16 reach in a closed loop; none of them heeds the time to wait.")


def growth(run):
    columns = [RATE, P50, P99, ("start to listening, ms", "listening_ms", 1), ("bytes each", "bytes_each", 1),
               ("made in, s", "seconds", 1)]
    return table(run, "growth", "Growth", columns,
                 "Logins to any account on 16 connections; `show` and `update` on 64; pages of 100 rows as the operator's "
                 "console asks for them, in the order of names; *filtered* by an age that one in a hundred has. The aggregate "
                 "reads every account, so it grows with them.")


def start(run):
    return table(run, "start", f"Start, memory and size, {run.base:,} accounts", [
        ("to listening, ms", "listening_ms", 1), ("to the first handshake, ms", "answering_ms", 1),
        ("resident, MiB", "resident_mib", 1), ("size, MiB", "mib", 1)])


def tables(run):
    return table(run, "tables", "The whole table", [("seconds", "seconds", 1), ("peak of vestryctl, MiB", "peak_mib", 1)],
                 "100,000 accounts through `vestryctl sql`.")


def imports(run):
    return table(run, "import", "Import", [("seconds", "seconds", 1), ("server's peak, MiB", "server_peak_mib", 1),
                                           ("server CPU, s", "cpu_secs", 1)])


def missing(run):
    if not run.missing:
        return ""
    lines = ["## Not measured", ""] + [f"- {what}: {why}" for what, why in run.missing.items()]
    return "\n".join(lines) + "\n"


def commands(run):
    lines = ["## Commands", "", "The whole: `scripts/bench.sh`. One section: `scripts/bench.sh --only reads`. What it ran, "
             "each the first of its kind:", "", "```"]
    lines += [f"{section}: {command}" for (section, _), command in run.commands.items()]
    return "\n".join([*lines, "```", ""])
