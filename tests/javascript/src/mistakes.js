// Deliberate mistakes, one at a time: each bends a part of this client, and the vectors have to notice. What they do not notice
// is what they leave open. `equal` marks a mistake that changes no outcome, and says why.

import { checkVectors } from './check-vectors.js';
import { Malformed, parts, Reader, u16, u32, u64, i64 } from './codec.js';
import { frameParts, limits } from './frames.js';
import { groupParts } from './group.js';
import { rules } from './new-password.js';
import { GiveUp, lengths, opaqueParts } from './opaque.js';
import { HIDDEN, textParts } from './texts.js';
import { userPort } from './user-port.js';
import { spelled } from './values.js';

/** A mistake in a function or constant of an object. */
const bend = (name, object, key, make, more = {}) => ({
  name,
  ...more,
  apply() {
    const own = object[key];
    object[key] = make(own);
    return () => { object[key] = own; };
  },
});

const wire = ['user', 'hostile'];
const on = (folders, list) => list.map((m) => ({ ...m, folders }));

const codec = on(wire, [
  bend('first byte 254 counts as 253', parts, 'varintBytes', (f) => (first, width) => f(first === 254 ? 253 : first, width)),
  bend('first byte 255 counts as 250', parts, 'varintBytes', (f) => (first, width) => (first === 255 ? 0 : f(first, width))),
  bend('a varint may be wider than its type', parts, 'varintBytes', (f) => (first) => f(first, 8)),
  bend('the width is judged by the value', parts, 'varintBytes', (f) => (first, width) => (width === 2 && first === 252 ? 4 : f(first, width))),
  bend('varints are big-endian', parts, 'varintNumber', (f) => (b) => f(Buffer.from(b).reverse())),
  bend('longer forms are refused', parts, 'varintNumber', (f) => (b) => {
    const n = f(b);
    if (parts.varint(n).length !== b.length + 1) throw new Malformed('too long');
    return n;
  }),
  bend('250 is written in three bytes', parts, 'varint', (f) => (n) => (n === 250n ? Uint8Array.of(251, 250, 0) : f(n))),
  bend('251 is written in one byte', parts, 'varint', (f) => (n) => (n === 251n ? Uint8Array.of(251) : f(n))),
  bend('65,535 is written in five bytes', parts, 'varint', (f) => (n) => (n === 65_535n ? Uint8Array.of(252, 255, 255, 0, 0) : f(n))),
  bend('2^32 - 1 is written in nine bytes', parts, 'varint', (f) => (n) => (n === 0xffff_ffffn ? Uint8Array.of(253, 255, 255, 255, 255, 0, 0, 0, 0) : f(n))),
  bend('negative numbers are off by one', parts, 'zigzag', () => (n) => (n >= 0n ? 2n * n : -2n * n)),
  bend('i64 has no zigzag', parts, 'unzigzag', () => (u) => BigInt.asIntN(64, u)),
  bend('2 is true', parts, 'flag', () => (b) => b !== 0),
  bend('255 is true', parts, 'flag', (f) => (b) => (b === 255 ? true : f(b))),
  bend('broken UTF-8 becomes U+FFFD', parts, 'text', () => (b) => new TextDecoder('utf-8').decode(b)),
  bend('a byte order mark is taken off', parts, 'text', (f) => (b) => f(b).replace(/^\ufeff/, '')),
  bend('texts are put into normal form C', parts, 'text', (f) => (b) => f(b).normalize('NFC')),
  bend('U+0000 is refused in a text', parts, 'text', (f) => (b) => {
    if (b.includes(0)) throw new Malformed('a zero');
    return f(b);
  }),
  bend('bytes may be left over behind a message', parts, 'leftOver', (f) => (r, what) => { if (what.startsWith('the content')) f(r, what); }),
  bend('bytes may be left over behind a content', parts, 'leftOver', (f) => (r, what) => { if (!what.startsWith('the content')) f(r, what); }),
  bend('a list may be shorter than it says', Reader.prototype, 'length', (f) => function length() {
    return Math.min(f.call(this), this.left);
  }, { equal: 'a list that is shorter ends early all the same' }),
  bend('a frame has no least length', frameParts, 'judgeLength', (f) => (n, limit) => { if (n > 0) f(n, limit); }),
  bend('a frame of its limit is too long', frameParts, 'judgeLength', (f) => (n, limit) => f(n, limit - 1)),
  bend('a frame may have a byte more', frameParts, 'judgeLength', (f) => (n, limit) => f(n, limit + 1)),
  bend('lengths are little-endian', frameParts, 'announced', () => (b) => (b.length < 4 ? null : b.readUInt32LE(0))),
  bend('the limit of a session from the start', limits, 'beforeLogin', () => 65_536),
  bend('the limit before a session for ever', limits, 'request', () => 4_096),
  bend('replies as short as requests', limits, 'reply', () => 65_536),
]);

