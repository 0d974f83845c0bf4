"""What is measured. Each section starts its servers, takes its samples in turns, and stops its servers."""

import os
import subprocess
import time

from . import machine, peers
from .run import PROBLEMS, Failed
from .servers import BareTls, Vestryd


def measure(run, name):
    run.section = name
    run.sections.append(name)
    run.say(f"== {name}")
    before = len(run.running)
    try:
        SECTIONS[name](run)
    except PROBLEMS as error:
        run.note_missing(name, str(error))
    finally:
        run.stop(*run.running[before:])


def attempt(run, name, make):
    """A server, or nothing: what cannot be started is named in the document."""
    if not run.form.has_peers and name.split()[0] in machine.PACKAGES:
        return None
    try:
        return make()
    except PROBLEMS as error:
        run.note_missing(name, str(error))
        return None


def figures(seen):
    """Of one run of the load generator, what is written down: of several operations, of all together."""
    operations = list(seen["operations"].values())
    latency = operations[0]["latency"]
    taken = {"per_second": seen["per_second"], "mean_us": latency["mean_us"], "p50_us": latency["p50_us"],
             "p90_us": latency["p90_us"], "p99_us": latency["p99_us"], "p999_us": latency["p999_us"],
             "client_cpu_us": seen["client"]["cpu_us"],
             "refused": sum(code["count"] for each in operations for code in each["refused"].values()),
             "broken": sum(count for each in operations for count in each["broken"].values())}
    if seen["server"]:
        taken.update(cpu_us=seen["server"]["cpu_us"], switches=seen["server"]["switches_each"],
                     resident_mib=seen["server"]["resident_kib"] / 1024, peak_mib=seen["server"]["peak_kib"] / 1024)
    return taken


def loads(run, section, subject, server, mix, **options):
    """One entry of a round: a run of the load generator that becomes a sample."""
    return subject, lambda: run.record(section, subject, **figures(run.load(server, mix, **options)))


