// The exchanges of section 12 on one connection: a new password (registration, change, reset, record move), and a proof (login,
// or again within a session). Every secret that is made here is wiped here.

import { named } from './codec.js';
import {
  contextOf, DoesNotOpen, finishLogin, finishRegistration, opaqueParts, ServerNotProven, startLogin, startRegistration, wipe,
} from './opaque.js';
import { Refused, waitBefore } from './refusals.js';

const NO_KE3 = Buffer.alloc(64);
const TRIES = 5;

/** Calls after which nothing is used up when they are refused, so that the same call may be sent again (section 5). */
const AGAIN = new Set(['DescribeServer', 'StartRegistration', 'StartLogin', 'ResumeSession', 'StartReset', 'ShowAccount',
  'ListSessions', 'ListDevices', 'ShowNotices', 'StartProof', 'RevokeSession', 'ForgetDevice', 'LogOut', 'RememberDevice',
  'LogInImported']);

const sleep = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

/**
 * Sends a call; when it is refused for a short time, says so, waits and sends it again. A call of OPAQUE is given as a function
 * that makes it, so that it is made anew each time: no blind, nonce or key share is sent twice.
 */
export async function ask(connection, call, say = () => {}) {
  for (let tries = 1; ; tries++) {
    const made = typeof call === 'function' ? call() : call;
    try {
      return await connection.call(made);
    } catch (e) {
      const ms = waitBefore(e);
      if (ms === null || tries >= TRIES || !AGAIN.has(named(made)[0])) throw e;
      say(`${e.message} Waiting for ${(ms / 1_000).toFixed(1)} seconds.`);
      await sleep(ms);
    }
  }
}

/** The content of a reply that has to be of one kind. Another one is the caller's to judge. */
export class Unexpected extends Error {
  constructor(name, content) { super(`the server answered ${name}`); this.name = 'Unexpected'; this.reply = [name, content]; }
}
export function content([name, what], expected) {
  if (name !== expected) throw new Unexpected(name, what);
  return what;
}

/** A new password: `start(request)` and `finish(envelope)` make the calls, `password` is the caller's to wipe. */
export async function newPassword(connection, password, start, finish, expected, say) {
  let secret;
  const begin = () => {
    const begun = startRegistration(password);
    secret = begun.secret;
    return start(begun.request);
  };
  const { response, stretching } = content(await ask(connection, begin, say), 'NewPasswordStarted');
  opaqueParts.judgeStretching(stretching);
  const { upload, exportKey } = await finishRegistration(secret, Buffer.from(response), stretching);
  wipe(exportKey);
  return content(await ask(connection, finish({ upload, stretching }), say), expected);
}

/**
 * A proof of the password: gives the reply to the second half. A KE2 that does not open is finished with zeros, so that the
 * attempt is over and the refusal is the server's own, unless `notOpened` takes it: it then makes the reply.
 */
export async function proof(connection, password, start, finish, say, notOpened = null) {
  let secret;
  const begin = () => {
    const begun = startLogin(password);
    secret = begun.secret;
    return start(begun.ke1);
  };
  const { ke2, stretching } = content(await ask(connection, begin, say), 'LoginStarted');
  let ke3 = NO_KE3;
  let fault = null;
  try {
    // The exporter is asked of the very connection that carries the exchange.
    const opened = await finishLogin(secret, Buffer.from(ke2), stretching, contextOf(connection.exporter()));
    wipe(opened.sessionKey, opened.exportKey);
    ke3 = opened.ke3;
  } catch (e) {
    fault = e;
    if (!(e instanceof DoesNotOpen) && !(e instanceof ServerNotProven)) {
      // No message of OPAQUE, or a cost out of bounds: there is nothing to finish with this server.
      connection.close();
      throw e;
    }
    if (e instanceof DoesNotOpen && notOpened !== null) return notOpened();
  }
  try {
    const reply = await ask(connection, finish(ke3), say);
    if (fault === null) return reply;
  } catch (e) {
    if (fault instanceof ServerNotProven && e instanceof Refused) throw fault;
    throw e;
  }
  // Zeros were taken for a proof: this server takes anything.
  connection.close();
  throw fault;
}
