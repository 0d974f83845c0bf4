#!/usr/bin/env python3
"""What scanners that know nothing of Vestry say of its two ports, held against what the ports promise.

scripts/check-tls.sh starts the server and calls this; see there. Every assertion is a function below: it is given
what was seen of one listener and says what is wrong with it. `--self-test` holds each of them against a listener that
is weak on purpose, and fails when one finds nothing there: a check that cannot fail is no check.

The server closes a connection on which no application protocol was agreed only after the handshake, so scanners that
cannot offer one see the whole handshake, and no more.
"""

import argparse
import datetime
import importlib.util
import json
import os
import pathlib
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree

HYBRID, X25519 = 0x11EC, 0x001D
# A `DescribeServer` request with the number 1, which both ports answer or refuse, and a line end for a listener that
# reads lines.
REQUEST = bytes.fromhex("000000020100") + b"\n"
SECONDS_MAX = 120


class Listener:
    """One port, and what a client has to show it."""

    def __init__(self, port, alpn, ca, certificate=None, key=None):
        self.port, self.alpn, self.ca = port, alpn, ca
        self.certificate, self.key = certificate, key
        self.is_admin = certificate is not None

    def openssl(self, *arguments, shows_certificate=True):
        """What s_client says, and the bytes that came back for a request."""
        command = ["openssl", "s_client", "-connect", f"127.0.0.1:{self.port}", "-CAfile", self.ca, *arguments]
        if self.is_admin and shows_certificate:
            command += ["-cert", self.certificate, "-key", self.key]
        said = talk([*command, "-msg"])
        received = talk([*command, "-quiet", "-no_ign_eof"])
        return said, received


def talk(command):
    """Runs s_client, sends a request, waits a moment for what comes back."""
    with tempfile.TemporaryFile() as seen:
        client = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=seen, stderr=subprocess.DEVNULL
                                  if "-quiet" in command else subprocess.STDOUT)
        try:
            time.sleep(0.3)
            client.stdin.write(REQUEST)
            client.stdin.flush()
            time.sleep(0.7)
            client.stdin.close()
        except BrokenPipeError:
            pass
        finally:
            client.terminate()
            client.wait(timeout=SECONDS_MAX)
        seen.seek(0)
        return seen.read()


def sslyze(listener, folder, shows_certificate):
    """The scan results of sslyze by the name of the scan, and what it needed to connect."""
    out = folder / f"sslyze-{listener.port}-{shows_certificate}.json"
    scans = ["--certinfo", "--sslv2", "--sslv3", "--tlsv1", "--tlsv1_1", "--tlsv1_2", "--tlsv1_3"]
    # Its test for early data speaks HTTP, which nothing here answers; openssl's tickets tell instead.
    scans += ["--elliptic_curves", "--reneg"]
    command = [sys.executable, "-m", "sslyze", "--quiet", f"--json_out={out}", f"--certinfo_ca_file={listener.ca}"]
    if listener.is_admin and shows_certificate:
        command += [f"--cert={listener.certificate}", f"--key={listener.key}"]
    command += [*scans, "--mozilla_config=disable", f"127.0.0.1:{listener.port}"]
    subprocess.run(command, capture_output=True, timeout=SECONDS_MAX, check=False)
    result = json.loads(out.read_text())["server_scan_results"][0]
    if result["connectivity_status"] != "COMPLETED":
        raise SystemExit(f"check-tls: sslyze could not connect: {result['connectivity_error_trace']}")
    return result


def sslscan(listener, folder):
    out = folder / f"sslscan-{listener.port}.xml"
    command = ["sslscan", f"--xml={out}", "--no-colour"]
    if listener.is_admin:
        command += [f"--certs={listener.certificate}", f"--pk={listener.key}"]
    command.append(f"127.0.0.1:{listener.port}")
    subprocess.run(command, capture_output=True, timeout=SECONDS_MAX, check=False)
    return xml.etree.ElementTree.parse(out).getroot().find("ssltest")


