// The client's half of OPAQUE-3DH (RFC 9807) in the configuration of section 12.

import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { argon2id } from 'hash-wasm';
import {
  ascii, blind, deriveKeyPair, element, finalize, GiveUp, i2osp, multiply, randomScalar, sha512, withLength,
} from './group.js';

export { GiveUp };
/** KE2 does not open: a wrong password, or a name without a record. */
export class DoesNotOpen extends GiveUp {}
/** The envelope opens, so the password is right, but the answer is not of this connection or not of this server. */
export class ServerNotProven extends GiveUp {}

export const lengths = { request: 32, response: 64, upload: 192, ke1: 96, ke2: 320, ke3: 64 };
export const contextOf = (exporter) => opaqueParts.context(exporter);

export const mac = (key, ...pieces) => {
  const hmac = createHmac('sha512', key);
  for (const piece of pieces) hmac.update(piece);
  return hmac.digest();
};
export const extract = (input) => mac(Buffer.alloc(0), input);
export function expand(secret, info, length) {
  const blocks = [];
  for (let n = 1, last = Buffer.alloc(0); blocks.length * 64 < length; n++) {
    last = mac(secret, last, info, Buffer.of(n));
    blocks.push(last);
  }
  return Buffer.concat(blocks).subarray(0, length);
}
export const expandLabel = (secret, label, context = Buffer.alloc(0)) =>
  expand(secret, Buffer.concat([i2osp(64, 2), withLength(ascii(`OPAQUE-${label}`), 1), withLength(context, 1)]), 64);

export const derivePair = (seed) => deriveKeyPair(seed, 'OPAQUE-DeriveDiffieHellmanKeyPair');

export const opaqueParts = {
  bounds: { memory_kib: [19_456, 1_048_576], iterations: [2, 16], parallelism: [1, 16] },
  /** What takes longer would miss the 30 seconds of an exchange. */
  workMax: 4_194_304,
  /** A client must not stretch at a cost outside the bounds. */
  judgeStretching(stretching) {
    for (const [field, [least, most]] of Object.entries(opaqueParts.bounds)) {
      const cost = stretching[field];
      if (!Number.isInteger(cost) || cost < least || cost > most) throw new GiveUp(`the server asks for a cost out of bounds: ${field}`);
    }
    if (stretching.memory_kib * stretching.iterations > opaqueParts.workMax) throw new GiveUp('the server asks for too much work');
  },
  context: (exporter) => Buffer.concat([ascii('VESTRY-OPAQUE-1'), exporter]),
  salt: new Uint8Array(16),
  argon2id: (message, { memory_kib, iterations, parallelism }, salt) => argon2id({
    password: message, salt, memorySize: memory_kib, iterations, parallelism, hashLength: message.length, outputType: 'binary',
  }),
  needs(bytes, what) {
    if (bytes.length !== lengths[what]) throw new GiveUp(`no ${what} has ${bytes.length} bytes`);
  },
  /** Elements that are only used later are judged before anything is stretched for them. */
  judgeShare: (share) => void element(share),
  judgeServerKey: (key) => void element(key),
  judgeMac(expected, got, error) {
    if (!timingSafeEqual(expected, got)) throw error;
  },
};

/** Stretch; without a cost it is the identity, for the RFC's own vectors only. */
export async function stretch(message, stretching) {
  if (stretching === null) return message;
  opaqueParts.judgeStretching(stretching);
  return Buffer.from(await opaqueParts.argon2id(message, stretching, opaqueParts.salt));
}

async function randomizedPassword(password, by, evaluated, stretching) {
  const output = finalize(password, by, evaluated);
  const stretched = await stretch(output, stretching);
  const randomized = extract(Buffer.concat([output, stretched]));
  output.fill(0);
  stretched.fill(0);
  return randomized;
}

/** The keys that follow from the randomized password and the nonce of an envelope. */
function envelopeKeys(randomized, nonce) {
  const of = (label, length) => expand(randomized, Buffer.concat([nonce, ascii(label)]), length);
  const seed = of('PrivateKey', 32);
  const pair = derivePair(seed);
  seed.fill(0);
  return { auth: of('AuthKey', 64), exported: of('ExportKey', 64), pair };
}

/** No identities are given, so each is the public key of its side. */
const authTag = (keys, nonce, serverPublic) => mac(keys.auth, nonce, serverPublic, withLength(serverPublic), withLength(keys.pair.public));

