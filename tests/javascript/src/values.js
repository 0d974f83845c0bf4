// Vectors as files: JSON that keeps integers exact, and a spelling of values by which two of them can be compared.

import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** JSON in which an integer that a number cannot hold is a BigInt. */
export function exactJson(source) {
  const marked = source.replace(/"(?:[^"\\]|\\.)*"|-?\d{16,}(?![\d.eE])/g, (piece) => (piece[0] === '"' ? piece : `{"$integer":"${piece}"}`));
  return JSON.parse(marked, (_, value) => (value !== null && typeof value === 'object' && Object.hasOwn(value, '$integer') ? BigInt(value.$integer) : value));
}

export const readVector = (folder, file) => exactJson(readFileSync(join(folder, file), 'utf8'));

/** The files of a folder of vectors, with their content. */
export function vectorsIn(root, folder) {
  const names = readdirSync(join(root, folder)).filter((name) => name.endsWith('.json')).sort();
  return names.map((name) => [name, readVector(join(root, folder), name)]);
}

/** One spelling of each value: fields in order, bytes in hexadecimal, integers in decimal whatever holds them. */
export function spelled(value) {
  if (typeof value === 'bigint' || typeof value === 'number') return String(value);
  if (value instanceof Uint8Array) return JSON.stringify(Buffer.from(value).toString('hex'));
  if (Array.isArray(value)) return `[${value.map(spelled).join(',')}]`;
  if (value !== null && typeof value === 'object') {
    return `{${Object.keys(value).sort().map((key) => `${JSON.stringify(key)}:${spelled(value[key])}`).join(',')}}`;
  }
  return JSON.stringify(value ?? null);
}

export const same = (a, b) => spelled(a) === spelled(b);
