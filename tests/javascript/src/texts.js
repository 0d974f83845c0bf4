// Texts that people type or see: join strings and pins (section 1), one-time codes, names and passwords (section 5), and what
// has to be done to a text of the server before a terminal gets it (section 8).

import { createHash, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';

const sha256 = (...pieces) => {
  const hash = createHash('sha256');
  for (const piece of pieces) hash.update(piece);
  return hash.digest();
};

const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567';
const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const PREFIX = 'vestry1';

/** What free text does not have, and what is escaped before a terminal gets it (section 5). */
export const HIDDEN = [
  [0, 0x1f], [0x7f, 0x9f], [0xad, 0xad], [0x34f, 0x34f], [0x61c, 0x61c], [0x115f, 0x1160], [0x17b4, 0x17b5], [0x180b, 0x180f],
  [0x200b, 0x200f], [0x2028, 0x202e], [0x2060, 0x206f], [0x3164, 0x3164], [0xfe00, 0xfe0f], [0xfeff, 0xfeff], [0xffa0, 0xffa0],
  [0xfff9, 0xfffb], [0x1bca0, 0x1bca3], [0x1d173, 0x1d17a], [0xe0000, 0xe0fff],
];

const isIn = (ranges, c) => c !== undefined && ranges.some(([from, to]) => c.codePointAt(0) >= from && c.codePointAt(0) <= to);
const EMOJI = [
  [0xa9, 0xa9], [0xae, 0xae], [0x203c, 0x203c], [0x2049, 0x2049], [0x2122, 0x2122], [0x2139, 0x2139], [0x2190, 0x21ff],
  [0x2300, 0x23ff], [0x24c2, 0x24c2], [0x25a0, 0x27bf], [0x2900, 0x297f], [0x2b00, 0x2bff], [0x3030, 0x3030], [0x303d, 0x303d],
  [0x3297, 0x3297], [0x3299, 0x3299], [0x1f000, 0x1faff],
];
const FAMILY = [[0x1f466, 0x1f469]];
const JOINING = [[0x620, 0xdff], [0x1000, 0x109f], [0x1780, 0x18af], [0xfb50, 0xfdff], [0xfe70, 0xfefc]];

/** Whether the selector or joiner at this place belongs to the emoji or the letters around it (section 5). */
function belongs(characters, place) {
  const [c, last, next] = [characters[place], characters[place - 1], characters[place + 1]];
  if (c === '\ufe0e' || c === '\ufe0f') return isIn(EMOJI, last) || /^[0-9#*]$/.test(last ?? '');
  if (c !== '\u200c' && c !== '\u200d') return false;
  const isLetter = (of) => isIn(JOINING, of) && !isIn(HIDDEN, of);
  if (isLetter(last) && isLetter(next)) return true;
  const before = last === '\ufe0f' ? characters[place - 2] : last;
  const isFamily = isIn(FAMILY, before) && isIn(FAMILY, next);
  return c === '\u200d' && isIn(EMOJI, before) && isIn(EMOJI, next) && !isFamily;
}

export const textParts = {
  whiteSpace: /\p{White_Space}/gu,
  trim: (text) => text.replace(/^\p{White_Space}+|\p{White_Space}+$/gu, ''),
  /** Only A-Z become a-z: there are signs beyond ASCII whose lower case is a letter of the alphabet. */
  lower: (text) => text.replace(/[A-Z]/g, (c) => c.toLowerCase()),
  checksum: (body) => sha256(PREFIX, body).subarray(0, 4),
  upper: (text) => text.replace(/[a-z]/g, (c) => c.toUpperCase()),
  isCode: (letters) => letters.length === 20 && letters.every((c) => CROCKFORD.includes(c)),
  spki: (certificate) => certificate.publicKey.export({ type: 'spki', format: 'der' }),
  lookAlikes: { I: '1', L: '1', O: '0' },
  hostBytesMax: 253,
  isAddress: (host) => isIP(host) !== 0 && !host.includes('%'),
  isLabel: (label) => /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/i.test(label),
  isNumber: (label) => /^[0-9]+$/.test(label),
  isHost(host) {
    if (textParts.isAddress(host)) return true;
    if (Buffer.byteLength(host) > textParts.hostBytesMax) return false;
    const labels = host.replace(/\.$/, '').split('.');
    return labels.every(textParts.isLabel) && !textParts.isNumber(labels.at(-1));
  },
  emailBytesMax: 254,
  isAtom: (local) => local.length <= 64 && /^[a-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/i.test(local),
  isEmailLabel: (label) => /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i.test(label),
  isHidden: (code) => HIDDEN.some(([from, to]) => code >= from && code <= to),
  spareBits: (rest) => rest === 0,
  isControl: (code) => code <= 0x1f || (code >= 0x7f && code <= 0x9f),
  passwordBytesMax: 1_024,
  nfc: (text) => text.normalize('NFC'),
};

function fromBase32(text) {
  // 1, 3 and 6 letters at the end make no whole number of bytes.
  if ([1, 3, 6].includes(text.length % 8)) return null;
  const out = [];
  let bits = 0;
  let held = 0;
  for (const letter of text) {
    const five = BASE32.indexOf(letter);
    if (five < 0) return null;
    held = (held << 5) | five;
    bits += 5;
    if (bits < 8) continue;
    bits -= 8;
    out.push(held >> bits);
    held &= (1 << bits) - 1;
  }
  return textParts.spareBits(held) ? Buffer.from(out) : null;
}

/** What a join string says, or null when it is none. */
export function readJoinString(typed) {
  const line = textParts.trim(typed);
  if (textParts.lower(line.slice(0, 8)) !== `${PREFIX}-`) return null;
  const letters = textParts.lower(line.slice(8)).replace(textParts.whiteSpace, '').replaceAll('-', '');
  const all = fromBase32(letters);
  if (all === null || all.length < 2 + 32 + 1 + 4 || all.length > 2 + 32 + 1_023 + 4) return null;
  const body = all.subarray(0, -4);
  if (!textParts.checksum(body).equals(all.subarray(-4))) return null;
  const port = body.readUInt16BE(0);
  let hosts;
  try {
    hosts = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body.subarray(34)).split(',');
  } catch {
    return null;
  }
  if (port === 0 || !hosts.every(textParts.isHost)) return null;
  return { host: hosts[0], port, pin: writePin(body.subarray(2, 34)) };
}

export const writePin = (bytes) => `sha256:${Buffer.from(bytes).toString('hex')}`;
export const isPin = (text) => /^sha256:[0-9a-f]{64}$/.test(text);

/** The pin of a certificate's public key, or null when the bytes are no certificate. */
export function pinOf(der) {
  try {
    return writePin(sha256(textParts.spki(new X509Certificate(der))));
  } catch {
    return null;
  }
}

/** The 20 characters of a one-time code that count, or null. */
export function readCode(typed) {
  const letters = textParts.upper(typed.replace(textParts.whiteSpace, '').replaceAll('-', ''));
  const read = [...letters].map((c) => textParts.lookAlikes[c] ?? c);
  return textParts.isCode(read) ? read.join('') : null;
}

/** The bytes that OPAQUE gets for a password, or null when it cannot be one. */
export function passwordBytes(typed) {
  if (typed === '' || !typed.isWellFormed() || Buffer.byteLength(typed) > textParts.passwordBytesMax) return null;
  if ([...typed].some((c) => textParts.isControl(c.codePointAt(0)))) return null;
  const normal = Buffer.from(textParts.nfc(typed), 'utf8');
  return normal.length > textParts.passwordBytesMax ? null : normal;
}

const RESERVED = new Set(`abuse account accounts admin administrator all anonymous daemon deleted everyone help info me moderator
  nobody none null operator postmaster root security self server support system undefined vestry vestryctl vestryd
  webmaster`.split(/\s+/));

/** A name in its canonical form, or null when it breaks its rule. */
export function canonicalName(typed) {
  const name = textParts.lower(textParts.trim(typed));
  return /^[a-z0-9][a-z0-9._-]{1,31}$/.test(name) && !RESERVED.has(name) ? name : null;
}

/** An e-mail address as it is kept, or null. */
export function emailOf(typed) {
  const email = textParts.trim(typed);
  const at = email.lastIndexOf('@');
  const labels = email.slice(at + 1).split('.');
  const fine = at > 0 && Buffer.byteLength(email) <= textParts.emailBytesMax;
  return fine && textParts.isAtom(email.slice(0, at)) && labels.every(textParts.isEmailLabel) ? email : null;
}

/** Free text as it is kept, or null. */
export function freeText(typed, bytesMax) {
  const text = textParts.trim(typed);
  const bytes = Buffer.byteLength(text);
  const fine = bytes >= 1 && bytes <= bytesMax && text.isWellFormed();
  const isHidden = (c, place, all) => textParts.isHidden(c.codePointAt(0)) && !belongs(all, place);
  return fine && ![...text].some(isHidden) ? text : null;
}

/**
 * A text of the server, or of anybody, before it reaches a terminal: what is not seen, or moves what is seen, is
 * spelled out.
 */
export function forTerminal(text) {
  const isHidden = (c, place, all) => textParts.isHidden(c.codePointAt(0)) && !belongs(all, place);
  const shown = (c, place, all) => (isHidden(c, place, all) ? `\\u{${c.codePointAt(0).toString(16)}}` : c);
  return [...text].map(shown).join('');
}
