#!/usr/bin/env python3
"""Plays the menu, the prompt and the commands of both clients in tmux, as a person types them, on wide and narrow screens, in
several shells and surroundings, and looks at every screen: no word is broken by the terminal, nothing drives it, no password is
shown. Counts the keys and the seconds from a join string to "logged in". Starts a vestryd of its own on loopback.
"""

import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unicodedata

ROOT = pathlib.Path(__file__).resolve().parent.parent
PASSWORD = "seven-quiet-otters-paddle"
OTHER_PASSWORD = "nine-brisk-herons-wade"
PATIENCE_SECONDS = 30
KEY_SECONDS = 0.2
FIRST_MINUTE_SECONDS = 60
# Of these the words belong to a command that is copied whole; the terminal may break it.
COMMANDS = re.compile(r"(vestry|vestryctl|vestryd)\b( |$)|^\s*(chmod|mv|rm|unset|sudo) ")


def width(text):
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


class Screen:
    """A terminal of tmux with a shell in it."""

    def __init__(self, place, columns, shell, variables, as_user=None):
        self.place, self.columns, self.shell = place, columns, shell
        self.home = place.new_home(as_user)
        environment = {
            "HOME": self.home,
            "PATH": f"{place.programs}:/usr/sbin:/usr/bin:/sbin:/bin",
            "TERM": "screen",
            "PS1": "> ",
            "ENV": "/dev/null",
            "VESTRY_DATA_DIR": place.data if as_user is None else "",
            **variables,
        }
        words = ["env", "-i", *(f"{name}={value}" for name, value in environment.items())]
        words += {"zsh": ["zsh", "-f"], "bash": ["bash", "--norc", "--noprofile"]}.get(shell, [shell])
        if as_user is not None:
            # As a person does who has no login of that user: the variables of root stay.
            environment["XDG_RUNTIME_DIR"] = place.data
            words = ["env", "-i", *(f"{name}={value}" for name, value in environment.items())]
            words += ["su", "--preserve-environment", as_user, "-s", f"/bin/{shell}"]
        self.keys = 0
        place.tmux("new-session", "-d", "-s", "play", "-x", str(columns), "-y", "50", *words)
        # In two parts, so that what is typed is not taken for what is printed.
        self.type_line('r() { "$@"; echo "[$?]"; }; PS1="> "; echo re""ady', count=False)
        self.wait_for(r"(?m)\bready$")
        self.run("true")

    def close(self):
        self.place.tmux("kill-session", "-t", "play")

    def type_keys(self, keys, count=True):
        self.keys += len(keys) if count else 0
        # A semicolon at the end would be tmux's own.
        self.place.tmux("send-keys", "-t", "play", "-l", re.sub(";$", r"\\;", keys))

    def press(self, key):
        self.keys += 1
        self.place.tmux("send-keys", "-t", "play", key)

    def type_line(self, line, count=True):
        if line:
            self.type_keys(line, count)
        self.press("Enter")

    def text(self):
        """What was printed since the last reset; lines that the terminal broke are joined."""
        return self.place.tmux("capture-pane", "-t", "play", "-p", "-J", "-S", "-").rstrip()

    def reset(self):
        self.place.tmux("send-keys", "-t", "play", "-R")
        self.place.tmux("clear-history", "-t", "play")

    def wait_for(self, text, times=1):
        end = time.monotonic() + PATIENCE_SECONDS
        # On a narrow screen it may be broken at any space.
        wanted = re.compile(text.replace(" ", r"\s+"))
        while time.monotonic() < end:
            seen = self.text()
            if len(wanted.findall(seen)) >= times:
                return seen
            time.sleep(0.02)
        raise SystemExit(f"screens: {text!r} did not come within {PATIENCE_SECONDS} s:\n{self.text()}")

    def run(self, command, answers=(), code=0):
        """Types a command, answers what it asks, and looks at the screen when it has ended."""
        self.reset()
        self.type_line(f"r {command}")
        for question, answer in answers:
            self.wait_for(question)
            self.type_line(answer)
        seen = self.wait_for(r"(?m)^\[\d+\]$")
        ended = int(re.findall(r"(?m)^\[(\d+)\]$", seen)[-1])
        if ended != code:
            self.place.problem(self, command, f"ended with {ended}, not {code}", seen)
        self.place.look(self, command, seen)
        return seen

    def talk(self, command, waits_for, answers):
        """Types a command that stays, and then each answer at its question; ends with the last."""
        self.reset()
        self.type_line(f"r {command}")
        asked = {}
        for question, answer in answers:
            asked[question] = asked.get(question, 0) + 1
            self.wait_for(question, asked[question])
            self.type_line(answer)
        seen = self.wait_for(r"(?m)^\[\d+\]$")
        if not re.search(waits_for.replace(" ", r"\s+"), seen):
            self.place.problem(self, command, f"{waits_for!r} is not on the screen", seen)
        self.place.look(self, command, seen)


