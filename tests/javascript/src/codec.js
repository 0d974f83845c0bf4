// The encoding of section 3: types, each with a writer and a reader, from which the tables of the ports are put together.
//
// Values in memory: u16 and u32 are numbers, u64 and i64 are BigInts (writers take safe numbers too), bytes and tokens are
// Uint8Arrays (writers take lower-case hexadecimal too). A variant is its name, or an object with its name as the only key.
//
// What decides about bytes stands in `parts`, so that a test can bend one part and see whether anything notices.

export class Malformed extends Error {}
/** A whole request whose call no version has; `id` is its number. */
export class Unsupported extends Error {
  constructor(id) { super('the call is not known'); this.id = id; }
}
/** A value that a sender may not or cannot write: a mistake of the caller. */
export class BadValue extends Error {}

const U64_MAX = (1n << 64n) - 1n;
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export const parts = {
  claims: { u16: 2, u32: 4, u64: 8, i64: 8, length: 8, bool: 1, tag: 1 },
  budget: { request: 65_536, reply: 1_048_576 },
  /** How many bytes follow the first one of a varint of at most `width` bytes. */
  varintBytes(first, width) {
    if (first <= 250) return 0;
    if (first >= 254) throw new Malformed(`a varint begins with ${first}`);
    const follow = 2 << (first - 251);
    if (follow > width) throw new Malformed('a varint is wider than its type');
    return follow;
  },
  varintNumber(bytes) {
    let n = 0n;
    for (let i = bytes.length - 1; i >= 0; i--) n = (n << 8n) | BigInt(bytes[i]);
    return n;
  },
  /** The bytes of a varint, the shortest form. */
  varint(n) {
    if (n <= 250n) return Uint8Array.of(Number(n));
    const width = n <= 0xffffn ? 2 : n <= 0xffff_ffffn ? 4 : 8;
    const out = new Uint8Array(1 + width);
    out[0] = { 2: 251, 4: 252, 8: 253 }[width];
    for (let i = 0; i < width; i++) out[1 + i] = Number((n >> BigInt(8 * i)) & 0xffn);
    return out;
  },
  zigzag: (n) => (n >= 0n ? 2n * n : -2n * n - 1n),
  unzigzag: (u) => (u & 1n ? -((u + 1n) / 2n) : u / 2n),
  flag(byte) {
    if (byte > 1) throw new Malformed(`${byte} is neither 0 nor 1`);
    return byte === 1;
  },
  text(bytes) {
    try { return utf8.decode(bytes); } catch { throw new Malformed('a text is not UTF-8'); }
  },
  leftOver(reader, what) {
    if (reader.left > 0) throw new Malformed(`${reader.left} bytes are left over behind ${what}`);
  },
  /** What a content of an open variant claims again, once its bytes were counted: nothing. */
  contentBudget: () => Infinity,
};