def extension(kind, body):
    return struct.pack("!HH", kind, len(body)) + body


def first_answer(port, groups, compression=b"\0"):
    """Sends a ClientHello without key shares by hand. The record that comes back: its type and its content."""
    listed = b"".join(struct.pack("!H", group) for group in groups)
    signatures = bytes.fromhex("040308040807050305080806")
    extensions = extension(10, struct.pack("!H", len(listed)) + listed)
    extensions += extension(13, struct.pack("!H", len(signatures)) + signatures)
    extensions += extension(43, b"\x04\x03\x04\x03\x03") + extension(51, b"\0\0") + extension(11, b"\1\0")
    suites = bytes.fromhex("130213011303c02bc02fc02cc030")
    hello = b"\x03\x03" + os.urandom(32) + b"\x20" + os.urandom(32)
    hello += struct.pack("!H", len(suites)) + suites + bytes([len(compression)]) + compression
    hello += struct.pack("!H", len(extensions)) + extensions
    message = b"\1" + struct.pack("!I", len(hello))[1:] + hello
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(b"\x16\x03\x01" + struct.pack("!H", len(message)) + message)
        answer = b""
        while len(answer) < 5 or len(answer) < 5 + struct.unpack("!H", answer[3:5])[0]:
            more = connection.recv(4096)
            if not more:
                break
            answer += more
    return (answer[0], answer[5:]) if len(answer) > 5 else (None, b"")


def group_asked_for(port, groups):
    """The group that a HelloRetryRequest (RFC 8446, 4.1.4) asks for; None for any other answer."""
    kind, content = first_answer(port, groups)
    retry = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")
    if kind != 22 or content[:1] != b"\2" or content[6:38] != retry:
        return None
    at = 38 + 1 + content[38] + 3
    end = at + 2 + struct.unpack("!H", content[at:at + 2])[0]
    at += 2
    while at < end:
        number, length = struct.unpack("!HH", content[at:at + 4])
        if number == 51:
            return struct.unpack("!H", content[at + 4:at + 6])[0]
        at += 4 + length
    return None


class Seen:
    """Everything that is to be seen of one listener."""

    def __init__(self, listener, folder):
        self.listener = listener
        if is_installed("sslyze"):
            self.scan = sslyze(listener, folder, True)["scan_result"]
            self.stranger = sslyze(listener, folder, False)["connectivity_result"]
            self.leaf = self.result("certificate_info")["certificate_deployments"][0]
        if is_installed("sslscan"):
            self.other = sslscan(listener, folder)
        self.with_alpn = listener.openssl("-alpn", listener.alpn)
        self.with_wrong_alpn = listener.openssl("-alpn", "http/1.1")
        self.without_alpn = listener.openssl()
        self.without_certificate = listener.openssl("-alpn", listener.alpn, shows_certificate=False)
        offers = [(HYBRID, X25519), (HYBRID,), (X25519,)]
        self.asked_for = {groups: group_asked_for(listener.port, groups) for groups in offers}
        self.to_compression = first_answer(listener.port, [X25519], compression=b"\1\0")

    def result(self, name):
        if self.scan[name]["status"] != "COMPLETED":
            raise SystemExit(f"check-tls: sslyze did not finish {name}: {self.scan[name]['error_trace']}")
        return self.scan[name]["result"]


def sslyze_sees_tls_1_3_and_nothing_older(seen):
    names = ["ssl_2_0", "ssl_3_0", "tls_1_0", "tls_1_1", "tls_1_2", "tls_1_3"]
    spoken = [name for name in names if seen.result(f"{name}_cipher_suites")["is_tls_version_supported"]]
    return spoken != ["tls_1_3"] and f"it speaks {spoken}"