const budget = on(wire, [
  bend('requests have no budget', parts.budget, 'request', () => Infinity),
  bend('a byte more of budget', parts.budget, 'request', (n) => n + 1),
  bend('a byte less of budget', parts.budget, 'request', (n) => n - 1),
  bend('replies have the budget of requests', parts.budget, 'reply', () => 65_536, { equal: 'no reply of this port claims so much' }),
  bend('replies have no budget', parts.budget, 'reply', () => Infinity, { equal: 'a frame ends before it' }),
  bend('a length claims nothing', parts.claims, 'length', () => 0),
  bend('a length claims four', parts.claims, 'length', () => 4),
  bend('a u64 claims one', parts.claims, 'u64', () => 1),
  bend('an i64 claims one', parts.claims, 'i64', () => 1, { equal: 'no request of this port has one' }),
  bend('a u32 claims one', parts.claims, 'u32', () => 1),
  bend('a u16 claims one', parts.claims, 'u16', () => 1),
  bend('a bool claims nothing', parts.claims, 'bool', () => 0, { equal: 'no request of this port has more than that and its number' }),
  bend('an optional claims nothing', parts.claims, 'tag', () => 0),
  bend('an optional claims eight', parts.claims, 'tag', () => 8),
  bend('contents of items have a budget of their own', parts, 'contentBudget', () => () => 64, { equal: 'no request of this port has an item' }),
]);

const texts = on(['texts', 'passwords'], [
  bend('join strings: any white space of JavaScript is taken off', textParts, 'trim', () => (t) => t.trim()),
  bend('join strings: only spaces are white space', textParts, 'whiteSpace', () => / /g),
  bend('join strings: white space of JavaScript, not of Unicode', textParts, 'whiteSpace', () => /\s/g),
  bend('join strings: lower case of Unicode', textParts, 'lower', () => (t) => t.toLowerCase()),
  bend('join strings: case matters', textParts, 'lower', () => (t) => t),
  bend('join strings: spare bits do not matter', textParts, 'spareBits', () => () => true),
  bend('join strings: no checksum', textParts, 'checksum', () => () => ({ equals: () => true })),
  bend('join strings: any host', textParts, 'isHost', () => () => true),
  bend('join strings: a host of 254 bytes', textParts, 'hostBytesMax', () => 254),
  bend('join strings: no IPv6', textParts, 'isAddress', (f) => (h) => !h.includes(':') && f(h)),
  bend('join strings: an address with a zone', textParts, 'isAddress', (f) => (h) => f(h.replace(/%.*/, ''))),
  bend('join strings: a name whose last label is a number', textParts, 'isNumber', () => () => false),
  bend('join strings: any label', textParts, 'isLabel', () => () => true),
  bend('join strings: no IPv4', textParts, 'isHost', (f) => (h) => !/^[0-9.]+$/.test(h) && f(h)),
  bend('join strings: hosts may be empty', textParts, 'isHost', (f) => (h) => h === '' || f(h)),
  bend('join strings: hosts may have a space', textParts, 'isHost', (f) => (h) => f(h.replaceAll(' ', ''))),
  bend('join strings: labels have no underscore', textParts, 'isHost', (f) => (h) => !h.includes('_') && f(h)),
  bend('codes: O is no 0', textParts.lookAlikes, 'O', () => 'O'),
  bend('codes: L is no 1', textParts.lookAlikes, 'L', () => 'L'),
  bend('codes: I is no 1', textParts.lookAlikes, 'I', () => 'I'),
  bend('codes: U is V', textParts, 'lookAlikes', (l) => ({ ...l, U: 'V' })),
  bend('codes: 19 letters', textParts, 'isCode', (f) => (l) => f(l.length === 19 ? [...l, '0'] : l)),
  bend('codes: any letters', textParts, 'isCode', () => (l) => l.length === 20),
  bend('codes: anything', textParts, 'isCode', () => () => true),
  bend('codes: upper case of Unicode', textParts, 'upper', () => (t) => t.toUpperCase()),
  bend('codes: white space of JavaScript', textParts, 'whiteSpace', () => /\s/g),
  bend('e-mail: 255 bytes', textParts, 'emailBytesMax', () => 255),
  bend('e-mail: 253 bytes', textParts, 'emailBytesMax', () => 253),
  bend('e-mail: anything before the @', textParts, 'isAtom', () => () => true),
  bend('e-mail: any label', textParts, 'isEmailLabel', () => () => true),
  bend('e-mail: labels may have an underscore', textParts, 'isEmailLabel', (f) => (l) => f(l.replaceAll('_', 'u'))),
  bend('free text: anything', textParts, 'isHidden', () => () => false),
  ...HIDDEN.map(([from, to]) => bend(`free text: U+${from.toString(16)} and those behind it`, textParts, 'isHidden',
    (f) => (c) => (c < from || c > to) && f(c))),
  bend('free text: also the characters beside', textParts, 'isHidden', (f) => (c) => f(c - 1) || f(c) || f(c + 1)),
  bend('pins: of the whole certificate', textParts, 'spki', () => (c) => c.raw),
  bend('passwords: NFKC', textParts, 'nfc', () => (t) => t.normalize('NFKC')),
  bend('passwords: NFD', textParts, 'nfc', () => (t) => t.normalize('NFD')),
  bend('passwords: as typed', textParts, 'nfc', () => (t) => t),
  bend('passwords: 1,023 bytes', textParts, 'passwordBytesMax', () => 1_023),
  bend('passwords: 1,025 bytes', textParts, 'passwordBytesMax', () => 1_025),
  bend('passwords: U+007F is fine', textParts, 'isControl', (f) => (c) => c !== 0x7f && f(c)),
  bend('passwords: C1 is fine', textParts, 'isControl', (f) => (c) => c < 0x80 && f(c)),
  bend('passwords: U+00A0 is a control', textParts, 'isControl', (f) => (c) => c === 0xa0 || f(c)),
]);