export class Writer {
  #chunks = [];
  raw(bytes) { this.#chunks.push(bytes); }
  varint(n) { this.raw(parts.varint(n)); }
  done() { return Buffer.concat(this.#chunks); }
}

export class Reader {
  constructor(bytes, budget) { this.bytes = bytes; this.at = 0; this.budget = budget; }
  get left() { return this.bytes.length - this.at; }
  claim(n) {
    this.budget -= n;
    if (this.budget < 0) throw new Malformed('the message claims more than its budget');
  }
  raw(n) {
    if (n > this.left) throw new Malformed('the message ends early');
    this.at += n;
    return this.bytes.subarray(this.at - n, this.at);
  }
  varint(width) {
    const [first] = this.raw(1);
    const follow = parts.varintBytes(first, width);
    return follow === 0 ? BigInt(first) : parts.varintNumber(this.raw(follow));
  }
  /** A length, in bytes that have to be there; what it announces is claimed before it is looked for. */
  length() {
    this.claim(parts.claims.length);
    const n = this.varint(8);
    if (n > BigInt(this.left)) throw new Malformed('a length goes beyond the message');
    return Number(n);
  }
}

function asInteger(value, min, max) {
  const fine = typeof value === 'bigint' || Number.isSafeInteger(value);
  if (!fine || BigInt(value) < min || BigInt(value) > max) throw new BadValue(`${value} is not within ${min} and ${max}`);
  return BigInt(value);
}

function asBytes(value) {
  if (value instanceof Uint8Array) return value;
  if (typeof value === 'string' && /^([0-9a-f]{2})*$/.test(value)) return Buffer.from(value, 'hex');
  throw new BadValue('bytes, or lower-case hexadecimal');
}

const unsigned = (name, width, small) => ({
  name,
  write(w, v) { w.varint(asInteger(v, 0n, (1n << BigInt(8 * width)) - 1n)); },
  read(r) {
    r.claim(parts.claims[name]);
    const n = r.varint(width);
    return small ? Number(n) : n;
  },
});
export const u16 = unsigned('u16', 2, true);
export const u32 = unsigned('u32', 4, true);
export const u64 = unsigned('u64', 8, false);

export const i64 = {
  name: 'i64',
  write(w, v) { w.varint(parts.zigzag(asInteger(v, -(1n << 63n), (1n << 63n) - 1n)) & U64_MAX); },
  read(r) { r.claim(parts.claims.i64); return parts.unzigzag(r.varint(8)); },
};
export const bool = {
  name: 'bool',
  write(w, v) {
    if (typeof v !== 'boolean') throw new BadValue('true or false');
    w.raw(Uint8Array.of(v ? 1 : 0));
  },
  read(r) { r.claim(parts.claims.bool); return parts.flag(r.raw(1)[0]); },
};
export const bytes = {
  name: 'bytes',
  write(w, v) { const b = asBytes(v); w.varint(BigInt(b.length)); w.raw(b); },
  read(r) { const n = r.length(); r.claim(n); return Uint8Array.from(r.raw(n)); },
};
export const text = {
  name: 'text',
  write(w, v) {
    // A lone surrogate has no UTF-8; an encoder would put U+FFFD in its place without a word.
    if (typeof v !== 'string' || !v.isWellFormed()) throw new BadValue('a text');
    bytes.write(w, Buffer.from(v, 'utf8'));
  },
  read(r) { const n = r.length(); r.claim(n); return parts.text(r.raw(n)); },
};
export const token = {
  name: 'token',
  write(w, v) {
    const b = asBytes(v);
    if (b.length !== 32) throw new BadValue('a token has 32 bytes');
    w.raw(b);
  },
  read(r) { r.claim(32); return Uint8Array.from(r.raw(32)); },
};

export const optional = (type) => ({
  name: `${type.name}?`,
  of: type,
  write(w, v) {
    if (v === undefined) throw new BadValue('an optional that is absent is null');
    w.raw(Uint8Array.of(v === null ? 0 : 1));
    if (v !== null) this.of.write(w, v);
  },
  read(r) { r.claim(parts.claims.tag); return parts.flag(r.raw(1)[0]) ? this.of.read(r) : null; },
});
export const list = (type) => ({
  name: `[${type.name}]`,
  of: type,
  write(w, v) {
    if (!Array.isArray(v)) throw new BadValue('a list');
    w.varint(BigInt(v.length));
    for (const element of v) this.of.write(w, element);
  },
  read(r) {
    // Every element takes a byte at least, so a length beyond what is left cannot be true.
    const n = r.length();
    const out = [];
    for (let i = 0; i < n; i++) out.push(this.of.read(r));
    return out;
  },
});

/** Fields in their order: an object. */
export const structure = (name, table) => ({
  name,
  fields: table,
  write(w, v) {
    const { fields } = this;
    const names = Object.keys(fields);
    if (v === null || typeof v !== 'object' || Object.keys(v).length !== names.length) throw new BadValue(`the fields of ${name}`);
    for (const field of names) {
      if (!Object.hasOwn(v, field)) throw new BadValue(`${name} without ${field}`);
      fields[field].write(w, v[field]);
    }
  },
  read(r) {
    const out = {};
    for (const field of Object.keys(this.fields)) out[field] = this.fields[field].read(r);
    return out;
  },
});

/** The name of a variant's value, and its content. */
export function named(value) {
  if (typeof value === 'string') return [value, undefined];
  const keys = value && typeof value === 'object' ? Object.keys(value) : [];
  if (keys.length !== 1) throw new BadValue('a variant is a name, or an object of one key');
  return [keys[0], value[keys[0]]];
}

/** `cases` are pairs of a name and a type, or null where there are no fields; a case's place is its number. */
function caseOf(name, cases, value) {
  const [which, content] = named(value);
  const number = cases.findIndex(([n]) => n === which);
  if (number < 0) throw new BadValue(`${name} has no ${which}`);
  const type = cases[number][1];
  if ((type === null) !== (content === undefined)) throw new BadValue(`the content of ${which}`);
  return { number, type, content };
}
const spell = ([which, type], reader) => (type === null ? which : { [which]: type.read(reader) });

export const variant = (name, cases) => ({
  name,
  cases,
  write(w, v) {
    const { number, type, content } = caseOf(name, cases, v);
    u32.write(w, number);
    if (type !== null) type.write(w, content);
  },
  read(r) {
    const number = u32.read(r);
    if (number >= cases.length) throw new Malformed(`${name} has no ${number}`);
    return spell(cases[number], r);
  },
});

export const item = structure('item', { number: u32, content: bytes });

/** An open variant: an item, whose content is read when its number is known. */
export const open = (name, cases) => ({
  name: `open ${name}`,
  cases,
  write(w, v) {
    const [which, unknown] = named(v);
    if (which === 'Unknown') {
      if (unknown.number < cases.length) throw new BadValue(`${unknown.number} is a case of ${name}`);
      return item.write(w, unknown);
    }
    const { number, type, content } = caseOf(name, cases, v);
    const inner = new Writer();
    if (type !== null) type.write(inner, content);
    return item.write(w, { number, content: inner.done() });
  },
  read(r) {
    const { number, content } = item.read(r);
    if (number >= cases.length) return { Unknown: { number, content } };
    const inner = new Reader(content, parts.contentBudget());
    const value = spell(cases[number], inner);
    parts.leftOver(inner, `the content of ${cases[number][0]}`);
    return value;
  },
});

export function encode(type, value) {
  const w = new Writer();
  type.write(w, value);
  return w.done();
}
