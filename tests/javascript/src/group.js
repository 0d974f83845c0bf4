// ristretto255 and the OPRF on it: ristretto255-SHA512 in the mode OPRF (RFC 9497), as OPAQUE takes it.

import { createHash, randomBytes } from 'node:crypto';
import { ristretto255, ristretto255_hasher } from '@noble/curves/ed25519.js';

const { Point } = ristretto255;
const ORDER = Point.Fn.ORDER;

const ascii = (text) => Buffer.from(text, 'latin1');
const CONTEXT = Buffer.concat([ascii('OPRFV1-'), Buffer.of(0), ascii('-ristretto255-SHA512')]);
const dst = (label) => Buffer.concat([ascii(label), CONTEXT]);

export const sha512 = (...pieces) => {
  const hash = createHash('sha512');
  for (const piece of pieces) hash.update(piece);
  return hash.digest();
};

/** A number in so many bytes, big-endian: I2OSP. */
export function i2osp(n, width) {
  const out = Buffer.alloc(width);
  out.writeUIntBE(n, 0, width);
  return out;
}
export const withLength = (bytes, width = 2) => Buffer.concat([i2osp(bytes.length, width), bytes]);

/** What is no message of OPAQUE, or does not open: the client gives the exchange up. */
export class GiveUp extends Error {}

export const groupParts = {
  /** Refuses the identity, which is a valid encoding but no valid element of a message. */
  refuseIdentity(point) {
    if (point.equals(Point.ZERO)) throw new GiveUp('an element is the identity');
  },
};

export function element(bytes) {
  let point;
  try { point = Point.fromBytes(Uint8Array.from(bytes)); } catch { throw new GiveUp('no encoding of an element'); }
  groupParts.refuseIdentity(point);
  return point;
}
export const encodeElement = (point) => Buffer.from(point.toBytes());

/** A scalar from 32 bytes, little-endian, or from 64 modulo the order. */
export function scalar(bytes) {
  let n = 0n;
  for (let i = bytes.length - 1; i >= 0; i--) n = (n << 8n) | BigInt(bytes[i]);
  return n % ORDER;
}
export function encodeScalar(n) {
  const out = Buffer.alloc(32);
  for (let i = 0; i < 32; i++) out[i] = Number((n >> BigInt(8 * i)) & 0xffn);
  return out;
}

export function randomScalar() {
  for (;;) {
    const wide = randomBytes(64);
    const n = scalar(wide);
    wide.fill(0);
    if (n !== 0n) return n;
  }
}

export const hashToGroup = (input) => ristretto255_hasher.hashToCurve(input, { DST: dst('HashToGroup-') });

/** DeriveKeyPair of RFC 9497. */
export function deriveKeyPair(seed, info) {
  const input = Buffer.concat([seed, withLength(ascii(info))]);
  for (let counter = 0; counter < 256; counter++) {
    const secret = ristretto255_hasher.hashToScalar(Buffer.concat([input, i2osp(counter, 1)]), { DST: dst('DeriveKeyPair') });
    if (secret !== 0n) return { secret, public: encodeElement(Point.BASE.multiply(secret)) };
  }
  throw new Error('no key pair follows from the seed');
}

export function blind(password, by) {
  const input = hashToGroup(password);
  groupParts.refuseIdentity(input);
  return encodeElement(input.multiply(by));
}

export const evaluate = (blinded, key) => encodeElement(element(blinded).multiply(key));

/** Finalize of RFC 9497: the output of the OPRF, 64 bytes. */
export function finalize(password, by, evaluated) {
  const unblinded = encodeElement(element(evaluated).multiply(Point.Fn.inv(by)));
  const output = sha512(withLength(password), withLength(unblinded), ascii('Finalize'));
  unblinded.fill(0);
  return output;
}

export const multiply = (point, by) => encodeElement(element(point).multiply(by));
export { ascii };