const newPasswords = on(['passwords'], [
  bend('no least minimum', rules, 'min', (f) => (n) => (n < 8 ? n : f(n))),
  bend('no greatest minimum', rules, 'min', (f) => (n) => (n > 256 ? n : f(n))),
  bend('a minimum of 8 counts as 15', rules, 'min', (f) => (n) => (n === 8 ? 15 : f(n))),
  bend('a minimum of 256 counts as 15', rules, 'min', (f) => (n) => (n === 256 ? 15 : f(n))),
  bend('folding is that of Unicode', rules, 'fold', () => (t) => t.toLowerCase()),
  bend('nothing is folded', rules, 'fold', () => (t) => t),
  bend('no normal form', textParts, 'nfc', () => (t) => t),
  bend('NFKC', textParts, 'nfc', () => (t) => t.normalize('NFKC')),
  bend('digits are no fillers', rules, 'isFiller', (f) => (c) => !/[0-9]/.test(c) && f(c)),
  bend('a space is no filler', rules, 'isFiller', (f) => (c) => c !== ' ' && f(c)),
  bend('punctuation beyond ASCII is a filler', rules, 'isFiller', (f) => (c) => /\p{P}|\p{Z}/u.test(c) || f(c)),
  bend('digits are punctuation', rules, 'isPunctuation', () => (c) => rules.isFiller(c)),
  bend('own words of two', rules, 'ownWordMin', () => 2),
  bend('own words of four', rules, 'ownWordMin', () => 4),
  bend('no own words', rules, 'isOwnWords', () => () => false),
  bend('fillers alone are own words', rules, 'isOwnWords', (f) => (F, a) => F.every(rules.isFiller) || f(F, a)),
  bend('own words: the longest first, and no way back', rules, 'isOwnWords', () => (F, a) => {
    if (F.every(rules.isFiller)) return false;
    const words = rules.ownWords(a).map((w) => w.join('')).sort((x, y) => y.length - x.length);
    let left = F.join('');
    while (left !== '') {
      const word = words.find((w) => left.startsWith(w));
      if (!word && !rules.isFiller([...left][0])) return false;
      left = left.slice(word ? word.length : 1);
    }
    return true;
  }),
  bend('own words: not the name', rules, 'ownTexts', (f) => (a) => f({ ...a, name: null })),
  bend('own words: not the host', rules, 'ownTexts', (f) => (a) => f({ ...a, host: null })),
  bend('own words: not vestry', rules, 'ownTexts', (f) => (a) => f(a).filter((t) => t !== 'vestry')),
  bend('own words: no address', rules, 'ownTexts', (f) => (a) => f({ ...a, email: null })),
  bend('own words: not the whole address', rules, 'ownTexts', (f) => (a) => f(a).filter((t) => t !== a.email)),
  bend('own words: not before the @', rules, 'ownTexts', (f) => (a) => f(a).filter((t) => t !== a.email?.slice(0, a.email.lastIndexOf('@')))),
  bend('own words: not behind the @', rules, 'ownTexts', (f) => (a) => f(a).filter((t) => t !== a.email?.slice(a.email.lastIndexOf('@') + 1))),
  bend('own words: the first @', rules, 'ownTexts', (f) => (a) => {
    const i = a.email?.indexOf('@') ?? -1;
    return i < 0 ? f(a) : [...f({ ...a, email: null }), a.email, a.email.slice(0, i), a.email.slice(i + 1)];
  }),
  bend('own words: they are not folded', rules, 'ownWords', (f) => (a) => {
    const { fold } = rules;
    rules.fold = (t) => t;
    try { return f(a); } finally { rules.fold = fold; }
  }),
  bend('own words: they are put into normal form C', rules, 'ownTexts', (f) => (a) => f(a).map((t) => t.normalize('NFC'))),
  bend('a period needs two whole repetitions', rules, 'periodMayBe', () => (p, n) => 2 * p <= n),
  bend('a period may be longer by one', rules, 'periodMayBe', () => (p, n) => p < n && 2 * p <= n + 2),
  bend('no period', rules, 'period', () => () => null),
  bend('U is always F', rules, 'unit', () => (F) => F),
  bend('common: as it is only', rules, 'strip', () => () => ''),
  bend('common: no punctuation taken off', rules, 'isPunctuation', () => () => false),
  bend('common: only behind', rules, 'strip', () => (U, what) => { let to = U.length; while (to > 0 && what(U[to - 1])) to--; return U.slice(0, to).join(''); }),
  bend('common: only before', rules, 'strip', () => (U, what) => { let from = 0; while (from < U.length && what(U[from])) from++; return U.slice(from).join(''); }),
  bend('common: nothing', rules, 'isCommon', () => () => false),
  bend('run: numbers only upwards', rules, 'numbersFollow', () => (a, b) => [0, 1].includes(b.codePointAt(0) - a.codePointAt(0))),
  bend('run: the same does not follow', rules, 'numbersFollow', (f) => (a, b) => a !== b && f(a, b)),
  bend('run: only ASCII', rules, 'numbersFollow', (f) => (a, b) => a < '\x80' && f(a, b)),
  bend('run: two apart follows', rules, 'numbersFollow', () => (a, b) => Math.abs(a.codePointAt(0) - b.codePointAt(0)) <= 2),
  bend('run: no keys', rules, 'keysFollow', () => () => false),
  bend('run: keys only forwards', rules, 'keysFollow', (f) => (a, b) => f(a, b) && !['lk', 'po', 'oi', 'iu', 'uy', 'ew', 'wq', 'sa', 'fd'].includes(a + b)),
  bend('run: a third is rounded down', rules, 'runLimit', () => (min) => Math.floor(min / 3)),
  bend('run: always five', rules, 'runLimit', () => () => 5),
  bend('run: one more', rules, 'runLimit', (f) => (min) => f(min) + 1),
  bend('run: one fewer', rules, 'runLimit', (f) => (min) => f(min) - 1),
  ...['1234567890-=', '!@#$%^&*()_+', 'qwertyuiop', 'asdfghjkl', 'zxcvbnm', 'qwertzuiop', 'yxcvbnm', 'azertyuiop', 'qsdfghjklm',
    'wxcvbn', '1qaz', '2wsx', '3edc', '4rfv', '5tgb', '6yhn', '7ujm'].map((row, _, rows) => {
    // The pairs that only this row has.
    const pairs = (r) => [...r].slice(1).flatMap((c, i) => [r[i] + c, c + r[i]]);
    const others = new Set(rows.filter((r) => r !== row).flatMap(pairs));
    const only = new Set(pairs(row).filter((p) => !others.has(p) && !rules.numbersFollow(p[0], p[1])));
    return bend(`run: no row ${row}`, rules, 'keysFollow', (f) => (a, b) => !only.has(a + b) && f(a, b),
      only.size === 0 ? { equal: 'other rows and code points have all its pairs' } : {});
  }),
]);

