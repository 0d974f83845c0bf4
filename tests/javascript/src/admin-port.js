// What the player of conversations needs of the admin port (section 6): it asks an operator's connection for one-time codes, and
// plays the steps of an operator. Cases without a type here are not read or written.

import { bool } from './codec.js';
import { bare, Greeting, i64, list, messagesOf, open, optional, Profile, Refusal, structure, text, u64 } from './shared.js';

const of = (name, fields) => [name, structure(name, fields)];

const View = open('View', bare('Accounts Sessions Audit Operators'));
const Suspension = structure('Suspension', { until: optional(i64), reason: optional(text) });
const ImportRow = structure('ImportRow', {
  line: u64, name: text, profile: Profile, created: optional(i64), suspended: optional(Suspension), argon2id: optional(text),
});
const BadRow = structure('BadRow', { line: u64, reason: text });

const calls = [
  ...bare('ShowStatus Query'),
  of('ListRows', {
    view: View, columns: list(text), filter: optional(text), sort: optional(text), descending: bool, limit: u64,
    after: optional(text),
  }),
  of('ShowAccount', { name: text }),
  ...bare('CreateAccount SuspendAccount ResumeAccount DeleteAccount RestoreAccount'),
  of('ResetAccount', { name: text }),
  ...bare('RevokeSession'),
  of('RevokeOperator', { name: text }),
  ...bare('ShowJoinString BackUp ClearThrottle VerifyAudit FollowAudit StartImport'),
  ['ImportRows', list(ImportRow)],
  of('FinishImport', { accounts: u64 }),
  ...bare('DropImport'),
];

const replies = [
  ['Refused', Refusal],
  ['Greeting', Greeting],
  ...bare('StatusShown Columns Rows RowsEnd AccountShown'),
  of('CodeIssued', { name: text, code: text, expires: i64 }),
  ...bare(`AccountChanged SessionRevoked OperatorRevoked JoinString BackupChunk BackupEnd ThrottleCleared AuditChecked
    AuditVerified ImportStarted`),
  ['RowsJudged', list(BadRow)],
  ...bare('ImportContinues ImportFinished ImportDropped'),
];

/** Which reply belongs to which call is left to the conversation. */
export const adminPort = { ...messagesOf('admin', calls, replies), answersTo: () => true };