class Place:
    """A server, the tmux that is ours alone, and what was found."""

    def __init__(self, folder, programs, keep):
        self.folder, self.programs, self.keep = pathlib.Path(folder), programs, keep
        self.socket, self.data = "", str(self.folder / "data")
        self.problems, self.screens, self.server = [], 0, None
        self.name = ""

    def tmux(self, *words):
        command = ["tmux", "-S", self.socket, "-f", "/dev/null", *words]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode and words[0] not in ("kill-session", "kill-server"):
            raise SystemExit(f"screens: tmux {words[0]}: {done.stderr.strip()}")
        return done.stdout

    def start(self):
        listen = ["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]
        init = [f"{self.programs}/vestryd", "init", "--host", "localhost", *listen, "--data-dir", self.data]
        subprocess.run(init, check=True, capture_output=True)
        with (self.folder / "log").open("w") as log:
            self.server = subprocess.Popen([f"{self.programs}/vestryd", "--data-dir", self.data], stderr=log)
        end = time.monotonic() + PATIENCE_SECONDS
        while "listens on" not in (self.folder / "log").read_text():
            if time.monotonic() > end or self.server.poll() is not None:
                raise SystemExit(f"screens: the server did not start:\n{(self.folder / 'log').read_text()}")
            time.sleep(0.05)
        admin = [f"{self.programs}/vestryctl", "--data-dir", self.data]
        self.join = subprocess.run([*admin, "join-string"], check=True, capture_output=True, text=True).stdout.strip()

    def stop(self):
        if self.socket:
            self.tmux("kill-server")
        if self.server:
            self.server.terminate()
            self.server.wait()

    def new_home(self, as_user):
        home = tempfile.mkdtemp(dir=self.folder)
        if as_user is not None:
            shutil.chown(home, as_user)
        return home

    def problem(self, screen, command, what, seen):
        self.problems.append(f"{self.name}, {screen.columns} columns, {command}: {what}\n{seen}")

    def look(self, screen, command, seen):
        self.screens += 1
        if self.keep:
            name = re.sub(r"[^a-z0-9]+", "-", f"{self.name} {self.screens:03} {command}".lower())[:80]
            (self.keep / f"{name}.txt").write_text(self.tmux("capture-pane", "-t", "play", "-p", "-S", "-").rstrip() + "\n")
        for secret in (PASSWORD, OTHER_PASSWORD):
            if secret in seen.replace("\n", ""):
                self.problem(screen, command, "a password is on the screen", seen)
        if re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]|panicked", seen):
            self.problem(screen, command, "a control character or a panic", seen)
        if screen.columns < 40:
            return
        for line in seen.split("\n"):
            if (word := broken_word(line, screen.columns)) and not COMMANDS.search(line) and not line.startswith("> "):
                self.problem(screen, command, f"the word {word!r} is broken by the terminal", seen)


def broken_word(line, columns):
    """The first word that the edge of the screen cuts, unless it could not stand on one line."""
    at = 0
    for word in re.findall(r"\s+|\S+", line):
        end = at + width(word)
        if not word.isspace() and width(word) <= columns and at // columns != (end - 1) // columns:
            return word
        at = end
    return None


def first_minute(screen, place, name):
    """From the join string on: the keys that are typed, at their pace, and what the programs take."""
    screen.reset()
    screen.keys, began = 0, time.monotonic()
    screen.type_line(f"vestry join {place.join}")
    screen.wait_for("(?s)Make an account")
    screen.type_line(f"vestry register {name}")
    screen.wait_for(r"Password \(")
    # Enter takes the passphrase that is offered.
    screen.type_line("")
    screen.wait_for("and logged in")
    machine = time.monotonic() - began
    typed = screen.keys - len(place.join)
    seconds = [keys * KEY_SECONDS + machine for keys in (screen.keys, typed + 1)]
    print(
        f"from a join string to logged in: {screen.keys} keys with the string typed, {seconds[0]:.1f} s at "
        f"{KEY_SECONDS:.1f} s a key; with the string pasted {seconds[1]:.1f} s (the programs: {machine:.1f} s)"
    )
    if max(seconds) >= FIRST_MINUTE_SECONDS:
        place.problem(screen, "first minute", f"it took {max(seconds):.1f} s", screen.text())
    screen.run("vestry logout")


