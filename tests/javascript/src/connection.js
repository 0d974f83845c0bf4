// A connection: frames over TLS, the greeting, and replies in the order of the requests. Whatever breaks the protocol closes it.

import { named } from './codec.js';
import { frameOf, FrameReader, limits } from './frames.js';
import { Refused } from './refusals.js';
import { connectTrusted, exporterOf } from './trust.js';

/** The connection is over; whether a call that was not answered was done cannot be known. */
export class ConnectionLost extends Error {
  constructor(message) { super(message); this.name = 'ConnectionLost'; }
}
/** The server broke the protocol, and the connection was closed. */
export class BrokenServer extends Error {
  constructor(message) { super(message); this.name = 'BrokenServer'; }
}

const REPLY_MS = 60_000;
/** Calls after which the connection has a session. */
const OPENS_SESSION = new Set(['LoggedIn', 'SessionResumed', 'PasswordChanged']);
/** And those after which it has none any more. */
const ENDS_SESSION = new Set(['LoggedOut', 'AccountDeleted']);
/** Replies behind which more come with the same number; of the admin port only. */
const GOES_ON = new Set(['Columns', 'Rows', 'BackupChunk', 'AuditChecked', 'ImportContinues']);

export class Connection {
  #socket;
  #messages;
  #frames = new FrameReader(limits.reply);
  #waiting = [];
  #nextId = 1n;
  #limits = { before: BigInt(limits.beforeLogin), after: BigInt(limits.request) };
  #ended = null;
  greeting = null;
  loggedIn = false;

  /** `to` is what `connectTrusted` takes; `messages` are those of the port. */
  static async open(to, messages) {
    return new Connection(await connectTrusted(to), messages);
  }

  constructor(socket, messages) {
    this.#socket = socket;
    this.#messages = messages;
    socket.setNoDelay(true);
    socket.on('data', (chunk) => this.#take(chunk));
    socket.on('error', (e) => this.#end(new ConnectionLost(`the connection was lost: ${e.message}`)));
    socket.on('end', () => this.#end(new ConnectionLost('the server ended the connection')));
    socket.on('close', () => this.#end(new ConnectionLost('the connection was lost')));
    socket.setTimeout(REPLY_MS, () => { if (this.#waiting.length > 0) this.#end(new ConnectionLost('the server does not answer')); });
  }

  /** Made anew for each exchange from this connection, and from no other. */
  exporter() { return exporterOf(this.#socket); }
  get open() { return this.#ended === null; }

  /** Sends a call and gives its reply: `[name, content]`. Throws `Refused` when it was refused. */
  async call(call) {
    const [reply] = await this.callAll([call]);
    if (reply instanceof Error) throw reply;
    return reply;
  }

  /** Sends calls in one write, the later ones before the earlier ones are answered; gives each reply or error. */
  async callAll(calls) {
    if (this.#ended) throw this.#ended;
    const limit = Number(this.loggedIn || this.#messages.port === 'admin' ? this.#limits.after : this.#limits.before);
    const sent = calls.map((call) => ({ id: this.#nextId++, call }));
    const written = Buffer.concat(sent.map((request) => frameOf(this.#messages.encodeRequest(request), limit)));
    const replies = sent.map(({ id, call }) => new Promise((resolve) => {
      this.#waiting.push({ id, resolve, call: named(call)[0], rows: [] });
    }));
    this.#socket.write(written, () => written.fill(0));
    return Promise.all(replies);
  }

  #take(chunk) {
    this.#frames.push(chunk);
    try {
      for (let payload = this.#frames.next(); payload !== null && !this.#ended; payload = this.#frames.next()) {
        this.#reply(this.#messages.decodeReply(payload));
      }
    } catch (e) {
      this.#end(e instanceof BrokenServer ? e : new BrokenServer(`the server sent a broken reply: ${e.message}`));
    }
  }

  #reply({ id, body }) {
    const [name, content] = named(body);
    if (this.greeting === null) return this.#greet(id, name, content);
    if (name === 'Greeting') throw new BrokenServer('the server greets a second time');
    if (id === 0n && name === 'Refused') throw new BrokenServer('the server could not read what was sent');
    const [first] = this.#waiting;
    if (first === undefined || first.id !== id) throw new BrokenServer('the server answered what was not asked');
    if (!this.#messages.answersTo(first.call, name)) throw new BrokenServer(`the server answered ${first.call} with ${name}`);
    if (GOES_ON.has(name)) return first.rows.push([name, content]);
    this.#waiting.shift();
    if (OPENS_SESSION.has(name)) this.loggedIn = true;
    if (ENDS_SESSION.has(name)) this.loggedIn = false;
    if (name !== 'Refused') return first.resolve([name, content, first.rows]);
    const refused = new Refused(content);
    // A 5 to ResumeSession speaks of its token; a 3 or a 5 to anything else says that this connection has no session.
    const gone = refused.code === 'NotLoggedIn' || (refused.code === 'SessionEnded' && first.call !== 'ResumeSession');
    if (gone) this.loggedIn = false;
    return first.resolve(refused);
  }

  #greet(id, name, content) {
    if (id !== 0n || name !== 'Greeting') throw new BrokenServer('the server does not greet');
    if (content.version !== 1) throw new BrokenServer(`the server speaks version ${content.version} of the protocol`);
    this.greeting = content;
    this.#limits = { before: content.request_bytes_max_before_login, after: content.request_bytes_max };
  }

  #end(error) {
    if (this.#ended) return;
    this.#ended = error;
    for (const { resolve } of this.#waiting.splice(0)) resolve(error);
    if (error instanceof BrokenServer) this.#socket.destroy();
    else this.#socket.end();
  }

  /** Ends the connection with a close_notify. */
  close() { this.#end(new ConnectionLost('the connection was closed')); }
}