def sslyze_sees_only_the_three_cipher_suites(seen):
    accepted = seen.result("tls_1_3_cipher_suites")["accepted_cipher_suites"]
    names = {suite["cipher_suite"]["name"] for suite in accepted}
    ours = {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"}
    return names != ours and f"it takes {sorted(names)}"


def sslyze_sees_only_good_curves(seen):
    curves = {curve["name"] for curve in seen.result("elliptic_curves")["supported_curves"] or []}
    return curves != {"X25519", "secp256r1", "secp384r1"} and f"it takes {sorted(curves)}"


def sslyze_sees_no_renegotiation(seen):
    done = seen.result("session_renegotiation")["client_renegotiations_success_count"]
    return done and f"it renegotiated {done} times"


def sslyze_sees_whom_the_port_asks_for_a_certificate(seen):
    asked = seen.stranger["client_auth_requirement"]
    wanted = "REQUIRED" if seen.listener.is_admin else "DISABLED"
    return asked != wanted and f"a client certificate is {asked}, not {wanted}"


def sslyze_verifies_the_certificate_by_our_ca(seen):
    trusted = [one for one in seen.leaf["path_validation_results"] if one["trust_store"]["path"] == seen.listener.ca]
    verified = [one for one in trusted if one["was_validation_successful"]]
    return not verified and "the certificate is not one of our CA"


def sslyze_sees_a_short_lived_p256_certificate_for_this_host(seen):
    leaf = seen.leaf["received_certificate_chain"][0]
    begins, ends = (datetime.datetime.fromisoformat(leaf[end].replace("Z", "+00:00"))
                    for end in ["not_valid_before", "not_valid_after"])
    now, problems = datetime.datetime.now(datetime.timezone.utc), []
    # For 30 days from now at most, and dated back by two, for clients whose clocks are slow.
    day = datetime.timedelta(days=1)
    if not begins <= now <= ends or ends - now > 30 * day or now - begins > 2.1 * day:
        problems.append(f"it is valid from {begins} to {ends}")
    if leaf["public_key"].get("ec_curve_name") != "secp256r1" or leaf["signature_hash_algorithm"]["name"] != "sha256":
        problems.append("its key or signature is another one")
    if "127.0.0.1" not in leaf["subject_alternative_name"]["ip_addresses"]:
        problems.append("it is not for 127.0.0.1")
    return "; ".join(problems)


def sslscan_sees_tls_1_3_and_nothing_older(seen):
    listed = seen.other.iter("protocol")
    enabled = [(one.get("type"), one.get("version")) for one in listed if one.get("enabled") == "1"]
    return enabled != [("tls", "1.3")] and f"it speaks {enabled}"


def sslscan_sees_only_good_groups(seen):
    groups = {int(group.get("id"), 16) for group in seen.other.iter("group")}
    return groups != {X25519, 0x0017, 0x0018} and f"it takes {[hex(group) for group in sorted(groups)]}"


def sslscan_sees_a_certificate_that_is_not_its_own_issuer(seen):
    certificate = seen.other.find("certificates/certificate")
    return (certificate.findtext("self-signed"), certificate.findtext("expired")) != ("false", "false") and "it is"


def the_hybrid_group_is_taken_where_it_is_offered_first(seen):
    # The server follows the order of its client; ours offer it first.
    asked = seen.asked_for[HYBRID, X25519]
    return asked != HYBRID and f"it asks for {asked and hex(asked)}"


def the_hybrid_group_alone_is_enough(seen):
    asked = seen.asked_for[HYBRID,]
    return asked != HYBRID and "it does not take X25519MLKEM768"


def x25519_alone_is_enough(seen):
    return seen.asked_for[X25519,] != X25519 and "it does not take X25519"


def a_hello_that_offers_compression_is_refused(seen):
    kind, content = seen.to_compression
    return (kind, content[:1]) != (21, b"\2") and "it goes on with a client that offers DEFLATE"


def the_application_protocol_gets_an_answer(seen):
    said, received = seen.with_alpn
    agreed = f"ALPN protocol: {seen.listener.alpn}".encode() in said
    return not (agreed and len(received) > 4) and "a client that does everything right gets no answer"


def another_application_protocol_is_refused_in_the_handshake(seen):
    said, _ = seen.with_wrong_alpn
    return b"alert number 120" not in said and "http/1.1 was not refused by no_application_protocol"


def no_application_protocol_gets_no_byte(seen):
    _, received = seen.without_alpn
    return received and f"{len(received)} bytes were sent to a client without an application protocol"


def no_certificate_gets_no_byte_from_the_admin_port(seen):
    said, received = seen.without_certificate
    refused = b"alert number 116" in said and not received
    return not refused and "a stranger is not refused by certificate_required"


def no_ticket_is_handed_out(seen):
    """Without one nothing is resumed, and there is no early data."""
    said, _ = seen.with_alpn
    sizes = [line.split(b":")[1].strip() for line in said.splitlines() if line.strip().startswith(b"Max Early Data:")]
    return sizes and f"there are tickets, which allow {sizes} bytes of early data"


ASSERTIONS = [
    sslyze_sees_tls_1_3_and_nothing_older,
    sslyze_sees_only_the_three_cipher_suites,
    sslyze_sees_only_good_curves,
    sslyze_sees_no_renegotiation,
    sslyze_sees_whom_the_port_asks_for_a_certificate,
    sslyze_verifies_the_certificate_by_our_ca,
    sslyze_sees_a_short_lived_p256_certificate_for_this_host,
    sslscan_sees_tls_1_3_and_nothing_older,
    sslscan_sees_only_good_groups,
    sslscan_sees_a_certificate_that_is_not_its_own_issuer,
    the_hybrid_group_is_taken_where_it_is_offered_first,
    the_hybrid_group_alone_is_enough,
    x25519_alone_is_enough,
    a_hello_that_offers_compression_is_refused,
    the_application_protocol_gets_an_answer,
    another_application_protocol_is_refused_in_the_handshake,
    no_application_protocol_gets_no_byte,
    no_certificate_gets_no_byte_from_the_admin_port,
    no_ticket_is_handed_out,
]


# Scanners that may be missing, and where they come from. The assertions that need one begin with its name.
SCANNERS = {"sslyze": "PyPI", "sslscan": "Debian: apt-get install sslscan"}


def assertions():
    missing = tuple(scanner for scanner in SCANNERS if not is_installed(scanner))
    return [one for one in ASSERTIONS if not one.__name__.startswith(missing)]


def is_installed(scanner):
    if scanner == "sslyze":
        return importlib.util.find_spec("sslyze") is not None
    return shutil.which(scanner) is not None


def check(listener, folder, name):
    """Prints every assertion; how many do not hold."""
    seen, broken = Seen(listener, folder), 0
    for assertion in assertions():
        if assertion is no_certificate_gets_no_byte_from_the_admin_port and not listener.is_admin:
            continue
        problem = assertion(seen)
        broken += bool(problem)
        print(f"{'FAILED' if problem else 'ok':<7}{name:<6} {words_of(assertion)}{f': {problem}' if problem else ''}")
    return broken


# Arguments of `openssl s_server`, whether it is held against the promises of the admin port, and what must be found.
WEAK = {
    "an old version": (
        ["-tls1_2", "-client_renegotiation", "-cipher", "ALL:@SECLEVEL=0"], False,
        [sslyze_sees_tls_1_3_and_nothing_older, sslyze_sees_no_renegotiation, sslscan_sees_tls_1_3_and_nothing_older,
         a_hello_that_offers_compression_is_refused]),
    "an old version beside the new one": (
        ["-cipher", "ALL:@SECLEVEL=0"], False,
        [sslyze_sees_tls_1_3_and_nothing_older, sslscan_sees_tls_1_3_and_nothing_older]),
    "odd suites and groups, and a word for everybody": (
        ["-tls1_3", "-ciphersuites", "TLS_AES_128_CCM_SHA256:TLS_AES_128_GCM_SHA256", "-groups", "X448:P-521", "-rev"],
        False,
        [sslyze_sees_only_the_three_cipher_suites, sslyze_sees_only_good_curves, sslscan_sees_only_good_groups,
         x25519_alone_is_enough, the_hybrid_group_alone_is_enough,
         another_application_protocol_is_refused_in_the_handshake,
         no_application_protocol_gets_no_byte]),
    "early data, and a certificate of another kind": (
        ["-tls1_3", "-early_data", "-max_early_data", "16384", "-groups", "X25519"], False,
        [no_ticket_is_handed_out, the_hybrid_group_is_taken_where_it_is_offered_first,
         the_application_protocol_gets_an_answer, sslyze_verifies_the_certificate_by_our_ca,
         sslyze_sees_a_short_lived_p256_certificate_for_this_host,
         sslscan_sees_a_certificate_that_is_not_its_own_issuer]),
    "a certificate asked of every user": (
        ["-tls1_3", "-Verify", "1", "-verify_return_error"], False, [sslyze_sees_whom_the_port_asks_for_a_certificate]),
    "no certificate asked of an operator": (
        ["-tls1_3", "-rev"], True,
        [sslyze_sees_whom_the_port_asks_for_a_certificate, no_certificate_gets_no_byte_from_the_admin_port,
         no_ticket_is_handed_out]),
}


def self_test(folder):
    """Holds every assertion against a listener that breaks it; how many find nothing."""
    certificate, key = str(folder / "weak.pem"), str(folder / "weak.key")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate,
                    "-days", "3650", "-subj", "/CN=weak", "-addext", "subjectAltName=DNS:weak"],
                   check=True, capture_output=True)
    other = str(folder / "other.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ed25519", "-nodes", "-keyout", str(folder / "other.key"),
                    "-out", other, "-subj", "/CN=other"], check=True, capture_output=True)
    untried, blind = set(assertions()), 0
    for what, (arguments, as_admin, broken) in WEAK.items():
        credentials = (certificate, key) if as_admin else (None, None)
        port = free_port()
        command = ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-cert", certificate, "-key", key]
        server = subprocess.Popen([*command, "-quiet", *arguments], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL)
        try:
            wait_for(port)
            seen = Seen(Listener(port, "vestry/1", other, *credentials), folder)
        finally:
            server.terminate()
            server.wait(timeout=SECONDS_MAX)
        for assertion in set(broken) & set(assertions()):
            untried.discard(assertion)
            problem = assertion(seen)
            blind += not problem
            print(f"{'caught' if problem else 'BLIND':<7}{words_of(assertion)}: {what}: {problem or 'nothing was found'}")
    for assertion in untried:
        print(f"BLIND  {words_of(assertion)}: no listener breaks it")
    return blind + len(untried)


def words_of(assertion):
    return assertion.__name__.replace("_", " ")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(port):
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise SystemExit("check-tls: openssl s_server did not start")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--self-test", action="store_true")
    parser.add_argument("--user-port", type=int)
    parser.add_argument("--admin-port", type=int)
    parser.add_argument("--certs", type=pathlib.Path)
    parser.add_argument("--folder", type=pathlib.Path, required=True, help="for what the scanners write")
    typed = parser.parse_args()
    for scanner, source in SCANNERS.items():
        if not is_installed(scanner):
            count = sum(one.__name__.startswith(scanner) for one in ASSERTIONS)
            print(f"{scanner} is not installed ({source}): nothing is scanned by it, {count} assertions are left out")
    if typed.self_test:
        broken = self_test(typed.folder)
    else:
        ca = str(typed.certs / "ca.pem")
        operator = [str(typed.certs / "operators" / f"admin.{kind}") for kind in ["pem", "key"]]
        broken = check(Listener(typed.user_port, "vestry/1", ca), typed.folder, "user")
        broken += check(Listener(typed.admin_port, "vestry-admin/1", ca, *operator), typed.folder, "admin")
    sys.exit(1 if broken else 0)


if __name__ == "__main__":
    main()
