// Checks this client against a folder of vectors: everything is made from the values first and compared then.

import { frameOf, judge, limitFor } from './frames.js';
import { judgeNewPassword } from './new-password.js';
import { checkOpaque, checkRefused } from './opaque-replay.js';
import { canonicalName, emailOf, freeText, passwordBytes, pinOf, readCode, readJoinString } from './texts.js';
import { userPort } from './user-port.js';
import { same, spelled, vectorsIn } from './values.js';

const hex = (text) => Buffer.from(text, 'hex');
const short = (text) => (text.length > 100 ? `${text.slice(0, 100)}…` : text);

const statesOf = (state) => (state === 'any' ? [false, true] : [state === 'after_login']);

/** A frame made of a value, as its sender would make it. */
function frameFor(direction, loggedIn, value) {
  const payload = direction === 'request' ? userPort.encodeRequest(value) : userPort.encodeReply(value);
  return frameOf(payload, limitFor(userPort.port, direction, loggedIn));
}

/** The good messages: bytes from the value, and the value from the bytes. */
function checkMessages(root, disagree) {
  let checks = 0;
  for (const [file, vector] of vectorsIn(root, 'user')) {
    const where = `user/${file}`;
    for (const loggedIn of statesOf(vector.state)) {
      checks++;
      try {
        const made = frameFor(vector.direction, loggedIn, vector.value).toString('hex');
        if (made !== vector.frame) disagree(where, `made ${short(made)} instead of ${short(vector.frame)}`);
        const came = judge(userPort, vector.direction, loggedIn, hex(vector.frame));
        if (came.outcome !== vector.outcome) disagree(where, `${came.outcome} instead of ${vector.outcome}`);
        else if (!same(came.value, vector.value)) disagree(where, `read ${short(spelled(came.value))}`);
      } catch (e) {
        disagree(where, `${e}`);
      }
    }
  }
  return checks;
}

/** The broken frames: each comes to its outcome, whole and in pieces. */
function checkHostile(root, disagree) {
  let checks = 0;
  for (const [file, vector] of vectorsIn(root, 'hostile').filter(([, v]) => v.port === 'user')) {
    for (const loggedIn of statesOf(vector.state)) {
      checks++;
      try {
        const came = judge(userPort, vector.direction, loggedIn, hex(vector.frame));
        if (came.outcome !== vector.outcome) disagree(`hostile/${file}`, `${came.outcome} instead of ${vector.outcome}`);
        const inPieces = judge(userPort, vector.direction, loggedIn, hex(vector.frame), 3);
        if (!same(inPieces, came)) disagree(`hostile/${file}`, `${inPieces.outcome} when it comes in pieces`);
        if (vector.outcome !== 'message') continue;
        if (!same(came.value, vector.value)) disagree(`hostile/${file}`, `read ${short(spelled(came.value))}`);
        // Written in the shortest form, it says the same.
        const again = judge(userPort, vector.direction, loggedIn, frameFor(vector.direction, loggedIn, vector.value));
        if (!same(again.value, vector.value)) disagree(`hostile/${file}`, `written again, it reads ${short(spelled(again.value))}`);
      } catch (e) {
        disagree(`hostile/${file}`, `${e}`);
      }
    }
  }
  return checks;
}

const GENDER_BYTES_MAX = 32;
const readers = {
  name: canonicalName,
  email: emailOf,
  free_text: (text) => freeText(text, GENDER_BYTES_MAX),
  join_string(text) {
    const join = readJoinString(text);
    return join && `${join.host} ${join.port} ${join.pin}`;
  },
  one_time_code: readCode,
  password: (text) => passwordBytes(text)?.toString('hex') ?? null,
  pin: (text) => pinOf(hex(text)),
};

/** A folder of files that are compared one by one: `judgeOne` gives what came and what should have. */
function checkEach(root, folder, disagree, judgeOne) {
  const files = vectorsIn(root, folder);
  for (const [file, vector] of files) {
    try {
      const [came, wanted] = judgeOne(vector);
      if (!same(came, wanted)) disagree(`${folder}/${file}`, `${short(spelled(came))} instead of ${short(spelled(wanted))}`);
    } catch (e) {
      disagree(`${folder}/${file}`, `${e}`);
    }
  }
  return files.length;
}

export const folders = {
  user: checkMessages,
  hostile: checkHostile,
  texts: (root, disagree) => checkEach(root, 'texts', disagree, (v) => [readers[v.kind](v.text), v.reads]),
  passwords: (root, disagree) => checkEach(root, 'passwords', disagree, (v) => [judgeNewPassword(v.text, v.chars_min, v), v.verdict]),
  opaque: checkOpaque,
  refused: checkRefused,
};

/** Checks the named folders and gives how many checks each had, and every disagreement. */
export async function checkVectors(root, names = Object.keys(folders)) {
  const results = [];
  for (const name of names) {
    const disagreements = [];
    const checks = await folders[name](root, (where, what) => disagreements.push(`${where}: ${what}`));
    results.push({ name, checks, disagreements });
  }
  return results;
}
