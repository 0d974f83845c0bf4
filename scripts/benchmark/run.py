"""One run of the benchmark: its programs, its servers, its samples."""

import dataclasses
import json
import re
import statistics
import subprocess
import sys
import time

# A command that takes longer has hung; the longest is the data set of ten million accounts.
COMMAND_SECONDS_MAX = 900


class Failed(Exception):
    """A measurement that could not be made."""


# One figure that cannot be taken, for whatever reason, is named as missing; the others are taken all the same.
PROBLEMS = (Failed, subprocess.SubprocessError, OSError, LookupError, ValueError, AttributeError)


@dataclasses.dataclass(frozen=True)
class Form:
    """How much one run measures: accounts in its databases, seconds a figure, and how often."""

    name: str
    # `growth` compares databases of these sizes; every other section uses the base. The whole table has `rows`.
    small: int
    base: int
    large: int | None
    rows: int
    rounds: int
    seconds: float
    warmup_secs: float
    starts: int
    idle: int
    # Clients of the overload, and updates that make the write-ahead log grow to its size.
    crowd: int
    log_updates: int
    has_peers: bool = True


FORMS = {form.name: form for form in (
    # Long enough that a noisy second does not decide, short enough for the whole to end in time.
    Form("whole", small=10_000, base=1_000_000, large=10_000_000, rows=100_000, rounds=3, seconds=4.0, warmup_secs=0.5,
         starts=20, idle=10_000, crowd=600, log_updates=30_000),
    Form("quick", small=10_000, base=100_000, large=None, rows=100_000, rounds=2, seconds=2.0, warmup_secs=0.5,
         starts=10, idle=2_000, crowd=600, log_updates=30_000),
    # Proves that every section still measures; its figures mean nothing. In half a second a busy machine still hashes.
    Form("smoke", small=200, base=1_000, large=None, rows=1_000, rounds=1, seconds=0.5, warmup_secs=0.0,
         starts=2, idle=50, crowd=40, log_updates=100, has_peers=False),
)}


class Run:
    def __init__(self, programs, scratch, form, rounds):
        self.programs, self.scratch, self.form, self.rounds = programs, scratch, form, rounds
        self.facts, self.missing, self.samples, self.commands = {}, {}, [], {}
        self.section, self.sections = None, []
        self.running = []
        self.sets = {}
        self.small, self.base, self.large, self.seconds = form.small, form.base, form.large, form.seconds

    def program(self, name):
        return str(self.programs / name)

    def bench(self, *words):
        """What `vestry-bench` prints as JSON."""
        command = [self.program("vestry-bench"), "--json", *(str(word) for word in words)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=COMMAND_SECONDS_MAX, check=False)
        if done.returncode != 0:
            raise Failed(f"{self.shown(command)}: {done.stderr.strip()}")
        return json.loads(done.stdout)

    def load(self, server, mix, remember=True, **options):
        """One run of the load generator against a server; options are its flags."""
        words = ["load", "--address", server.user, "--mix", mix, "--pid", server.pid]
        words += ["--data-dir", server.folder] if server.speaks_vestry else ["--ca", server.ca]
        options.setdefault("seconds", self.seconds)
        options.setdefault("warmup", self.form.warmup_secs)
        for name, value in options.items():
            words += ["--" + name.replace("_", "-"), value]
        if remember:
            self.remember(mix, ["vestry-bench", *words])
        return self.bench(*words)

    def watch(self, server, command, environment=None, remember=True):
        """Somebody else's load generator, and what the server used meanwhile."""
        words = ["env", *(f"{key}={value}" for key, value in (environment or {}).items()), *command]
        if remember:
            self.remember(command[0], command)
        seen = self.bench("watch", "--pid", server.pid, "--", *words)
        if seen["code"] != 0:
            raise Failed(f"{self.shown(command)}: {seen['stderr'].strip()[-300:]}")
        return seen

    def remember(self, what, command):
        self.commands.setdefault((self.section, what), self.shown(command))

    def shown(self, command):
        """A command without the paths of this machine."""
        first, *rest = [str(word) for word in command]
        text = " ".join([first.rsplit("/", 1)[-1], *(f'"{word}"' if " " in word else word for word in rest)])
        text = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT", self.without_paths(text))
        return re.sub(r"(--pid|-p) \d+", r"\1 N", text)

    def without_paths(self, text):
        return text.replace(str(self.scratch), "$SCRATCH").replace(str(self.programs), "$PROGRAMS")

    def record(self, section, subject, **figures):
        """One sample. A figure is a number; `None` is one that was not taken."""
        self.samples.append({"section": section, "subject": subject, **figures})
        shown = "  ".join(f"{name} {value:,.4g}" for name, value in figures.items() if value is not None)
        self.say(f"  {subject:<42} {shown}")

    def values(self, section, subject, figure):
        return [sample[figure] for sample in self.samples
                if sample["section"] == section and sample["subject"] == subject
                and sample.get(figure) is not None]

    def median(self, section, subject, figure):
        values = self.values(section, subject, figure)
        return statistics.median(values) if values else None

    def in_turns(self, subjects):
        """Calls each subject once a round, so that a noisy minute meets all of them."""
        for _ in range(self.rounds):
            for name, measure in subjects:
                try:
                    measure()
                except PROBLEMS as error:
                    self.note_missing(name, str(error))

    def note_missing(self, what, why):
        why = self.without_paths(why)
        self.say(f"  {what}: not measured: {why}")
        self.missing.setdefault(what, why)

    def say(self, text):
        print(text, file=sys.stderr, flush=True)

    def set_of(self, accounts, copy=""):
        """The data directory of so many accounts; a copy has the same people."""
        key = f"{accounts}{copy}"
        if key not in self.sets:
            folder = self.scratch / f"set-{key}"
            if copy:
                subprocess.run(["cp", "-a", "--reflink=auto", self.set_of(accounts), folder], check=True)
            else:
                self.say(f"making a database of {accounts:,} accounts ...")
                words = ["data", "--dir", folder, "--accounts", accounts]
                self.sample_of_making(accounts, self.bench(*words))
            self.sets[key] = folder
        return self.sets[key]

    def sample_of_making(self, accounts, made):
        self.record("growth", f"{accounts:,} accounts: register", bytes_each=made["bytes_each"],
                    seconds=made["seconds"])

    def started(self, server):
        """Keeps a server in mind until it is stopped."""
        self.running.append(server)
        return server

    def stop(self, *servers):
        for server in servers:
            server.stop()
            self.running.remove(server)

    def stop_everything(self):
        for server in reversed(self.running):
            try:
                server.stop()
            except (OSError, subprocess.SubprocessError) as error:
                self.say(f"{server.name} could not be stopped: {error}")
        self.running.clear()


def wait_until(what, condition, seconds=20):
    """Waits for something that a server does, and no longer."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return
        time.sleep(0.05)
    raise Failed(f"{what} did not happen within {seconds} s")