/** What begins a registration: the request, and what `finishRegistration` needs. */
export function startRegistration(password, by = randomScalar()) {
  return { request: blind(password, by), secret: { password, by } };
}

/** The upload, and the export key, which is the caller's to wipe. */
export async function finishRegistration(secret, response, stretching, nonce = randomBytes(32)) {
  opaqueParts.needs(response, 'response');
  const serverPublic = response.subarray(32);
  opaqueParts.judgeServerKey(serverPublic);
  const randomized = await randomizedPassword(secret.password, secret.by, response.subarray(0, 32), stretching);
  const keys = envelopeKeys(randomized, nonce);
  const maskingKey = expand(randomized, ascii('MaskingKey'), 64);
  const upload = Buffer.concat([keys.pair.public, maskingKey, nonce, authTag(keys, nonce, serverPublic)]);
  wipe(randomized, maskingKey, keys.auth);
  return { upload, exportKey: keys.exported };
}

/** KE1, and what `finishLogin` needs. Every value is fresh: none may be used twice. */
export function startLogin(password, by = randomScalar(), seed = randomBytes(32), nonce = randomBytes(32)) {
  const share = derivePair(seed);
  const ke1 = Buffer.concat([blind(password, by), nonce, share.public]);
  return { ke1, secret: { password, by, share, ke1 } };
}

/** The transcript that both sides put under their MACs. */
export const preambleOf = (context, clientPublic, ke1, serverPublic, ke2) => Buffer.concat([
  ascii('OPAQUEv1-'), withLength(context), withLength(clientPublic), ke1, withLength(serverPublic), ke2.subarray(0, 256),
]);

/** The keys of 3DH, from the three shared secrets one behind the other. */
export function keysOf3dh(shared, preamble) {
  const hash = sha512(preamble);
  const prk = extract(shared);
  const handshake = expandLabel(prk, 'HandshakeSecret', hash);
  const keys = {
    sessionKey: expandLabel(prk, 'SessionKey', hash),
    serverMac: expandLabel(handshake, 'ServerMAC'),
    clientMac: expandLabel(handshake, 'ClientMAC'),
  };
  wipe(shared, prk, handshake);
  return keys;
}

/** Opens KE2, verifies the server and makes KE3. Throws GiveUp when it does not open. */
export async function finishLogin(secret, ke2, stretching, context) {
  opaqueParts.needs(ke2, 'ke2');
  const [evaluated, maskingNonce, masked] = [ke2.subarray(0, 32), ke2.subarray(32, 64), ke2.subarray(64, 192)];
  const serverShare = ke2.subarray(224, 256);
  opaqueParts.judgeShare(serverShare);
  const randomized = await randomizedPassword(secret.password, secret.by, evaluated, stretching);
  const maskingKey = expand(randomized, ascii('MaskingKey'), 64);
  const pad = expand(maskingKey, Buffer.concat([maskingNonce, ascii('CredentialResponsePad')]), 128);
  const opened = Buffer.from(masked.map((byte, i) => byte ^ pad[i]));
  const [serverPublic, nonce, tag] = [opened.subarray(0, 32), opened.subarray(32, 64), opened.subarray(64)];
  const keys = envelopeKeys(randomized, nonce);
  wipe(randomized, maskingKey, pad);
  opaqueParts.judgeMac(authTag(keys, nonce, serverPublic), tag, new DoesNotOpen('the envelope does not open'));
  const shared = Buffer.concat([
    multiply(serverShare, secret.share.secret), multiply(serverPublic, secret.share.secret), multiply(serverShare, keys.pair.secret),
  ]);
  const preamble = preambleOf(context, keys.pair.public, secret.ke1, serverPublic, ke2);
  const agreed = keysOf3dh(shared, preamble);
  opaqueParts.judgeMac(mac(agreed.serverMac, sha512(preamble)), ke2.subarray(256), new ServerNotProven('the server does not prove itself'));
  const ke3 = mac(agreed.clientMac, sha512(preamble, ke2.subarray(256)));
  wipe(agreed.serverMac, agreed.clientMac, keys.auth);
  return { ke3, sessionKey: agreed.sessionKey, exportKey: keys.exported };
}

/** Overwrites bytes. Numbers of the group are BigInts, which cannot be overwritten: they are let go of. */
export function wipe(...secrets) {
  for (const secret of secrets) secret.fill(0);
}
