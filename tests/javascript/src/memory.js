// What a client keeps between its runs (sections 5, 9 and 12): for each server and account, that the account is OPAQUE, the
// token of this device, the witness, and the token of the session. The file is for its owner alone.

import { chmodSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { textParts } from './texts.js';

const WITNESS_MAX = 128;
const hex = (bytes) => Buffer.from(bytes).toString('hex');
const bytes = (text) => (text === undefined ? null : Buffer.from(text, 'hex'));

export class Memory {
  #file;
  #servers = Object.create(null);

  /** Without a file it is kept for this run only. */
  constructor(file = null) {
    this.#file = file;
    if (file === null) return;
    try {
      Object.assign(this.#servers, JSON.parse(readFileSync(file, 'utf8')));
    } catch (e) {
      if (e.code !== 'ENOENT') throw e;
    }
  }

  /** A server is known by the pin of its CA, which outlives its names, addresses and certificates. */
  of(pin, name) {
    // A name is the same however it is written; one that cannot exist is remembered as it was typed.
    const canonical = textParts.lower(textParts.trim(name));
    return new AccountMemory(this, pin, canonical);
  }

  read(pin, name) { return this.#servers[pin]?.[name] ?? {}; }

  change(pin, name, changes) {
    const account = { ...this.read(pin, name), ...changes };
    for (const key of Object.keys(account)) if (account[key] === null) delete account[key];
    this.#servers[pin] = { ...this.#servers[pin], [name]: account };
    if (this.#file === null) return;
    // A new file in the place of the old one: what was kept is never half written.
    const fresh = `${this.#file}.new`;
    writeFileSync(fresh, `${JSON.stringify(this.#servers, null, 1)}\n`, { mode: 0o600 });
    chmodSync(fresh, 0o600);
    renameSync(fresh, this.#file);
  }
}

class AccountMemory {
  #all; #pin; #name;
  constructor(all, pin, name) { this.#all = all; this.#pin = pin; this.#name = name; }
  get #kept() { return this.#all.read(this.#pin, this.#name); }
  #change(changes) { this.#all.change(this.#pin, this.#name, changes); }

  get isOpaque() { return this.#kept.opaque === true; }
  get deviceToken() { return bytes(this.#kept.device_token); }
  get witness() { return bytes(this.#kept.witness) ?? Buffer.alloc(0); }
  get session() { return bytes(this.#kept.session); }

  /** Once it is OPAQUE it stays so: nothing that a server says takes it back. */
  rememberOpaque() { if (!this.isOpaque) this.#change({ opaque: true }); }
  rememberDevice(token) { this.#change({ device_token: hex(token) }); }
  forgetDevice() { this.#change({ device_token: null }); }
  rememberSession({ token, witness }) {
    // A witness longer than the document allows would be refused, so it is not kept.
    const keep = witness.length > 0 && witness.length <= WITNESS_MAX;
    this.#change({ session: hex(token), witness: keep ? hex(witness) : null });
  }
  forgetSession() { this.#change({ session: null }); }
  /** The account was deleted: its name may become another account, so nothing of it is kept but that it was OPAQUE. */
  forgetAccount() { this.#change({ session: null, witness: null, device_token: null }); }
}
