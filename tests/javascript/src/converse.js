// Plays the conversations of the vectors against a real server: calls go out, and each reply has to be the one that is written
// down. Placeholders stand for what a player cannot know before.

import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { adminPort } from './admin-port.js';
import { named } from './codec.js';
import { Connection } from './connection.js';
import { contextOf, finishLogin, finishRegistration, opaqueParts, startLogin, startRegistration } from './opaque.js';
import { Refused } from './refusals.js';
import { forTerminal } from './texts.js';
import { userPort } from './user-port.js';
import { same, spelled, vectorsIn } from './values.js';

const PASSWORD = Buffer.from('a player of conversations');
const DEFAULT = { memory_kib: 65_536, iterations: 6, parallelism: 1 };
const ZEROS = Buffer.alloc(192);

/** The password is always the same, so what is stretched for one name is, too: it is stretched once. */
function stretchOnce() {
  const stretch = opaqueParts.argon2id;
  const known = new Map();
  opaqueParts.argon2id = async (message, cost, salt) => {
    const key = Buffer.from(message).toString('hex') + spelled(cost);
    if (!known.has(key)) known.set(key, await stretch(message, cost, salt));
    return known.get(key);
  };
}

class Player {
  #connections = new Map();
  #code = null;
  constructor(to) { this.to = to; this.name = `talk-${randomBytes(5).toString('hex')}`; }

  /** A connection, and the exchanges that were begun on it. */
  async on(which) {
    if (!this.#connections.has(which)) {
      const { host, ca, port, adminPort: adminAt, own } = this.to;
      const connection = which === 'operator'
        ? await Connection.open({ host, port: adminAt, alpn: 'vestry-admin/1', ca, own }, adminPort)
        : await Connection.open({ host, port, alpn: 'vestry/1', ca }, userPort);
      this.#connections.set(which, { connection, request: null, login: null });
    }
    return this.#connections.get(which);
  }
  close() { for (const { connection } of this.#connections.values()) connection.close(); }

  async #issueCode() {
    const { connection } = await this.on('operator');
    const [, { code }] = await connection.call({ ResetAccount: { name: this.name } });
    return code;
  }

  /** What a placeholder stands for. */
  async #fill(placeholder, at) {
    switch (placeholder) {
      case '$name': return this.name;
      case '$request':
        at.request = startRegistration(PASSWORD);
        return at.request.request;
      case '$ke1':
        at.login = startLogin(PASSWORD);
        return at.login.ke1;
      case '$envelope': {
        const { secret, answer } = at.request;
        at.request.envelope ??= {
          upload: (await finishRegistration(secret, Buffer.from(answer.response), answer.stretching)).upload,
          stretching: answer.stretching,
        };
        return at.request.envelope;
      }
      case '$no_envelope': return { upload: ZEROS, stretching: DEFAULT };
      case '$envelope_of_another_cost': return { upload: ZEROS, stretching: { ...DEFAULT, iterations: 7 } };
      case '$ke3': {
        const { secret, answer } = at.login;
        const context = contextOf(at.connection.exporter());
        at.login.ke3 ??= (await finishLogin(secret, Buffer.from(answer.ke2), answer.stretching, context)).ke3;
        return at.login.ke3;
      }
      case '$code': return (this.#code ??= await this.#issueCode());
      default: throw new Error(`an unknown placeholder: ${placeholder}`);
    }
  }

  async #filled(value, at) {
    if (typeof value === 'string' && value.startsWith('$')) return this.#fill(value, at);
    if (Array.isArray(value)) return Promise.all(value.map((v) => this.#filled(v, at)));
    if (value === null || typeof value !== 'object') return value;
    const out = {};
    for (const [key, v] of Object.entries(value)) out[key] = await this.#filled(v, at);
    return out;
  }

  /** Sends what a step sends; gives what came, as `get` spells it. */
  async step({ on = 'one', send }) {
    const at = await this.on(on);
    const call = await this.#filled(send, at);
    try {
      const [name, content] = await at.connection.call(call);
      if (name === 'NewPasswordStarted') at.request.answer = content;
      if (name === 'LoginStarted') at.login.answer = content;
      return name;
    } catch (e) {
      if (!(e instanceof Refused)) throw e;
      return { Refused: e.beside === undefined ? e.code : { [e.code]: e.beside } };
    }
  }
}

/** Whether `came` is what `wanted` says; `$any` is any value. */
function fits(came, wanted) {
  if (wanted === '$any') return true;
  if (wanted === null || typeof wanted !== 'object' || came === null || typeof came !== 'object') return same(came, wanted);
  const keys = Object.keys(wanted);
  return same(keys.sort(), Object.keys(came).sort()) && keys.every((key) => fits(came[key], wanted[key]));
}

export async function converse(root, host, port, ca, adminAt, certificate, key) {
  const to = {
    host, port: Number(port), ca: readFileSync(ca), adminPort: Number(adminAt),
    own: { cert: readFileSync(certificate), key: readFileSync(key) },
  };
  stretchOnce();
  let failures = 0;
  for (const [file, { steps }] of vectorsIn(root, 'conversations')) {
    const player = new Player(to);
    const wrong = [];
    try {
      for (const [i, step] of steps.entries()) {
        const came = await player.step(step);
        if (!fits(came, step.get)) {
          wrong.push(`step ${i + 1}, ${named(step.send)[0]}: ${spelled(came)} instead of ${spelled(step.get)}`);
        }
      }
    } catch (e) {
      wrong.push(`${e}`);
    } finally {
      player.close();
    }
    console.log(`conversations/${file}: ${steps.length} steps, ${wrong.length} disagreements`);
    for (const line of wrong) console.log(`  ${forTerminal(line)}`);
    failures += wrong.length;
  }
  return failures > 0 ? 1 : 0;
}
