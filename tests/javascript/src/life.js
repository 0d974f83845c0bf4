// An account's life on a real server, from its registration to its deletion, step by step and with the real cost of stretching.

import { randomBytes, randomInt } from 'node:crypto';
import { Client } from './client.js';
import { Memory } from './memory.js';
import { Refused } from './refusals.js';
import { forTerminal, isPin, readJoinString } from './texts.js';

const DEVICE = 'a life, played once';

const invented = () => `life-${randomBytes(5).toString('hex')}`;

/** 25 characters of Crockford's alphabet: 125 bits. */
function passphrase() {
  const letters = '0123456789abcdefghjkmnpqrstvwxyz';
  return Array.from({ length: 5 }, () => Array.from({ length: 5 }, () => letters[randomInt(32)]).join('')).join(' ');
}

/** Where the arguments lead: a join string gives the pin, and the arguments say which address of the server is meant. */
function whereTo(host, port, trust) {
  if (isPin(trust)) return { host, port: Number(port), pin: trust };
  const joined = readJoinString(trust);
  if (joined === null) throw new Error('this is neither a join string nor a pin');
  return { host, port: Number(port), pin: joined.pin };
}

function report(step, text = '') { console.log(`${step.padEnd(28)} ${forTerminal(String(text))}`); }

async function timed(step, what, tell = () => '') {
  const began = performance.now();
  const result = await what;
  report(step, `${tell(result)} [${Math.round(performance.now() - began)} ms]`);
  return result;
}

/** What has to be refused, with one code. */
async function refusedWith(step, code, what) {
  try {
    await what;
  } catch (e) {
    if (!(e instanceof Refused) || e.code !== code) throw e;
    return report(step, `refused, as it should be: ${e.message}`);
  }
  throw new Error(`${step} was not refused`);
}

function expect(what, condition) { if (!condition) throw new Error(`it should be that ${what}`); }

const say = (text) => report('  …', text);

async function begin(to, memory, name, password) {
  const client = new Client(to, memory, say);
  const described = await timed('describe', client.describe(), (d) => `vestryd ${d.version}, passwords of ${d.password_chars_min}`);
  expect('registration is open', described.registration_open);
  await timed('register', client.register(name, password, { email: null, age: 40, gender: null }), (r) => r.name);
  await timed('log in', client.logIn(name, password, { device: DEVICE, remember: true }), (s) => `device known: ${s.device_known}`);
  return client;
}

async function middle(to, memory, client, name, password, fresh) {
  await timed('show', client.show(), (a) => `${a.name}, ${a.profile.age}`);
  const email = `${name}@example.org`;
  await timed('update, with a proof', client.update({ email: { Set: email }, age: { Set: 41 } }, password), (a) => a.profile.email);
  const other = new Client(to, memory, say);
  const again = await timed('log in with the device', other.logIn(name, password, { device: DEVICE, remember: true }), (s) => `device known: ${s.device_known}`);
  expect('the device is known', again.device_known);
  await timed('list devices', other.devices(), (d) => d.map((x) => x.device).join(', '));
  await timed('change the password', client.changePassword(password, fresh));
  await refusedWith('the other session', 'SessionEnded', other.show());
  await refusedWith('the old password', 'WrongCredentials', other.logIn(name, password, { device: DEVICE }));
  await timed('log in with the new one', other.logIn(name, fresh, { device: DEVICE, remember: true }), (s) => `device known: ${s.device_known}`);
  const sessions = await timed('list sessions', other.sessions(), (s) => `${s.length}, from ${s.map((x) => x.source).join(', ')}`);
  const first = sessions.find((s) => !s.current);
  await timed('revoke the first one', other.revoke(first.id));
  await refusedWith('the first session', 'SessionEnded', client.show());
  client.close();
  return other;
}

async function end(to, memory, other, name, password) {
  const third = new Client(to, memory, say);
  await timed('resume, and show', third.resume(name), (a) => a.name);
  await timed('notices', third.notices(), (n) => `${n.failures_since_last_login} failures since`);
  await timed('log out', third.logOut(), (n) => `${n} ended`);
  await refusedWith('the session behind it', 'SessionEnded', other.show());
  await timed('log in to delete', other.logIn(name, password, { device: DEVICE }), (s) => `device known: ${s.device_known}`);
  await timed('delete', other.delete(password), (until) => `can be undone until ${new Date(Number(until) * 1_000).toISOString()}`);
  await refusedWith('the deleted account', 'WrongCredentials', other.logIn(name, password, { device: DEVICE }));
  third.close();
  other.close();
}

/**
 * Options: `--store FILE` keeps what a client remembers; `--stay` ends before the password is changed, and `--return` goes on from
 * there, after whatever was done to the server meanwhile; both take name and password from LIFE_NAME and LIFE_PASSWORD.
 */
export async function life(host, port, trust, ...options) {
  const to = whereTo(host, port, trust);
  const at = options.indexOf('--store');
  const memory = new Memory(at < 0 ? null : options[at + 1]);
  const name = process.env.LIFE_NAME ?? invented();
  const password = process.env.LIFE_PASSWORD ?? passphrase();
  const fresh = passphrase();
  let client;
  if (options.includes('--return')) {
    client = new Client(to, memory, say);
    await timed('log in again', client.logIn(name, password, { device: DEVICE, remember: true }),
      (s) => `device known: ${s.device_known}, asked to move the record: ${s.move_record}`);
    await timed('notices', client.notices(), (n) => `record moved at ${n.record_moved}`);
  } else {
    client = await begin(to, memory, name, password);
  }
  if (options.includes('--stay')) {
    client.close();
    return 0;
  }
  const other = await middle(to, memory, client, name, password, fresh);
  await end(to, memory, other, name, fresh);
  console.log('a whole life');
  return 0;
}
