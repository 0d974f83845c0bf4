"""Those that Vestry is compared with, from Debian's packages, each over TLS 1.3 with Vestry's own certificates."""

import math
import os
import pwd
import re
import shutil
import subprocess

from .machine import find
from .run import Failed
from .servers import NUMBERS, Server, free_port

# Everybody's password on these servers; they live on loopback for minutes.
PASSWORD = "bench-peers-password"
VALUE_BYTES = 200


def certificates(folder, target, owner=None):
    """Vestry's certificate with its CA, and the key, where another program may read them."""
    certs = folder / "certs"
    chain, key, ca = target / "chain.pem", target / "key.pem", target / "ca.pem"
    chain.write_text((certs / "server.pem").read_text() + (certs / "ca.pem").read_text())
    shutil.copy(certs / "ca.pem", ca)
    key.touch(mode=0o600)
    key.write_text((certs / "server.key").read_text())
    for path in (chain, key, ca):
        if owner:
            os.chown(path, owner.pw_uid, owner.pw_gid)
    return chain, key, ca


class Peer(Server):
    """A server in a folder of its own."""

    def __init__(self, run, name, program, folder, owner=None):
        super().__init__(run, name)
        if not find(program):
            raise Failed(f"{program} is not installed")
        self.home = run.scratch / f"{name.replace(' ', '-')}-{next(NUMBERS)}"
        self.home.mkdir()
        if owner:
            os.chown(self.home, owner.pw_uid, owner.pw_gid)
        self.log = self.home / "log"
        self.port = free_port()
        self.user = f"127.0.0.1:{self.port}"
        self.chain, self.key, self.ca = certificates(folder, self.home, owner)


