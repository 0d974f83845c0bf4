"""What was promised, held against what was measured. Every verdict is computed from the samples of the run."""

from .sections import WIDTHS


def judge(run):
    """A row for each bar: the figure, the bar, what was measured, and whether it is met (`None`: not measured)."""
    return [row for section, group in GROUPS.items() if section in run.sections for row in group(run)]


def row(figure, bar, measured, met):
    return {"figure": figure, "bar": bar, "measured": measured, "met": met}


def at_most(figure, bar, value, limit, text):
    return row(figure, bar, text(value) if value is not None else "not measured",
               None if value is None else value <= limit)


def at_least(figure, bar, value, limit, text):
    return row(figure, bar, text(value) if value is not None else "not measured",
               None if value is None else value >= limit)


def ratio(one, other):
    return one / other if one is not None and other else None


def times(value):
    return f"{value:.2f} ×"


def logins(run):
    cpu = lambda subject: run.median("logins", subject, "cpu_us")
    opaque, hashed, resumed = cpu("Vestry, OPAQUE"), cpu("bare argon2 loop"), cpu("Vestry, a session resumed")
    # What a login by hash costs at the least: the hash itself, and a fresh connection that gets at its session.
    by_hash = hashed + resumed if hashed and resumed else None
    one_of = lambda value: f"1/{value:.1f}"
    yield at_most("server CPU per OPAQUE login, fresh connection, all in", "≤ 1 ms", opaque, 1_000,
                  lambda value: f"{value / 1e3:.2f} ms")
    yield at_least("the same, of one that hashes by Argon2id (the bare loop, and a session resumed)", "≤ 1/30",
                   ratio(by_hash, opaque), 30, one_of)
    yield at_least("the same, of slapd's at the same Argon2id cost", "≤ 1/20",
                   ratio(cpu("slapd, Argon2id"), opaque), 20, one_of)


def handshakes(run):
    rate = lambda subject: run.median("handshakes", subject, "per_second")
    cpu = lambda subject: run.median("handshakes", subject, "cpu_us")
    yield at_least("full handshakes, of the bare accept loop", "≥ 90 %",
                   ratio(rate("Vestry, full"), rate("bare loop, full")), 0.9, lambda value: f"{value:.0%}")
    yield at_most("server CPU per connection, of nginx's", "≤ 0.6 ×",
                  ratio(cpu("Vestry, full"), cpu("nginx, full")), 0.6, times)


def reads(run):
    rate = lambda subject: run.median("reads", subject, "per_second")
    many, piped = "64 connections, depth 1", "64 connections, depth 16"
    yield at_least("`show` on 64 open connections, of `pgbench -S`", "≥ 3 ×",
                   ratio(rate(f"Vestry, {many}"), rate(f"PostgreSQL SELECT, {many}")), 3, times)
    yield at_least("the same, of redis GET", "≥ 1 ×",
                   ratio(rate(f"Vestry, {many}"), rate(f"redis GET, {many}")), 1, times)
    yield at_least("`show` 16 deep, of PostgreSQL's pipeline mode", "> 1 ×",
                   ratio(rate(f"Vestry, {piped}"), rate(f"PostgreSQL SELECT, {piped}")), 1, times)


def writes(run):
    rate = lambda subject: run.median("writes", subject, "per_second")
    for clients, least in ((64, 5), (256, 10)):
        yield at_least(f"durable updates on {clients} connections, of one commit per write", f"≥ {least} ×",
                       ratio(rate(f"Vestry, {clients}"), rate(f"one commit per write, {clients}")), least, times)
    for clients in WIDTHS:
        yield at_least(f"the same on {clients}, of PostgreSQL's `UPDATE`", "> 1 ×",
                       ratio(rate(f"Vestry, {clients}"), rate(f"PostgreSQL UPDATE, {clients}")), 1, times)


def idle(run):
    each = lambda subject: run.median("idle", subject, "bytes_each")
    yield at_most("memory of an idle connection", "≤ 10 kB", each("Vestry"), 10_000,
                  lambda value: f"{value / 1e3:.1f} kB")
    yield at_most("the same, of nginx's", "≤ 0.65 ×", ratio(each("Vestry"), each("nginx")), 0.65, times)


def growth(run):
    largest = run.large or run.base
    of = lambda size, what, figure: run.median("growth", f"{size:,} accounts: {what}", figure)
    grown = f"{run.small:,} → {largest:,} accounts"
    for what in ("login", "show", "update"):
        slower = ratio(of(run.small, what, "per_second"), of(largest, what, "per_second"))
        yield at_most(f"{what}, {grown}", "≤ 1.5 ×", slower, 1.5, times)
    for what in ("first page", "last page", "filtered page"):
        slower = ratio(of(largest, what, "p50_us"), of(run.small, what, "p50_us"))
        yield at_most(f"{what}, {grown}", "≤ 1.5 ×", slower, 1.5, times)


def imports(run):
    subject = f"{run.base:,} accounts"
    limit = 20 * run.base / 1_000_000
    yield at_most(f"import of {subject}", f"≤ {limit:.0f} s", run.median("import", subject, "seconds"), limit,
                  lambda value: f"{value:.1f} s")
    yield at_most("the server's memory while it imports", "≤ 256 MiB",
                  run.median("import", subject, "server_peak_mib"), 256, lambda value: f"{value:.0f} MiB")


def start(run):
    yield at_most(f"start to listening on {run.base:,} accounts", "≤ 20 ms",
                  run.median("start", "vestryd", "listening_ms"), 20, lambda value: f"{value:.1f} ms")
    yield at_most("resident memory, just started", "≤ 12 MiB", run.median("start", "vestryd", "resident_mib"), 12,
                  lambda value: f"{value:.1f} MiB")
    for program in ("vestryd", "vestry", "vestryctl"):
        yield at_most(f"size of `{program}`", "≤ 10 MiB", run.median("start", f"size of {program}", "mib"), 10,
                      lambda value: f"{value:.1f} MiB")


def overload(run):
    of = lambda figure: run.median("overload", "OPAQUE logins", figure)
    yield at_least("goodput of OPAQUE logins at twice capacity", "≥ 90 %", ratio(of("goodput"), of("capacity")),
                   0.9, lambda value: f"{value:.0%}")


GROUPS = {"logins": logins, "handshakes": handshakes, "reads": reads, "writes": writes, "idle": idle, "growth": growth,
          "import": imports, "start": start, "overload": overload}
