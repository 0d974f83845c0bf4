"""The machine, the versions, and the packages of those that Vestry is compared with."""

import os
import pathlib
import platform
import re
import shutil
import subprocess

# The program that tells whether a package is there, and where Debian keeps it.
PACKAGES = {
    "PostgreSQL": (["postgresql", "postgresql-contrib"], "pgbench"),
    "redis": (["redis-server", "redis-tools"], "redis-server"),
    "nginx": (["nginx-light"], "nginx"),
    "slapd": (["slapd", "slapd-contrib"], "slapd"),
    "openssl": (["openssl"], "openssl"),
}
POLICY = pathlib.Path("/usr/sbin/policy-rc.d")


def find(program):
    """A program, also where Debian keeps those that are not for everybody."""
    postgres = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    folders = [*(str(folder) for folder in postgres), "/usr/sbin", "/sbin"]
    return shutil.which(program) or shutil.which(program, path=os.pathsep.join(folders))


def install_missing(run):
    """Installs what is not there, when that is allowed here; says what stays missing."""
    for name, (packages, program) in PACKAGES.items():
        if not find(program) and os.geteuid() == 0 and shutil.which("apt-get"):
            run.say(f"installing {' '.join(packages)} ...")
            apt_install(packages)
        if not find(program):
            run.note_missing(name, f"{program} is not installed (Debian: apt-get install {' '.join(packages)})")


def apt_install(packages):
    """Without starting the services that come with them: the benchmark starts its own."""
    ours = not POLICY.exists()
    if ours:
        POLICY.write_text("#!/bin/sh\nexit 101\n")
        POLICY.chmod(0o755)
    try:
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "install", "-y", "--no-install-recommends", *packages], env=environment,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    finally:
        if ours:
            POLICY.unlink()


def output_of(*command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return (done.stdout + done.stderr).strip()


def version_of(program, question):
    found = find(program)
    text = output_of(found, question) if found else ""
    found = re.search(r"\d+(\.\d+)+\w*", text)
    return found.group(0) if found else None


def facts(run):
    if run.form.has_peers:
        install_missing(run)
    else:
        run.say(f"left out, with all that they would be compared with: {', '.join(PACKAGES)}")
    cpu = re.search(r"model name\s*:\s*(.+)", pathlib.Path("/proc/cpuinfo").read_text())
    memory = int(re.search(r"MemTotal:\s*(\d+)", pathlib.Path("/proc/meminfo").read_text()).group(1))
    release = re.search(r'PRETTY_NAME="(.+)"', pathlib.Path("/etc/os-release").read_text())
    disk = output_of("df", "--output=fstype", str(run.scratch)).splitlines()[-1]
    if run.form.has_peers and disk in ("tmpfs", "ramfs", "overlay"):
        run.note_missing("durability", f"the scratch folder is on {disk}: use --scratch on a disk, or writes cost nothing")
    versions = {
        "Vestry": version_of(run.program("vestryd"), "--version"),
        "rustc": version_of("rustc", "--version"),
        "PostgreSQL": version_of("postgres", "--version"),
        "redis": version_of("redis-server", "--version"),
        "nginx": version_of("nginx", "-v"),
        "OpenSSL": version_of("openssl", "version"),
        "slapd": version_of("slapd", "-VV"),
    }
    return {
        "cpu": cpu.group(1).strip() if cpu else platform.machine(),
        "cores": os.cpu_count(),
        "memory_gib": round(memory / 1024 / 1024, 1),
        "kernel": platform.release(),
        "system": release.group(1) if release else platform.system(),
        "file_system": disk,
        "virtual": output_of("systemd-detect-virt") or "unknown",
        "versions": versions,
        "form": run.form.name,
        "rounds": run.rounds,
        "seconds_each": run.seconds,
        "commit": output_of("git", "rev-parse", "--short", "HEAD"),
    }
