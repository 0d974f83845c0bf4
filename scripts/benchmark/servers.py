"""Vestry's own servers: `vestryd` and the bare loops. Each has a name, a process, an address and a CA."""

import itertools
import pathlib
import re
import signal
import socket
import subprocess
import time

from .run import Failed, wait_until

STOP_SECONDS_MAX = 30


class Server:
    """A process of ours that listens on loopback."""

    speaks_vestry = False

    def __init__(self, run, name):
        self.run, self.name, self.process, self.user = run, name, None, None
        self.log = run.scratch / f"{re.sub('[^a-z0-9]+', '-', name.lower())}.log"

    def spawn(self, command, **options):
        self.run.started(self)
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log, **options)

    @property
    def pid(self):
        return self.process.pid

    def said(self, pattern):
        """The first match in what it said so far."""
        if self.process.poll() is not None:
            raise Failed(f"{self.name} ended with {self.process.returncode}: {self.log.read_text()[-500:]}")
        return re.search(pattern, self.log.read_text(errors="replace"))

    def wait_for_port(self, port):
        def is_there():
            self.said("")
            with socket.socket() as probe:
                probe.settimeout(1)
                return probe.connect_ex(("127.0.0.1", port)) == 0
        wait_until(f"{self.name} listens", is_there)

    def rest(self):
        """Waits until it has done what it was asked before: a queue of hashes outlives those who asked."""
        def has_nothing_to_do():
            before = self.ticks()
            time.sleep(0.5)
            return self.ticks() - before <= 1
        wait_until(f"{self.name} has nothing left to do", has_nothing_to_do)

    def ticks(self):
        """The processor time that it used so far, in ticks."""
        fields = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return int(fields[11]) + int(fields[12])

    def stop(self, how=signal.SIGTERM):
        if self.process and self.process.poll() is None:
            self.process.send_signal(how)
            try:
                self.process.wait(timeout=STOP_SECONDS_MAX)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


# Of files and folders: a log of an earlier server would tell an address where nobody listens any more.
NUMBERS = itertools.count(1)


def free_port():
    """A port that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Vestryd(Server):
    """`vestryd` on a data directory."""

    speaks_vestry = True

    def __init__(self, run, folder, name="vestryd"):
        super().__init__(run, name)
        self.folder, self.ca = folder, folder / "certs" / "ca.pem"
        # Each start has a log of its own: the address is in it.
        self.log = run.scratch / f"vestryd-{next(NUMBERS)}.log"
        self.spawn([run.program("vestryd"), "serve", "--data-dir", folder, "--listen", "127.0.0.1:0",
                    "--admin-listen", "127.0.0.1:0"])
        says = r" listens on (\S+) for users and on (\S+) for operators"
        wait_until("vestryd listens", lambda: self.said(says))
        self.user, self.admin = self.said(says).groups()


class BareTls(Server):
    """A loop around TLS and nothing else, with the certificates of a data directory."""

    def __init__(self, run, folder, tickets=False):
        super().__init__(run, "bare loop with tickets" if tickets else "bare loop")
        self.ca = folder / "certs" / "ca.pem"
        self.log = run.scratch / f"bare-{next(NUMBERS)}.log"
        words = [run.program("vestry-bench"), "bare-tls", "--certs", folder / "certs"]
        self.spawn(words + (["--tickets"] if tickets else []))
        wait_until("the bare loop listens", lambda: self.said(r"listens on (\S+)"))
        self.user = self.said(r"listens on (\S+)").group(1)