def start(run):
    for program in ("vestryd", "vestry", "vestryctl"):
        size = os.stat(run.program(program)).st_size
        run.record("start", f"size of {program}", mib=size / 1024 / 1024)
    folder, times = run.set_of(run.base), run.form.starts
    words = ["start", "--vestryd", run.program("vestryd"), "--data-dir", folder, "--times", times]
    run.remember("start", ["vestry-bench", *words])
    for _ in range(run.rounds):
        seen = run.bench(*words)
        middle = lambda values: values[len(values) // 2]
        run.record("start", "vestryd", listening_ms=middle(seen["listening_ms"]),
                   answering_ms=middle(seen["answering_ms"]), resident_mib=middle(seen["resident_kib"]) / 1024)


def logins(run):
    folder = run.set_of(run.base)
    vestryd = Vestryd(run, folder)
    postgres = attempt(run, "PostgreSQL", lambda: peers.Postgres(run, folder, run.base))
    slapd = attempt(run, "slapd", lambda: peers.Slapd(run, folder))
    bare = lambda: run.bench("bare-argon2", "--seconds", run.seconds)

    def record_bare():
        seen = bare()
        run.record("logins", "bare argon2 loop", per_second=seen["per_second"], cpu_us=seen["cpu_us"])
    # A client's half of a handshake and of OPAQUE costs what the server's does: one thread could not ask for enough.
    many = {"connections": 16, "threads": 2}
    turns = [loads(run, "logins", "Vestry, OPAQUE", vestryd, "login-opaque", **many),
             ("bare argon2 loop", record_bare)]
    if postgres:
        turns.append(("PostgreSQL, SCRAM", lambda: run.record(
            "logins", "PostgreSQL, SCRAM", **postgres.bench("-C", "-S", clients=16))))
    if slapd:
        turns.append(loads(run, "logins", "slapd, Argon2id", slapd, "ldap-bind", **many,
                           ldap_name=peers.Slapd.NAME, ldap_password=peers.PASSWORD))
    turns.append(loads(run, "logins", "Vestry, a session resumed", vestryd, "resume", **many))
    run.in_turns(turns)


def reads(run):
    folder = run.set_of(run.base)
    vestryd = Vestryd(run, folder)
    postgres = attempt(run, "PostgreSQL", lambda: peers.Postgres(run, folder, run.base))
    redis = attempt(run, "redis", lambda: peers.Redis(run, folder))
    turns = []
    for clients, depth in ((1, 1), (1, 16), (64, 1), (64, 16)):
        where = f"{clients} connection{'s' if clients > 1 else ''}, depth {depth}"
        turns.append(loads(run, "reads", f"Vestry, {where}", vestryd, "show", connections=clients, depth=depth))
        if redis:
            turns.append(redis_turn(run, redis, where, clients, depth))
        if postgres:
            turns.append(postgres_turn(run, postgres, where, clients, depth))
    run.in_turns(turns)


def redis_turn(run, redis, where, clients, depth):
    # As many as take about as long as the others' runs.
    a_second = {(1, 1): 7_000, (1, 16): 90_000, (64, 1): 45_000, (64, 16): 400_000}[clients, depth]
    count = round(a_second * run.seconds)
    subject = f"redis GET, {where}"
    return subject, lambda: run.record("reads", subject, **redis.bench(clients, depth, count))


def postgres_turn(run, postgres, where, clients, depth):
    subject = f"PostgreSQL SELECT, {where}"
    words = ["-S", "-M", "prepared"] if depth == 1 else ["-M", "prepared", "-f", postgres.pipeline(depth)]
    return subject, lambda: run.record(
        "reads", subject, **postgres.bench(*words, clients=clients, a_transaction=depth))


def handshakes(run):
    folder = run.set_of(run.base)
    turns = []
    for name, make in (("Vestry", lambda: Vestryd(run, folder)), ("bare loop", lambda: BareTls(run, folder)),
                       ("nginx", lambda: peers.Nginx(run, folder)),
                       ("openssl s_server", lambda: peers.OpensslServer(run, folder))):
        server = attempt(run, name, make)
        if server:
            turns.append(loads(run, "handshakes", f"{name}, full", server, "handshake", connections=32))
    for name, make in (("bare loop", lambda: BareTls(run, folder, True)),
                       ("nginx", lambda: peers.Nginx(run, folder, True)),
                       ("openssl s_server", lambda: peers.OpensslServer(run, folder, True))):
        server = attempt(run, f"{name} with tickets", make)
        if server:
            turns.append(loads(run, "handshakes", f"{name}, resumed", server, "handshake-resumed", connections=32))
    run.in_turns(turns)


WIDTHS = (1, 8, 64, 256)


def writes(run):
    folder, copy = run.set_of(run.base), run.set_of(run.base, "-bare")
    vestryd = Vestryd(run, folder)
    let_the_log_grow(run, vestryd)
    postgres = attempt(run, "PostgreSQL", lambda: peers.Postgres(run, folder, run.base))
    turns = []
    for clients in WIDTHS:
        turns.append(loads(run, "writes", f"Vestry, {clients}", vestryd, "update", connections=clients))
        turns.append(commits_turn(run, copy, clients))
        if postgres:
            turns.append(postgres_update_turn(run, postgres, clients))
    run.in_turns(turns)


def let_the_log_grow(run, vestryd):
    """Until the write-ahead log has its size and is written from its beginning again, as on any day but the first."""
    run.load(vestryd, "update", remember=False, connections=256, count=run.form.log_updates, seconds=20)


def commits_turn(run, folder, clients):
    """What a server would do without group commit, without the server."""
    subject = f"one commit per write, {clients}"
    words = ["commits", "--data-dir", folder, "--callers", clients, "--batch", 1, "--seconds", run.seconds]

    def once():
        run.remember("commits", ["vestry-bench", *words])
        seen = run.bench(*words)
        run.record("writes", subject, per_second=seen["per_second"], p50_us=seen["latency"]["p50_us"],
                   p99_us=seen["latency"]["p99_us"])
    return subject, once


def postgres_update_turn(run, postgres, clients):
    subject = f"PostgreSQL UPDATE, {clients}"
    words = ["-M", "prepared", "-f", postgres.update()]
    return subject, lambda: run.record("writes", subject, **postgres.bench(*words, clients=clients))


def idle(run):
    folder, connections = run.set_of(run.base), run.form.idle
    for name, speech, make in (("Vestry", "vestry", lambda: Vestryd(run, folder)),
                               ("bare loop", "echo", lambda: BareTls(run, folder)),
                               ("nginx", "http", lambda: peers.Nginx(run, folder))):
        server = attempt(run, name, make)
        if not server:
            continue
        words = ["idle", "--address", server.user, "--ca", server.ca, "--pid", server.pid, "--speech", speech,
                 "--connections", connections]
        run.remember(f"idle, {name}", ["vestry-bench", *words])
        seen = run.bench(*words)
        run.record("idle", name, bytes_each=seen["bytes_each"], idle_cpu_us=seen["idle_cpu_us"],
                   connections=connections)
        run.stop(server)


def overload(run):
    """Capacity in a closed loop, then twice that at a fixed rate, whoever keeps up."""
    vestryd = Vestryd(run, run.set_of(run.base))
    for _ in range(run.rounds):
        vestryd.rest()
        capacity = run.load(vestryd, "login-opaque", connections=16)["per_second"]
        vestryd.rest()
        run.remember("login-opaque, twice capacity", [f"vestry-bench load --rate 2×CAPACITY --connections {run.form.crowd} …"])
        seen = run.load(vestryd, "login-opaque", connections=run.form.crowd, rate=round(2 * capacity),
                        warmup=4 * run.form.warmup_secs)
        operation = seen["operations"]["login-opaque"]
        refused = operation["refused"].values()
        count = sum(code["count"] for code in refused)
        run.record(
            "overload", "OPAQUE logins", capacity=capacity, goodput=seen["per_second"],
            refused_per_second=count / seen["seconds"], accepted_p99_us=operation["service"]["p99_us"],
            due_p99_us=operation["latency"]["p99_us"],
            refused_p99_us=max((code["latency"]["p99_us"] for code in refused), default=None),
            share_with_retry=sum(code["with_retry"] for code in refused) / count if count else None,
            retry_mean_ms=max((code["retry_mean_ms"] for code in refused), default=None),
            broken=sum(operation["broken"].values()))


GROWN = ("login", "show", "update", "first page", "last page", "filtered page", "aggregate")


def growth(run):
    sizes = [size for size in (run.small, run.base, run.large) if size]
    servers = {size: Vestryd(run, run.set_of(size), f"vestryd with {size}") for size in sizes}
    turns = []
    for size, server in servers.items():
        let_the_log_grow(run, server)
        label = lambda what, size=size: f"{size:,} accounts: {what}"
        turns += [loads(run, "growth", label("login"), server, "login-opaque", connections=16),
                  loads(run, "growth", label("show"), server, "show", connections=64),
                  loads(run, "growth", label("update"), server, "update", connections=64),
                  (label("table"), lambda server=server, label=label: table(run, server, label))]
    run.in_turns(turns)
    run.stop(*servers.values())
    for size in sizes:
        seen = run.bench("start", "--vestryd", run.program("vestryd"), "--data-dir", run.set_of(size), "--times", 10)
        middle = seen["listening_ms"][len(seen["listening_ms"]) // 2]
        run.record("growth", f"{size:,} accounts: start", listening_ms=middle)


def table(run, server, label):
    words = ["table", "--address", server.admin, "--data-dir", server.folder, "--times", 50]
    run.remember("table", ["vestry-bench", *words])
    for what, asked in run.bench(*words)["asked"].items():
        run.record("growth", label(what), p50_us=asked["latency"]["p50_us"], p99_us=asked["latency"]["p99_us"])


FORMATS = ("tsv", "csv", "ndjson", "json", "table")


def tables(run):
    """The whole table through `vestryctl`, in each of its formats, and the peak of its memory."""
    vestryd = Vestryd(run, run.set_of(run.form.rows))
    place = ["--data-dir", str(vestryd.folder), "--admin", vestryd.admin]
    for name in FORMATS:
        command = [run.program("vestryctl"), *place, "sql", "--format", name, "select * from accounts"]
        run.remember("table", command)
        began = time.monotonic()
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as child:
            _, status, used = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode != 0:
            raise Failed(f"{run.shown(command)} ended with {child.returncode}")
        run.record("tables", f"select * from accounts, {name}", seconds=time.monotonic() - began,
                   peak_mib=used.ru_maxrss / 1024)


def import_accounts(run):
    """`vestryctl import` of a million accounts with hashes, into an empty database."""
    from .importing import measure_import
    measure_import(run)


SECTIONS = {"start": start, "logins": logins, "reads": reads, "handshakes": handshakes, "writes": writes, "idle": idle,
            "overload": overload, "growth": growth, "tables": tables, "import": import_accounts}
NAMES = list(SECTIONS)