const opaque = on(['opaque', 'refused'], [
  bend('stretching: another salt', opaqueParts, 'salt', () => new Uint8Array(16).fill(1)),
  bend('stretching: always one lane', opaqueParts, 'argon2id', (f) => (m, c, s) => f(m, { ...c, parallelism: 1 }, s)),
  bend('stretching: no bounds', opaqueParts, 'judgeStretching', () => () => {}),
  bend('stretching: lower bounds only', opaqueParts, 'judgeStretching', () => (c) => { if (c.memory_kib < 19_456 || c.iterations < 2) throw new GiveUp('cheap'); }),
  bend('stretching: as much work as the bounds allow', opaqueParts, 'workMax', () => Infinity),
  bend('stretching: up to 2 GiB', opaqueParts.bounds, 'memory_kib', () => [19_456, 2_097_152]),
  bend('stretching: one pass is enough', opaqueParts.bounds, 'iterations', () => [1, 16]),
  bend('a response may be longer', opaqueParts, 'needs', (f) => (b, w) => { if (w !== 'response' || b.length < 64) f(b, w); }, { equal: 'its key is no element then' }),
  bend('a key share is any bytes of an element', opaqueParts, 'judgeShare', () => () => {}, { equal: 'it is refused when it is used' }),
  bend('the key in a response is any bytes', opaqueParts, 'judgeServerKey', () => () => {}),
  bend('the identity is an element', groupParts, 'refuseIdentity', () => () => {}),
  bend('the lengths of messages do not matter', opaqueParts, 'needs', () => () => {}),
  bend('KE2 may be longer', opaqueParts, 'needs', () => (b, w) => { if (b.length < lengths[w]) throw new GiveUp(w); }),
  bend('the envelope is not verified', opaqueParts, 'judgeMac', (f) => (a, b, e) => { if (!/envelope/.test(e.message)) f(a, b, e); }),
  bend('the context has no exporter', opaqueParts, 'context', () => () => Buffer.from('VESTRY-OPAQUE-1')),
  bend('the server is not verified', opaqueParts, 'judgeMac', (f) => (a, b, e) => { if (/envelope/.test(e.message)) f(a, b, e); }),
]);