class Postgres(Peer):
    """PostgreSQL with the table of pgbench: SCRAM, durable commits, and everything in its shared buffers."""

    SETTINGS = """
listen_addresses = '127.0.0.1'
ssl = on
ssl_min_protocol_version = 'TLSv1.3'
password_encryption = 'scram-sha-256'
max_connections = 300
shared_buffers = 512MB
max_wal_size = 4GB
fsync = on
synchronous_commit = on
"""

    def __init__(self, run, folder, accounts):
        # It refuses to run as root.
        owner = pwd.getpwnam("postgres") if os.geteuid() == 0 else None
        super().__init__(run, "PostgreSQL", "postgres", folder, owner)
        self.account = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []} if owner else {}
        self.data = self.home / "data"
        secret = self.home / "password"
        secret.write_text(PASSWORD + "\n")
        secret.chmod(0o644)
        self.do("initdb", "-D", self.data, "-U", "bench", "-A", "scram-sha-256", f"--pwfile={secret}")
        settings = self.SETTINGS + f"port = {self.port}\nunix_socket_directories = '{self.home}'\n"
        settings += f"ssl_cert_file = '{self.chain}'\nssl_key_file = '{self.key}'\n"
        with open(self.data / "postgresql.conf", "a", encoding="utf-8") as file:
            file.write(settings)
        self.spawn([find("postgres"), "-D", self.data], **self.account, cwd=self.home)
        self.wait_for_port(self.port)
        self.environment = {"PGPASSWORD": PASSWORD, "PGSSLMODE": "require", "PGHOST": "127.0.0.1",
                            "PGPORT": str(self.port), "PGUSER": "bench", "PGDATABASE": "postgres"}
        self.accounts, self.connecting = accounts, {}
        self.client("-i", "-q", "-s", str(max(1, accounts // 100_000)))

    def do(self, program, *words):
        command = [find(program), *(str(word) for word in words)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=self.home, **self.account)
        if done.returncode != 0:
            raise Failed(f"{program}: {done.stderr.strip()[-300:]}")

    def client(self, *words):
        environment = {**os.environ, **self.environment}
        done = subprocess.run([find("pgbench"), *words], capture_output=True, text=True, env=environment, check=False)
        if done.returncode != 0:
            raise Failed(f"pgbench: {done.stderr.strip()[-300:]}")

    def bench(self, *words, clients=64, a_transaction=1):
        """One run of pgbench: transactions a second times what is in one, and what the server used for each."""
        crowd = [find("pgbench"), "-n", "-c", str(clients), "-j", str(min(2, clients))]
        seconds, connecting = self.connecting_of(crowd, words) if "-C" not in words else (0, 0)
        # Its clock runs while it connects.
        duration = str(math.ceil(self.run.seconds + 1.5 * seconds))
        seen = self.run.watch(self, [*crowd, "-T", duration, *words], self.environment)
        used = seen["server"]["cpu_secs"] - connecting
        rate = self.printed(seen, r"tps = ([0-9.]+)")
        done = self.printed(seen, r"actually processed: (\d+)") * a_transaction
        mean = self.printed(seen, r"latency average = ([0-9.]+) ms") * 1e3
        return {"per_second": rate * a_transaction, "mean_us": mean,
                "cpu_us": max(0, used) * 1e6 / max(1, done)}

    @staticmethod
    def printed(seen, pattern):
        found = re.search(pattern, seen["stdout"])
        if not found:
            raise Failed(f"pgbench printed no {pattern}: {seen['stderr'].strip()[-300:]}")
        return float(found.group(1))

    def connecting_of(self, crowd, words):
        """How long so many logins take and what they cost the server: part of every run of pgbench, not of its rate."""
        key = (*crowd, *words)
        if key not in self.connecting:
            once = self.run.watch(self, [*crowd, "-t", "1", *words], self.environment, remember=False)
            seconds = self.printed(once, r"initial connection time = ([0-9.]+) ms") / 1e3
            self.connecting[key] = seconds, once["server"]["cpu_secs"]
        return self.connecting[key]

    def script(self, name, text):
        path = self.home / name
        path.write_text(text)
        return str(path)

    def pipeline(self, depth):
        one = "\\set aid random(1, {0})\nSELECT abalance FROM pgbench_accounts WHERE aid = :aid;\n"
        return self.script("pipeline.sql", "\\startpipeline\n" + one.format(self.accounts) * depth + "\\endpipeline\n")

    def update(self):
        text = f"\\set aid random(1, {self.accounts})\n\\set age random(18, 81)\n"
        text += "UPDATE pgbench_accounts SET abalance = :age WHERE aid = :aid;\n"
        return self.script("update.sql", text)


class Redis(Peer):
    """redis over TLS, in memory only, with values as long as an account."""

    KEYS = 100_000

    def __init__(self, run, folder):
        super().__init__(run, "redis", "redis-server", folder)
        self.spawn([find("redis-server"), "--port", "0", "--tls-port", self.port, "--bind", "127.0.0.1",
                    "--tls-cert-file", self.chain, "--tls-key-file", self.key, "--tls-ca-cert-file", self.ca,
                    "--tls-auth-clients", "no", "--tls-protocols", "TLSv1.3", "--save", "", "--appendonly", "no",
                    "--dir", self.home, "--daemonize", "no"])
        self.wait_for_port(self.port)
        subprocess.run(self.command("set", 2 * self.KEYS, 16, 16), capture_output=True, check=True)

    def command(self, test, count, clients, depth):
        return [find("redis-benchmark"), "-p", str(self.port), "--tls", "--cacert", str(self.ca), "-t", test,
                "-n", str(count), "-c", str(clients), "-P", str(depth), "-r", str(self.KEYS),
                "-d", str(VALUE_BYTES), "--csv"]

    def bench(self, clients, depth, count):
        seen = self.run.watch(self, self.command("get", count, clients, depth))
        row = [line for line in seen["stdout"].splitlines() if line.startswith('"GET"')][-1]
        rate, mean, _, p50, _, p99, _ = (float(cell.strip('"')) for cell in row.split(",")[1:])
        return {"per_second": rate, "mean_us": mean * 1e3, "p50_us": p50 * 1e3, "p99_us": p99 * 1e3,
                "cpu_us": seen["server"]["cpu_secs"] * 1e6 / count}


class Nginx(Peer):
    """nginx that answers two bytes, with a worker for each core; with or without tickets."""

    CONFIGURATION = """
daemon off; pid {home}/pid; error_log {home}/error.log; worker_processes {cores}; worker_rlimit_nofile 20000;
events {{ worker_connections 12000; }}
http {{
  access_log off; keepalive_timeout 600; keepalive_requests 1000000;
  client_body_temp_path {home}; proxy_temp_path {home}; fastcgi_temp_path {home};
  uwsgi_temp_path {home}; scgi_temp_path {home};
  ssl_certificate {chain}; ssl_certificate_key {key}; ssl_protocols TLSv1.3;
  ssl_session_cache off; ssl_session_tickets {tickets};
  server {{ listen 127.0.0.1:{port} ssl; location / {{ return 200 "ok"; }} }}
}}
"""

    def __init__(self, run, folder, tickets=False):
        super().__init__(run, "nginx with tickets" if tickets else "nginx", "nginx", folder)
        text = self.CONFIGURATION.format(home=self.home, cores=os.cpu_count(), chain=self.chain, key=self.key,
                                         port=self.port, tickets="on" if tickets else "off")
        configuration = self.home / "nginx.conf"
        configuration.write_text(text)
        self.spawn([find("nginx"), "-c", configuration, "-p", self.home, "-e", self.home / "error.log"])
        self.wait_for_port(self.port)


class OpensslServer(Peer):
    """`openssl s_server`, which serves one connection at a time."""

    def __init__(self, run, folder, tickets=False):
        super().__init__(run, "openssl s_server with tickets" if tickets else "openssl s_server", "openssl", folder)
        self.spawn([find("openssl"), "s_server", "-accept", self.user, "-cert", self.chain, "-key", self.key,
                    "-tls1_3", "-www", "-quiet", "-num_tickets", "2" if tickets else "0"])
        self.wait_for_port(self.port)


class Slapd(Peer):
    """OpenLDAP with its argon2 module at the server's own cost, and one entry to bind as."""

    CONFIGURATION = """
include /etc/ldap/schema/core.schema
pidfile {home}/pid
argsfile {home}/args
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload argon2 m=19456 t=2 p=1
TLSCACertificateFile {ca}
TLSCertificateFile {chain}
TLSCertificateKeyFile {key}
TLSCipherSuite NORMAL:-VERS-ALL:+VERS-TLS1.3
TLSVerifyClient never
database mdb
suffix "dc=bench"
directory {home}/data
maxsize 67108864
"""
    NAME = "cn=naman,dc=bench"
    ENTRIES = """dn: dc=bench
objectClass: organization
objectClass: dcObject
o: bench
dc: bench

dn: {name}
objectClass: person
cn: naman
sn: naman
userPassword: {{ARGON2}}{hash}
"""

    def __init__(self, run, folder):
        super().__init__(run, "slapd", "slapd", folder)
        (self.home / "data").mkdir()
        configuration = self.home / "slapd.conf"
        configuration.write_text(self.CONFIGURATION.format(home=self.home, ca=self.ca, chain=self.chain, key=self.key))
        phc = subprocess.run([run.program("vestry-bench"), "phc", PASSWORD], capture_output=True, text=True, check=True)
        entries = self.home / "entries.ldif"
        entries.write_text(self.ENTRIES.format(name=self.NAME, hash=phc.stdout.strip()))
        added = subprocess.run([find("slapadd"), "-f", configuration, "-l", entries], capture_output=True, text=True,
                               check=False)
        if added.returncode != 0:
            raise Failed(f"slapadd: {added.stderr.strip()[-300:]}")
        # In the foreground with `-d`; 0 says nothing.
        self.spawn([find("slapd"), "-d", "0", "-f", configuration, "-h", f"ldaps://127.0.0.1:{self.port}/"])
        self.wait_for_port(self.port)


