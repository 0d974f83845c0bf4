// A client of the user port: what a person does with an account, and everything that section 12 asks of a client meanwhile.

import { Connection } from './connection.js';
import { ask, content, newPassword, proof, Unexpected } from './exchange.js';
import { judgeNewPassword } from './new-password.js';
import { wipe } from './opaque.js';
import { Refused } from './refusals.js';
import { passwordBytes, pinOf } from './texts.js';
import { caByPin } from './trust.js';
import { userPort } from './user-port.js';
import { X509Certificate } from 'node:crypto';

const ALPN = 'vestry/1';

/** The password breaks a rule, and nothing was sent. */
export class BadPassword extends Error {
  constructor(rule) { super(`the password breaks the rule "${rule}"`); this.name = 'BadPassword'; this.rule = rule; }
}

export class Client {
  #ca; #pin; #connection = null; #memory; #say;
  account = null;

  constructor(to, memory, say = () => {}) {
    this.host = to.host;
    this.port = to.port;
    this.#ca = to.ca ?? null;
    this.#pin = to.pin ?? pinOf(new X509Certificate(to.ca).raw);
    this.#memory = memory;
    this.#say = say;
  }

  /** Connects when there is no connection. The CA of a pin is looked up once. */
  async connect() {
    if (this.#connection?.open) return this.#connection;
    this.#ca ??= await caByPin(this.host, this.port, ALPN, this.#pin);
    this.#connection = await Connection.open({ host: this.host, port: this.port, alpn: ALPN, ca: this.#ca }, userPort);
    return this.#connection;
  }
  close() { this.#connection?.close(); }

  async #ask(call, expected) {
    return content(await ask(await this.connect(), call, this.#say), expected);
  }
  #kept(name) { return this.#memory.of(this.#pin, name); }

  /** The bytes of a new password, held to the rules before anything is sent. */
  async #newPasswordBytes(typed, name, email) {
    const { password_chars_min: min } = await this.describe();
    const verdict = judgeNewPassword(typed, min, { name, email, host: this.host });
    if (verdict.refused) throw new BadPassword(verdict.refused);
    return verdict.accepted;
  }
  async #withPassword(bytes, use) {
    try { return await use(bytes); } finally { wipe(bytes); }
  }
  static #typed(password) {
    const bytes = passwordBytes(password);
    if (bytes === null) throw new BadPassword('password');
    return bytes;
  }

