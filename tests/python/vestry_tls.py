"""TLS 1.3 for a client that needs the exporter of its connection (RFC 9266), which Python's `ssl` does not hand out.

It calls the OpenSSL that Python itself is linked with, through ctypes: connect, verify, read, write, export, close.
"""

import ctypes
import ctypes.util
import ipaddress
import socket
import struct

# <openssl/ssl.h>
_SET_MIN_PROTO_VERSION, _SET_TLSEXT_HOSTNAME, _TLS_1_3 = 123, 55, 0x0304
_VERIFY_PEER, _FILETYPE_PEM, _X509_V_OK = 1, 1, 0
_ERROR_ZERO_RETURN = 6


class TlsError(OSError):
    """The connection could not be made, or is gone."""


def _library():
    name = ctypes.util.find_library("ssl") or "libssl.so.3"
    try:
        ssl = ctypes.CDLL(name)
    except OSError as error:
        raise TlsError(f"OpenSSL's library is missing: {error}") from error
    pointer, number, size = ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t
    shapes = {
        "TLS_client_method": (pointer, []),
        "SSL_CTX_new": (pointer, [pointer]),
        "SSL_CTX_ctrl": (ctypes.c_long, [pointer, number, ctypes.c_long, pointer]),
        "SSL_CTX_load_verify_locations": (number, [pointer, ctypes.c_char_p, ctypes.c_char_p]),
        "SSL_CTX_set_verify": (None, [pointer, number, pointer]),
        "SSL_CTX_set_alpn_protos": (number, [pointer, ctypes.c_char_p, ctypes.c_uint]),
        "SSL_CTX_use_certificate_chain_file": (number, [pointer, ctypes.c_char_p]),
        "SSL_CTX_use_PrivateKey_file": (number, [pointer, ctypes.c_char_p, number]),
        "SSL_CTX_free": (None, [pointer]),
        "SSL_new": (pointer, [pointer]),
        "SSL_ctrl": (ctypes.c_long, [pointer, number, ctypes.c_long, ctypes.c_char_p]),
        "SSL_set_fd": (number, [pointer, number]),
        "SSL_set1_host": (number, [pointer, ctypes.c_char_p]),
        "SSL_get0_param": (pointer, [pointer]),
        "SSL_connect": (number, [pointer]),
        "SSL_get_error": (number, [pointer, number]),
        "SSL_get_verify_result": (ctypes.c_long, [pointer]),
        "SSL_get0_alpn_selected": (
            None, [pointer, ctypes.POINTER(ctypes.c_char_p), ctypes.POINTER(ctypes.c_uint)]),
        "SSL_read": (number, [pointer, pointer, number]),
        "SSL_write": (number, [pointer, ctypes.c_char_p, number]),
        "SSL_export_keying_material": (
            number, [pointer, pointer, size, ctypes.c_char_p, size, ctypes.c_char_p, size, number]),
        "SSL_free": (None, [pointer]),
    }
    for function, (result, arguments) in shapes.items():
        getattr(ssl, function).restype, getattr(ssl, function).argtypes = result, arguments
    crypto = ctypes.CDLL(ctypes.util.find_library("crypto") or "libcrypto.so.3")
    crypto.X509_VERIFY_PARAM_set1_ip_asc.argtypes = [pointer, ctypes.c_char_p]
    return ssl, crypto


def _require(truth, what):
    if not truth:
        raise TlsError(what)


class Connection:
    """A verified connection that speaks `protocol`. Its methods block for at most `seconds`."""

    def __init__(self, host, port, ca, protocol, operator, seconds):
        self._ssl, crypto = _library()
        self._socket = socket.create_connection((host, port), timeout=seconds)
        # A timeout of Python's makes the socket one that does not block; OpenSSL wants one that does.
        self._socket.settimeout(None)
        for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            self._socket.setsockopt(socket.SOL_SOCKET, option, struct.pack("ll", seconds, 0))
        self._context = self._ssl.SSL_CTX_new(self._ssl.TLS_client_method())
        self._configure(ca, protocol, operator)
        self._tls = self._ssl.SSL_new(self._context)
        self._name(crypto, host)
        self._ssl.SSL_set_fd(self._tls, self._socket.fileno())
        _require(self._ssl.SSL_connect(self._tls) == 1, "the handshake failed")
        _require(self._ssl.SSL_get_verify_result(self._tls) == _X509_V_OK, "the server is another one")
        _require(self._protocol() == protocol, f"the server does not speak {protocol}")

    def _configure(self, ca, protocol, operator):
        ssl, context = self._ssl, self._context
        ssl.SSL_CTX_ctrl(context, _SET_MIN_PROTO_VERSION, _TLS_1_3, None)
        _require(ssl.SSL_CTX_load_verify_locations(context, ca.encode(), None) == 1, "the CA cannot be read")
        ssl.SSL_CTX_set_verify(context, _VERIFY_PEER, None)
        offered = bytes([len(protocol)]) + protocol.encode()
        _require(ssl.SSL_CTX_set_alpn_protos(context, offered, len(offered)) == 0, "ALPN cannot be set")
        if operator:
            certificate, key = (file.encode() for file in operator)
            read = ssl.SSL_CTX_use_certificate_chain_file(context, certificate) == 1
            read = read and ssl.SSL_CTX_use_PrivateKey_file(context, key, _FILETYPE_PEM) == 1
            _require(read, "the operator's certificate or key cannot be read")

    def _name(self, crypto, host):
        try:
            ipaddress.ip_address(host)
        except ValueError:
            self._ssl.SSL_ctrl(self._tls, _SET_TLSEXT_HOSTNAME, 0, host.encode())
            _require(self._ssl.SSL_set1_host(self._tls, host.encode()) == 1, "the host cannot be verified")
        else:
            parameters = self._ssl.SSL_get0_param(self._tls)
            named = crypto.X509_VERIFY_PARAM_set1_ip_asc(parameters, host.encode()) == 1
            _require(named, "the address cannot be verified")

    def _protocol(self):
        selected, length = ctypes.c_char_p(), ctypes.c_uint()
        self._ssl.SSL_get0_alpn_selected(self._tls, ctypes.byref(selected), ctypes.byref(length))
        return ctypes.string_at(selected, length.value).decode("ascii") if length.value else ""

    def exporter(self, label, count):
        """Keying material of this connection alone: without a context, which in TLS 1.3 is an empty one."""
        out = ctypes.create_string_buffer(count)
        exported = self._ssl.SSL_export_keying_material(self._tls, out, count, label, len(label), None, 0, 0)
        _require(exported == 1, "the connection has no exporter")
        return out.raw

    def sendall(self, data):
        # Blocking, and without partial writes: OpenSSL takes all of it or none.
        _require(self._ssl.SSL_write(self._tls, data, len(data)) == len(data), "the connection is gone")

    def recv(self, count):
        """Up to so many bytes; none when the server said goodbye."""
        out = ctypes.create_string_buffer(count)
        got = self._ssl.SSL_read(self._tls, out, count)
        if got > 0:
            return out.raw[:got]
        ended = self._ssl.SSL_get_error(self._tls, got) == _ERROR_ZERO_RETURN
        _require(ended, "the connection broke, or the server was silent for too long")
        return b""

    def __del__(self):
        if getattr(self, "_tls", None):
            self._ssl.SSL_free(self._tls)
        if getattr(self, "_context", None):
            self._ssl.SSL_CTX_free(self._context)
        if getattr(self, "_socket", None):
            self._socket.close()
