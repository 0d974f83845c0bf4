// Refusals: this client's own sentence for each code (section 8), and how long to wait before asking again.

import { forTerminal } from './texts.js';
import { named } from './codec.js';

const FIELDS = {
  Name: 'The name is not one: 2 to 32 of a-z, 0-9, ".", "_" and "-", and none that is reserved.',
  Email: 'The e-mail address is not one.',
  Age: 'The age is not between 0 and 150.',
  Gender: 'The gender has 1 to 32 bytes of visible text.',
  Device: 'The device name has 1 to 64 bytes of visible text.',
  Password: 'The password has 1 to 1,024 bytes without control characters.',
  Invitation: 'This server takes no invitations.',
};

const ENDS = {
  Expired: 'The session has expired.',
  LoggedOut: 'The session was logged out.',
  PasswordChanged: 'The session ended because the password was changed.',
  Displaced: 'The session ended because too many others were opened.',
  Revoked: 'The session was revoked.',
  Suspended: 'The session ended because the account was suspended.',
  Deleted: 'The session ended because the account was deleted.',
  RecordMoved: 'The session ended because the password record was moved to a new key.',
};

const date = (seconds) => {
  const time = new Date(Number(seconds) * 1_000);
  return Number.isNaN(time.getTime()) ? `second ${seconds}` : time.toISOString().replace('.000Z', 'Z');
};

const sentences = {
  Unsupported: () => 'The server is older than this: it does not know what was asked.',
  Malformed: () => 'The server could not read the request.',
  BadField: ({ field }) => FIELDS[named(field)[0]] ?? `The server does not take a field: ${named(field)[0]}.`,
  NotLoggedIn: () => 'Log in first.',
  WrongCredentials: () => 'The name or the password is wrong.',
  SessionEnded: ({ reason }) => (reason === null ? null : ENDS[named(reason)[0]]) ?? 'The session has ended.',
  NameTaken: () => 'Somebody has this name, or had it within the last seven days.',
  PasswordsNotTaken: () => 'This server takes no password; ask its operator for a one-time code.',
  Suspended: ({ until, reason }) => `The account is suspended${until === null ? '' : ` until ${date(until)}`}${
    reason === null ? '' : `: ${forTerminal(reason)}`}.`,
  NotFound: () => 'There is no such account, session or device.',
  Busy: () => 'The server has too much to do.',
  Forbidden: () => 'The role of this operator does not allow it.',
  Unavailable: () => 'The server cannot write at the moment.',
  Internal: () => 'The server made a mistake.',
  QueryRefused: () => 'The query may not run here, or is not valid.',
  QueryLimit: () => 'The query went over its limits.',
  RegistrationClosed: () => 'Accounts come from the operator here.',
  WrongState: () => 'The state of the account does not allow it.',
  Throttled: () => 'Too fast: too many attempts of this account, or from here.',
  NotStarted: () => 'It took too long, or was not begun on this connection. Begin again.',
  NotProven: () => 'Prove the password first.',
  WrongCode: () => 'The one-time code or the name is wrong, or the code is too old.',
  CodeSpent: () => 'The one-time code was used too often.',
  CodeUsed: ({ at }) => `The one-time code has set a password, at ${date(at)}.`,
  NoFreshLogin: () => 'Log in again first; a device is remembered once for each login.',
  OperatorUnknown: () => 'The server does not know this certificate, or not yet.',
  Stopping: () => 'The server is stopping.',
  Unsure: () => 'It may have been done; the server cannot tell.',
  NoImport: () => 'No import is under way.',
  ImportUnderWay: () => 'An import is under way already.',
  ImportCount: () => 'Another number of accounts waits.',
  OwnCertificate: () => 'Somebody else has to revoke this certificate.',
};

/** What a person is told. A code that is not known is "not done", with the server's sentence, escaped. */
export function sentenceFor(refusal) {
  const [code, beside] = named(refusal.code);
  if (Object.hasOwn(sentences, code)) return sentences[code](beside);
  return `It was not done (code ${beside.number}). The server says: ${forTerminal(refusal.message)}`;
}

/** A call that was refused: what was asked for was not done. */
export class Refused extends Error {
  constructor(refusal) {
    super(sentenceFor(refusal));
    this.name = 'Refused';
    [this.code, this.beside] = named(refusal.code);
    this.retryAfterMs = refusal.retry_after_ms;
  }
}

/** A wait of at most so many milliseconds is waited by itself. */
const PATIENCE_MS = 5_000n;

/** How long to wait before the same call, or null when a person has to decide. */
export function waitBefore(error) {
  const wait = error instanceof Refused ? error.retryAfterMs : null;
  if (wait === null || wait > PATIENCE_MS) return null;
  // Some random time more, so that not all who wait come at the same moment.
  return Number(wait) + Math.floor(Math.random() * 500);
}