  describe() { return this.#ask('DescribeServer', 'ServerDescribed'); }

  /** Makes an account; opens no session. */
  async register(name, password, profile = { email: null, age: null, gender: null }) {
    const bytes = await this.#newPasswordBytes(password, name, profile.email);
    const registered = await this.#withPassword(bytes, (p) => newPassword(
      this.#connection, p,
      (request) => ({ StartRegistration: { name, request, invitation: null } }),
      (envelope) => ({ FinishRegistration: { envelope, profile } }), 'Registered', this.#say,
    ));
    this.#kept(registered.name).rememberOpaque();
    return registered;
  }

  /**
   * Logs in: always with OPAQUE first. `imported` is the choice, made before the attempt, to send the password to the server
   * when OPAQUE does not open; it counts for nothing when the account is known to be OPAQUE. `remember` asks for a device token.
   */
  async logIn(name, password, { device, imported = false, remember = false }) {
    await this.connect();
    const kept = this.#kept(name);
    const sendsPassword = imported && !kept.isOpaque;
    const logInImported = () => ask(this.#connection, { LogInImported: { name, password, device } }, this.#say);
    return this.#withPassword(Client.#typed(password), async (p) => {
      const reply = await proof(
        this.#connection, p,
        (ke1) => ({ StartLogin: { name, device_token: kept.deviceToken, ke1 } }),
        (ke3) => ({ FinishLogin: { ke3, device, witness: kept.witness } }), this.#say,
        sendsPassword ? logInImported : null,
      );
      const session = this.#loggedIn(reply, kept);
      const moved = session.move_record && await this.#moveRecord(p, kept);
      // A device that is known would get a second entry; one whose record moved was forgotten.
      if (remember && (moved || !session.device_known)) await this.rememberDevice();
      return session;
    });
  }

  #loggedIn(reply, kept) {
    if (reply[0] === 'LoginContinues') {
      const factors = reply[1].factors.map((f) => f.Unknown?.number).join(', ');
      throw new Unexpected(`LoginContinues: it asks for factors that this client does not know (${factors})`, reply[1]);
    }
    const session = content(reply, 'LoggedIn');
    kept.rememberOpaque();
    kept.rememberSession(session);
    if (!session.device_known) kept.forgetDevice();
    this.account = session.name;
    return session;
  }

  /** The server has a new key and asks for the same password under it. Whatever is refused, the login stands. */
  async #moveRecord(password, kept) {
    try {
      const { sessions_ended: ended } = await newPassword(
        this.#connection, password,
        (request) => ({ StartRecordMove: { request } }),
        (envelope) => ({ FinishRecordMove: { envelope } }), 'RecordMoved', this.#say,
      );
      kept.forgetDevice();
      this.#say(`The password record was moved to the server's new key; ${ended} other sessions ended.`);
      return true;
    } catch (e) {
      if (!(e instanceof Refused)) throw e;
      this.#say(`The password record was not moved: ${e.message}`);
      return false;
    }
  }

  /** Asks for a device token, on the connection that logged in and after the record was moved. */
  async rememberDevice() {
    const { token } = await this.#ask('RememberDevice', 'DeviceRemembered');
    this.#kept(this.account).rememberDevice(token);
  }

  /** Proves the password again; the proof is good for one call within 120 seconds. */
  async prove(password) {
    await this.connect();
    await this.#withPassword(Client.#typed(password), async (p) => {
      const reply = await proof(
        this.#connection, p, (ke1) => ({ StartProof: { ke1 } }), (ke3) => ({ FinishProof: { ke3 } }), this.#say,
      );
      content(reply, 'PasswordProven');
      this.#kept(this.account).rememberOpaque();
    });
  }

  show() { return this.#ask('ShowAccount', 'AccountShown'); }
  notices() { return this.#ask('ShowNotices', 'NoticesShown'); }

  /** Changes the profile; an e-mail address needs `password`. */
  async update({ email = 'Keep', age = 'Keep', gender = 'Keep' }, password = null) {
    if (email !== 'Keep') await this.prove(password);
    return this.#ask({ UpdateAccount: { email, age, gender } }, 'AccountUpdated');
  }

  /** Changes the password. Every session ends, this connection gets a new one, and every device is forgotten. */
  async changePassword(old, fresh) {
    const { profile } = await this.show();
    const bytes = await this.#newPasswordBytes(fresh, this.account, profile.email);
    await this.#withPassword(bytes, async (p) => {
      await this.prove(old);
      const session = await newPassword(
        this.#connection, p,
        (request) => ({ StartNewPassword: { request } }),
        (envelope) => ({ FinishNewPassword: { envelope } }), 'PasswordChanged', this.#say,
      );
      const kept = this.#kept(this.account);
      kept.rememberOpaque();
      kept.rememberSession(session);
      kept.forgetDevice();
    });
  }

  /** Sets a password with an operator's one-time code; opens no session. */
  async reset(name, code, password) {
    const bytes = await this.#newPasswordBytes(password, name, null);
    const done = await this.#withPassword(bytes, (p) => newPassword(
      this.#connection, p,
      (request) => ({ StartReset: { name, code, request } }),
      (envelope) => ({ FinishReset: { envelope } }), 'PasswordReset', this.#say,
    ));
    this.#kept(done.name).rememberOpaque();
    this.#kept(done.name).forgetDevice();
    return done;
  }

  sessions() { return this.#ask('ListSessions', 'SessionsListed'); }
  devices() { return this.#ask('ListDevices', 'DevicesListed'); }
  revoke(id) { return this.#ask({ RevokeSession: { id } }, 'SessionRevoked'); }
  forgetDevice(id) { return this.#ask({ ForgetDevice: { id } }, 'DeviceForgotten'); }

  /** Goes on with the session that is remembered for `name`; the account is asked for in the same write. */
  async resume(name) {
    const connection = await this.connect();
    const kept = this.#kept(name);
    const [resumed, shown] = await connection.callAll([{ ResumeSession: { token: kept.session } }, 'ShowAccount']);
    if (resumed instanceof Refused && resumed.code === 'SessionEnded') kept.forgetSession();
    for (const reply of [resumed, shown]) if (reply instanceof Error) throw reply;
    this.account = content(resumed, 'SessionResumed').name;
    return content(shown, 'AccountShown');
  }

  async logOut(everywhere = false) {
    const { sessions_ended: ended } = await this.#ask({ LogOut: { everywhere } }, 'LoggedOut');
    this.#kept(this.account).forgetSession();
    if (everywhere) this.#kept(this.account).forgetDevice();
    return ended;
  }

  /** Deletes the account; the operator can undo it until the time that is given. */
  async delete(password) {
    await this.prove(password);
    const { restorable_until: until } = await this.#ask('DeleteAccount', 'AccountDeleted');
    this.#kept(this.account).forgetAccount();
    return until;
  }
}