def play_user(screen, place, name):
    screen.run("vestry status", code=78)
    screen.run("vestry show", code=78)
    screen.run(f"vestry join {place.join[:60]}", code=65)
    screen.run(f"vestry join {place.join}")
    for command in ("", "join", "register", "login", "sessions", "devices", "reset", "status"):
        screen.run(f"vestry {command} --help")
    screen.run("vestry dance", code=2)
    screen.run("vestry login", [("Username", "")], code=65)
    screen.run("vestry status")
    screen.run("vestry show", code=77)
    new = [(r"Password \(", PASSWORD), ("Type it once", PASSWORD)]
    screen.run(f"vestry register {name}", [(r"Password \(", "short"), (r"too short|at least", PASSWORD), new[1]])
    screen.run(f"vestry register {name} --age 200", code=65)
    screen.run("vestry status")
    screen.run("vestry show")
    screen.run("vestry update --age 35 --gender male")
    screen.run("vestry update --email naman@example.org", [("Password for", PASSWORD)])
    screen.run("vestry sessions")
    screen.run("vestry sessions revoke x", code=65)
    screen.run("vestry devices")
    change = [("Current password of", PASSWORD), (r"Password \(", OTHER_PASSWORD), ("Type it once", OTHER_PASSWORD)]
    screen.run("vestry passwd", change)
    screen.run("vestry logout")
    screen.run(f"vestry login {name}", [("Password for", PASSWORD)], code=77)
    screen.run(f"vestry login {name}", [("Password for", OTHER_PASSWORD)])
    choice = "Your choice:"
    menu = [(choice, "x"), (choice, "5"), (choice, "7"), (choice, "8"), ("Forget one", ""), (choice, "3")]
    menu += [(r"Email \[", ""), (r"Age \[", "old"), (r"Age \[", "36"), (r"Gender \[", ""), (choice, "6"), (choice, "0")]
    screen.talk("vestry", "Logged out", menu)
    screen.run("vestry --server localhost:1 --pin sha256:" + "0" * 64 + " status", code=69)
    screen.run(f"vestry login {name}", [("Password for", OTHER_PASSWORD)])
    screen.run("vestry delete", [("Type its name", "x")], code=65)
    screen.run("vestry delete", [("Type its name", name), ("Password of", OTHER_PASSWORD)])


def play_another_user(screen, place, name):
    """With the variables of root, and then with a home that takes nothing."""
    screen.run(f"vestry join {place.join}")
    screen.run(f"vestry register {name}", code=78)
    screen.type_line("unset XDG_RUNTIME_DIR")
    os.chmod(screen.home, 0o500)
    new = [(r"Password \(", PASSWORD), ("Type it once", PASSWORD)]
    screen.run(f"vestry register {name}", new)
    screen.run("vestry show")
    screen.run("vestry logout")
    shutil.rmtree(f"{screen.home}/.config")
    screen.run(f"vestry join {place.join}", code=78)
    os.chmod(screen.home, 0o700)


def play_operator(screen, name):
    made = f"c{name}"
    commands = ["--help", f"account create {made}", f"account show {made}", "accounts", "sessions", "operators", "throttle"]
    commands += ["status", "audit --limit 3 --sort id --desc", f"account show {made}"]
    commands += ['sql "select name, age from accounts"', "join-string"]
    for command in commands:
        screen.run(f"vestryctl {command}")
    suspend = f"vestryctl account suspend {made} --until 7d --reason 'rent is due'"
    screen.run(suspend, [("Type", "x")], code=65)
    screen.run(suspend, [("Type", made)])
    screen.run(f"vestryctl account show {made}")
    screen.run(f"vestryctl account resume {made}")
    screen.run('vestryctl sql "select nam from accounts"', code=65)
    screen.run('vestryctl accounts --where "age >"', code=65)
    screen.run(f"vestryctl account show x{made}", code=77)
    screen.run("vestryctl accont show", code=2)
    prompt = "vestry>"
    lines = ["help", "\\d", "\\d accounts", "select name, email, age from accounts;", "select nam from accounts;"]
    lines += ["accounts", f"account show {made}", "accont show x", "\\x", "select * from py3 limit 1;", "status", "\\q"]
    screen.talk("vestryctl", "Did you mean", [(prompt, line) for line in lines])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true", help="wide and narrow in one shell, and a dumb terminal")
    parser.add_argument("--keep", type=pathlib.Path, help="keep every screen as text in this folder")
    words = parser.parse_args()
    if not shutil.which("tmux"):
        raise SystemExit("screens: tmux is missing (Debian: apt-get install tmux)")
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).absolute()
    plays = [("dash", columns, {}, None) for columns in (80, 40, 20)] + [("dash", 80, {"TERM": "dumb"}, None)]
    if not words.short:
        plays += [("dash", 40, {"LC_ALL": "C", "NO_COLOR": "1"}, None), ("bash", 80, {"LC_ALL": "C"}, None)]
        plays += [("zsh", 80, {"NO_COLOR": "1"}, None)]
        if os.geteuid() == 0:
            plays += [("sh", 80, {}, "nobody")]
    if words.keep:
        words.keep.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        place = Place(folder, target / "debug", words.keep)
        try:
            place.start()
            for number, (shell, columns, variables, as_user) in enumerate(plays):
                if not shutil.which(shell):
                    print(f"left out: {shell} is missing")
                    continue
                place.name = " ".join([shell, str(columns), *(f"{k}={v}" for k, v in variables.items()), as_user or ""]).strip()
                place.socket = f"{folder}/tmux{number}"
                screen = Screen(place, columns, shell, variables, as_user)
                if as_user is not None:
                    play_another_user(screen, place, f"guest{number}")
                play_user(screen, place, f"person{number}")
                if number == 0:
                    first_minute(screen, place, "minute")
                if as_user is None:
                    play_operator(screen, f"person{number}")
                screen.close()
                print(f"played: {place.name}", flush=True)
        finally:
            place.stop()
        print(f"{place.screens} screens, {len(place.problems)} problems")
        print("\n\n".join(place.problems), file=sys.stderr)
        sys.exit(1 if place.problems else 0)


if __name__ == "__main__":
    main()
