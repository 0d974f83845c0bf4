// The rules of new passwords (section 5). They are held by the client, because the server sees no password. The steps and the
// names of the rules are the document's.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { textParts } from './texts.js';

const LIST_SHA256 = '5775aedafe8cb5b6ae24414c8f8e9157a66c914f58b9bd54f0678acc747bb9e9';

const ROWS = [
  '1234567890-=', '!@#$%^&*()_+', 'qwertyuiop', 'asdfghjkl', 'zxcvbnm', 'qwertzuiop', 'yxcvbnm', 'azertyuiop', 'qsdfghjklm',
  'wxcvbn', '1qaz', '2wsx', '3edc', '4rfv', '5tgb', '6yhn', '7ujm',
];

const neighbours = new Set();
for (const row of ROWS) {
  for (let i = 1; i < row.length; i++) neighbours.add(row[i - 1] + row[i]).add(row[i] + row[i - 1]);
}

let list = null;
/** The list of common passwords; another one than the document's is an error, since it would judge differently. */
function commonPasswords() {
  if (list === null) {
    const file = readFileSync(new URL('../../../docs/passwords/common.txt', import.meta.url));
    if (createHash('sha256').update(file).digest('hex') !== LIST_SHA256) throw new Error('common.txt is another list');
    list = new Set(file.toString('latin1').split('\n').slice(0, -1));
  }
  return list;
}

const isAsciiLetter = (c) => /^[A-Za-z]$/.test(c);
const byteLength = (text) => Buffer.byteLength(text, 'utf8');

export const rules = {
  bytesMax: 1_024,
  isFiller: (c) => c.codePointAt(0) < 0x80 && !isAsciiLetter(c),
  isPunctuation: (c) => rules.isFiller(c) && !/^[0-9]$/.test(c),
  fold: (text) => text.replace(/[A-Z]/g, (c) => c.toLowerCase()),
  min: (charsMin) => (charsMin < 8 || charsMin > 256 ? 15 : charsMin),
  hasControl: (chars) => chars.some((c) => textParts.isControl(c.codePointAt(0))),

  /** The texts of step 7 that own words come from. */
  ownTexts({ name, email, host }) {
    const texts = [name, host, 'vestry'];
    if (email !== null && email !== undefined) {
      const at = email.lastIndexOf('@');
      texts.push(email);
      if (at >= 0) texts.push(email.slice(0, at), email.slice(at + 1));
    }
    return texts.filter((t) => typeof t === 'string');
  },
  ownWordMin: 3,
  ownWords(about) {
    const words = new Set();
    for (const text of rules.ownTexts(about)) {
      const chars = [...rules.fold(text)];
      const runs = chars.map((c) => (rules.isFiller(c) ? '\0' : c)).join('').split('\0').map((run) => [...run]);
      for (const word of [chars, ...runs]) if (word.length >= rules.ownWordMin) words.add(word.join(''));
    }
    return [...words].map((word) => [...word]);
  },
  /** Whether F has a letter and can be cut into own words and single fillers. */
  isOwnWords(F, about) {
    if (F.every(rules.isFiller)) return false;
    const words = rules.ownWords(about);
    const reached = new Array(F.length + 1).fill(false);
    reached[0] = true;
    for (let at = 0; at < F.length; at++) {
      if (!reached[at]) continue;
      if (rules.isFiller(F[at])) reached[at + 1] = true;
      for (const word of words) if (word.every((c, i) => F[at + i] === c)) reached[at + word.length] = true;
    }
    return reached[F.length];
  },

  periodMayBe: (p, n) => p < n && 2 * p <= n + 1,
  /** The least period of F, or null. */
  period(F) {
    for (let p = 1; rules.periodMayBe(p, F.length); p++) {
      if (F.every((c, i) => i < p || c === F[i - p])) return p;
    }
    return null;
  },

  /** U of step 8. */
  unit: (F, period) => (period === null ? F : F.slice(0, period)),

  strip(U, what) {
    let [from, to] = [0, U.length];
    while (from < to && what(U[from])) from++;
    while (to > from && what(U[to - 1])) to--;
    return U.slice(from, to).join('');
  },
  isCommon(U) {
    const known = commonPasswords();
    return known.has(U.join('')) || known.has(rules.strip(U, rules.isPunctuation)) || known.has(rules.strip(U, rules.isFiller));
  },

  numbersFollow: (a, b) => Math.abs(a.codePointAt(0) - b.codePointAt(0)) <= 1,
  keysFollow: (a, b) => neighbours.has(a + b),
  follows: (a, b) => rules.numbersFollow(a, b) || rules.keysFollow(a, b),
  runLimit: (min) => Math.ceil(min / 3),
  isRun(U, min) {
    const apart = U.filter((c, i) => i === 0 || !rules.follows(U[i - 1], c)).length;
    return apart < rules.runLimit(min);
  },
};

/**
 * The verdict on a new password: `{ accepted: bytes }`, or `{ refused: rule }`. `about` has `name`, `host`, and `email` where it
 * is known; `charsMin` is `password_chars_min` of the server.
 */
export function judgeNewPassword(typed, charsMin, about) {
  if (byteLength(typed) === 0) return { refused: 'empty' };
  if (byteLength(typed) > rules.bytesMax) return { refused: 'too_long' };
  if (rules.hasControl([...typed])) return { refused: 'control' };
  const normal = textParts.nfc(typed);
  if (byteLength(normal) > rules.bytesMax) return { refused: 'too_long' };
  const min = rules.min(Number(charsMin));
  if ([...normal].length < min) return { refused: 'too_short' };
  const F = [...rules.fold(normal)];
  if (rules.isOwnWords(F, about)) return { refused: 'own_words' };
  const period = rules.period(F);
  if (period !== null && period < min) return { refused: 'repeated' };
  const U = rules.unit(F, period);
  if (rules.isCommon(U)) return { refused: 'common' };
  if (rules.isRun(U, min)) return { refused: 'run' };
  return { accepted: Buffer.from(normal, 'utf8') };
}