const byHand = [...codec, ...budget, ...texts, ...newPasswords, ...opaque];

/** Every type that the tables of the port lead to. */
function typesOf(messages) {
  const seen = new Set();
  const walk = (type) => {
    if (type === null || seen.has(type)) return;
    seen.add(type);
    if (type.of) walk(type.of);
    for (const field of Object.values(type.fields ?? {})) walk(field);
    for (const [, content] of type.cases ?? []) walk(content);
  };
  for (const [, content] of [...messages.calls, ...messages.replies]) walk(content);
  return seen;
}

const swap = (array, i) => { [array[i], array[i + 1]] = [array[i + 1], array[i]]; };
const swapped = (fields, i) => { const entries = Object.entries(fields); swap(entries, i); return Object.fromEntries(entries); };
const INTEGERS = { u16: [u32, u64], u32: [u16, u64], u64: [u32, i64], i64: [u64, u32] };

/** Mistakes in the tables of the user port: neighbours that changed places, and integers of another width. */
function inTables() {
  const out = [];
  const cases = (what, array) => {
    for (let i = 0; i + 1 < array.length; i++) {
      const name = `tables: ${what}: ${array[i][0]} and ${array[i + 1][0]} changed places`;
      out.push({ name, folders: wire, apply() { swap(array, i); return () => swap(array, i); } });
    }
  };
  cases('calls', userPort.calls);
  cases('replies', userPort.replies);
  for (const type of typesOf(userPort)) {
    if (type.cases) cases(type.name, type.cases);
    const names = Object.keys(type.fields ?? {});
    for (let i = 0; i + 1 < names.length; i++) {
      out.push({ folders: wire, ...bend(`tables: ${type.name}: ${names[i]} and ${names[i + 1]} changed places`, type, 'fields', (f) => swapped(f, i)) });
    }
    for (const field of names) {
      const inner = type.fields[field].of ?? type.fields[field];
      for (const other of INTEGERS[inner.name] ?? []) {
        const change = type.fields[field].of
          ? bend('', type.fields[field], 'of', () => other)
          : bend('', type.fields, field, () => other);
        out.push({ ...change, name: `tables: ${type.name}.${field}: ${inner.name} read and written as ${other.name}`, folders: wire });
      }
    }
  }
  return out;
}

/** Makes every mistake; gives their number, and the names of those that no vector notices. */
export async function makeMistakes(root) {
  // Stretching is what takes long: it is done once for each input.
  const real = opaqueParts.argon2id;
  const known = new Map();
  opaqueParts.argon2id = async (message, cost, salt) => {
    const key = `${Buffer.from(message).toString('hex')} ${spelled(cost)} ${spelled(salt)}`;
    if (!known.has(key)) known.set(key, await real(message, cost, salt));
    return known.get(key);
  };
  const mistakes = [...byHand, ...inTables()];
  const unnoticed = [];
  for (const mistake of mistakes) {
    const undo = mistake.apply();
    const results = await checkVectors(root, mistake.folders).finally(undo);
    if (!mistake.equal && results.every((r) => r.disagreements.length === 0)) unnoticed.push(mistake.name);
  }
  return { count: mistakes.length, unnoticed };
}
