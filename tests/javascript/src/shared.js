// What both ports share: refusals with their open variants (section 8), the greeting (section 4), profiles (section 5), and
// the two kinds of messages, which differ only in the tables of a port.

import {
  BadValue, bytes, encode, i64, item, list, Malformed, open, optional, parts, Reader, structure, text, token, u16, u32, u64, Unsupported,
  variant,
} from './codec.js';

export const later = list(item);

/** Cases without fields, by their names in the order of their numbers. */
export const bare = (names) => names.trim().split(/\s+/).map((name) => [name, null]);

export const Field = open('Field', bare(`Name Email Age Gender Device Password Request Ke1 Upload Stretching Invitation Witness
  Reason Until Subject Checkpoints Created Argon2id`));

export const SessionEnd = open('SessionEnd', bare('Expired LoggedOut PasswordChanged Displaced Revoked Suspended Deleted RecordMoved'));

export const codes = [
  ['Unsupported', null],
  ['Malformed', null],
  ['BadField', structure('BadField', { field: Field })],
  ['NotLoggedIn', null],
  ['WrongCredentials', null],
  ['SessionEnded', structure('SessionEnded', { reason: optional(SessionEnd) })],
  ['NameTaken', null],
  ['PasswordsNotTaken', null],
  ['Suspended', structure('Suspended', { until: optional(i64), reason: optional(text) })],
  ['NotFound', null],
  ['Busy', null],
  ['Forbidden', null],
  ['Unavailable', null],
  ['Internal', null],
  ['QueryRefused', null],
  ['QueryLimit', null],
  ['RegistrationClosed', null],
  ['WrongState', null],
  ['Throttled', null],
  ['NotStarted', null],
  ['NotProven', null],
  ['WrongCode', null],
  ['CodeSpent', null],
  ['CodeUsed', structure('CodeUsed', { at: i64 })],
  ['NoFreshLogin', null],
  ['OperatorUnknown', null],
  ['Stopping', null],
  ['Unsure', null],
  ['NoImport', null],
  ['ImportUnderWay', null],
  ['ImportCount', null],
  ['OwnCertificate', null],
];

export const Refusal = structure('Refusal', {
  code: open('Code', codes), message: text, retry_after_ms: optional(u64),
});

export const Greeting = structure('Greeting', {
  version: u32, request_bytes_max_before_login: u64, request_bytes_max: u64, later,
});

export const Profile = structure('Profile', { email: optional(text), age: optional(u16), gender: optional(text) });

export const Stretching = structure('Stretching', { memory_kib: u32, iterations: u32, parallelism: u32 });

/** The two messages of a port, of its calls and replies. */
export function messagesOf(port, calls, replies) {
  const call = variant('call', calls);
  const body = variant('body', replies);
  const Request = structure('Request', { id: u64, call });
  const Reply = structure('Reply', { id: u64, body });
  const decodeRequest = (payload) => {
    const r = new Reader(payload, parts.budget.request);
    const id = u64.read(r);
    const mark = { at: r.at, budget: r.budget };
    if (u32.read(r) >= calls.length) throw new Unsupported(id);
    Object.assign(r, mark);
    const value = { id, call: call.read(r) };
    parts.leftOver(r, 'a request');
    return value;
  };
  return {
    port,
    calls,
    replies,
    encodeRequest(value) {
      const payload = encode(Request, value);
      // What claims more than its budget would be refused: it is the caller's mistake.
      try { decodeRequest(payload); } catch (e) { throw new BadValue(e.message); }
      return payload;
    },
    encodeReply: (value) => encode(Reply, value),
    decodeRequest,
    decodeReply(payload) {
      const r = new Reader(payload, parts.budget.reply);
      const value = Reply.read(r);
      parts.leftOver(r, 'a reply');
      return value;
    },
  };
}

export { bytes, i64, item, list, Malformed, open, optional, structure, text, token, u16, u32, u64, variant };
