// Whom to trust (section 1): the certificate of the server's CA, or its pin; and a TLS connection that checks it.
//
// Node checks a chain against roots that are given before the handshake. With a pin the root is not known yet, so a first
// connection only fetches the certificates, sends nothing and is closed; the one that has the pin is then the only root of every
// connection that carries something.

import { connect, checkServerIdentity } from 'node:tls';
import { isIP } from 'node:net';
import { pinOf } from './texts.js';

const HANDSHAKE_MS = 10_000;

/** It is the wrong server, or not one that can be trusted. */
export class WrongServer extends Error {
  constructor(message) { super(message); this.name = 'WrongServer'; }
}

const pem = (der) => `-----BEGIN CERTIFICATE-----\n${der.toString('base64').replace(/.{64}/g, '$&\n')}\n-----END CERTIFICATE-----\n`;

/** The name has to be in the subjectAltName: the common name counts for nothing (RFC 9525). */
function checkName(host, certificate) {
  if (!certificate.subjectaltname) return new Error('the certificate names nobody');
  return checkServerIdentity(host, certificate);
}

function options(host, port, alpn, extra) {
  return {
    host, port,
    // An address has no place in the server name indication.
    servername: isIP(host) ? '' : host,
    minVersion: 'TLSv1.3', maxVersion: 'TLSv1.3',
    ALPNProtocols: [alpn],
    ...extra,
  };
}

function handshake(opts) {
  return new Promise((resolve, reject) => {
    const socket = connect(opts);
    const late = setTimeout(() => socket.destroy(new Error('the handshake takes too long')), HANDSHAKE_MS);
    socket.once('error', (e) => { clearTimeout(late); reject(e); });
    socket.once('close', () => { clearTimeout(late); reject(new Error('the connection ended in the handshake')); });
    socket.once('secureConnect', () => { clearTimeout(late); resolve(socket); });
  });
}

export const trustParts = {
  /** The certificate behind the leaf whose public key has the pin, or null. */
  caAmong(sent, pin) {
    return sent.slice(1).find((der) => pinOf(der) === pin) ?? null;
  },
  checkAlpn(selected, wanted) {
    if (selected !== wanted) throw new WrongServer(`the server does not speak ${wanted}`);
  },
};

/** The certificates of the server, the leaf first. Nothing is trusted, and nothing is sent. */
async function certificatesOf(host, port, alpn) {
  const socket = await handshake(options(host, port, alpn, { ca: [], rejectUnauthorized: false }));
  const sent = [];
  const seen = new Set();
  for (let at = socket.getPeerCertificate(true); at?.raw && !seen.has(at.fingerprint512); at = at.issuerCertificate) {
    seen.add(at.fingerprint512);
    sent.push(at.raw);
  }
  socket.on('error', () => {});
  socket.destroy();
  return sent;
}

/** The CA of a server, in PEM, by its pin. */
export async function caByPin(host, port, alpn, pin) {
  const ca = trustParts.caAmong(await certificatesOf(host, port, alpn), pin);
  if (ca === null) throw new WrongServer('the server has another key than its join string says: it is the wrong server');
  return pem(ca);
}

/** A TLS 1.3 connection whose server was checked, with `ca` as the only root. `own` is an operator's certificate. */
export async function connectTrusted({ host, port, alpn, ca, own = {} }) {
  const socket = await handshake(options(host, port, alpn, {
    ca, ...own, rejectUnauthorized: true,
    checkServerIdentity: (_, certificate) => checkName(host, certificate),
  }));
  try {
    trustParts.checkAlpn(socket.alpnProtocol, alpn);
  } catch (e) {
    socket.destroy();
    throw e;
  }
  return socket;
}

/** The exporter of the connection, which OPAQUE's context takes (RFC 9266). */
export const exporterOf = (socket) => socket.exportKeyingMaterial(32, 'EXPORTER-Channel-Binding', Buffer.alloc(0));
