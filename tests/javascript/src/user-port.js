// The tables of the user port (section 5): its calls, its replies and their structures, in the order of their numbers.

import { bool } from './codec.js';
import {
  bare, bytes, Greeting, i64, later, list, messagesOf, open, optional, Profile, Refusal, Stretching, structure, text, token, u16,
  u64, variant,
} from './shared.js';

const Change = (type) => variant(`Change<${type.name}>`, [['Keep', null], ['Clear', null], ['Set', type]]);

const Envelope = structure('Envelope', { upload: bytes, stretching: Stretching });

/** A case with fields that have names. */
const of = (name, fields) => [name, structure(name, fields)];

const calls = [
  ...bare('DescribeServer'),
  of('StartRegistration', { name: text, request: bytes, invitation: optional(text) }),
  of('FinishRegistration', { envelope: Envelope, profile: Profile }),
  of('StartLogin', { name: text, device_token: optional(token), ke1: bytes }),
  of('FinishLogin', { ke3: bytes, device: text, witness: bytes }),
  of('LogInImported', { name: text, password: text, device: text }),
  of('ResumeSession', { token }),
  of('StartReset', { name: text, code: text, request: bytes }),
  of('FinishReset', { envelope: Envelope }),
  ...bare('ShowAccount'),
  of('UpdateAccount', { email: Change(text), age: Change(u16), gender: Change(text) }),
  of('StartProof', { ke1: bytes }),
  of('FinishProof', { ke3: bytes }),
  of('StartNewPassword', { request: bytes }),
  of('FinishNewPassword', { envelope: Envelope }),
  ...bare('DeleteAccount ListSessions'),
  of('RevokeSession', { id: u64 }),
  of('LogOut', { everywhere: bool }),
  ...bare('RememberDevice ListDevices'),
  of('ForgetDevice', { id: u64 }),
  ...bare('ShowNotices'),
  of('StartRecordMove', { request: bytes }),
  of('FinishRecordMove', { envelope: Envelope }),
];

const Account = structure('Account', { name: text, profile: Profile, created: i64, last_login: optional(i64), later });

const NewSession = structure('NewSession', {
  token, name: text, last_login: optional(i64), expires: i64, idle_secs_max: u64, device_known: bool, move_record: bool,
  witness: bytes, later,
});

const Session = structure('Session', {
  id: u64, device: text, source: text, created: i64, last_used: i64, expires: i64, current: bool, later,
});

const RememberedDevice = structure('RememberedDevice', { id: u64, device: text, created: i64, last_used: i64 });

const CodeIssued = structure('CodeIssued', { by: text, at: i64 });
const SetWithCode = structure('SetWithCode', { issued: CodeIssued, redeemed: i64 });

const Notices = structure('Notices', {
  failures_since_last_login: u64, password_is_weak: bool, password_set_with_code: optional(SetWithCode),
  record_moved: optional(i64),
});

const Factor = open('Factor', []);

const replies = [
  ['Refused', Refusal],
  ['Greeting', Greeting],
  of('ServerDescribed', { version: text, registration_open: bool, password_chars_min: u64, now: i64 }),
  of('NewPasswordStarted', { response: bytes, stretching: Stretching }),
  of('Registered', { name: text }),
  of('LoginStarted', { ke2: bytes, stretching: Stretching }),
  ['LoggedIn', NewSession],
  of('SessionResumed', { name: text }),
  of('PasswordReset', { name: text, code: CodeIssued }),
  ['AccountShown', Account],
  ['AccountUpdated', Account],
  ...bare('PasswordProven'),
  ['PasswordChanged', NewSession],
  of('AccountDeleted', { restorable_until: i64 }),
  ['SessionsListed', list(Session)],
  ...bare('SessionRevoked'),
  of('LoggedOut', { sessions_ended: u64 }),
  of('DeviceRemembered', { token }),
  ['DevicesListed', list(RememberedDevice)],
  ...bare('DeviceForgotten'),
  ['NoticesShown', Notices],
  of('LoginContinues', { factors: list(Factor) }),
  of('RecordMoved', { sessions_ended: u64 }),
];

/** What answers each call, besides a refusal. */
const answers = {
  DescribeServer: 'ServerDescribed', StartRegistration: 'NewPasswordStarted', FinishRegistration: 'Registered',
  StartLogin: 'LoginStarted', FinishLogin: 'LoggedIn LoginContinues', LogInImported: 'LoggedIn', ResumeSession: 'SessionResumed',
  StartReset: 'NewPasswordStarted', FinishReset: 'PasswordReset', ShowAccount: 'AccountShown', UpdateAccount: 'AccountUpdated',
  StartProof: 'LoginStarted', FinishProof: 'PasswordProven', StartNewPassword: 'NewPasswordStarted',
  FinishNewPassword: 'PasswordChanged', DeleteAccount: 'AccountDeleted', ListSessions: 'SessionsListed',
  RevokeSession: 'SessionRevoked', LogOut: 'LoggedOut', RememberDevice: 'DeviceRemembered', ListDevices: 'DevicesListed',
  ForgetDevice: 'DeviceForgotten', ShowNotices: 'NoticesShown', StartRecordMove: 'NewPasswordStarted',
  FinishRecordMove: 'RecordMoved',
};
const answersTo = (call, reply) => reply === 'Refused' || answers[call].split(' ').includes(reply);

export const userPort = { ...messagesOf('user', calls, replies), answersTo };
