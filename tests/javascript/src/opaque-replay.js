// Replays whole exchanges of OPAQUE from their inputs, the server's half included, which a client needs for nothing else; and
// tries the answers that a client must give up.

import { ascii, deriveKeyPair, evaluate, multiply, scalar, sha512 } from './group.js';
import {
  contextOf, derivePair, expand, finishLogin, finishRegistration, GiveUp, keysOf3dh, mac, opaqueParts, preambleOf, startLogin,
  startRegistration,
} from './opaque.js';
import { vectorsIn, readVector } from './values.js';
import { join } from 'node:path';

const hex = (text) => Buffer.from(text, 'hex');

/** The key of the OPRF for one account. */
function oprfKey(inputs) {
  const seed = expand(hex(inputs.oprf_seed), Buffer.concat([hex(inputs.credential_identifier), ascii('OprfKey')]), 32);
  return deriveKeyPair(seed, 'OPAQUE-DeriveKeyPair').secret;
}

/** The server's answer to a registration. */
const answerRegistration = (inputs, request) => Buffer.concat([evaluate(request, oprfKey(inputs)), hex(inputs.server_public_key)]);

/** The server's KE2, and the session key and the KE3 that it expects. */
function answerLogin(inputs, upload, ke1) {
  const [clientPublic, maskingKey, envelope] = [upload.subarray(0, 32), upload.subarray(32, 96), upload.subarray(96)];
  const serverPublic = hex(inputs.server_public_key);
  const maskingNonce = hex(inputs.masking_nonce);
  const pad = expand(maskingKey, Buffer.concat([maskingNonce, ascii('CredentialResponsePad')]), 128);
  const masked = Buffer.concat([serverPublic, envelope]).map((byte, i) => byte ^ pad[i]);
  const share = derivePair(hex(inputs.server_keyshare_seed));
  const response = Buffer.concat([
    evaluate(ke1.subarray(0, 32), oprfKey(inputs)), maskingNonce, masked, hex(inputs.server_nonce), share.public,
  ]);
  const clientShare = ke1.subarray(64);
  const secret = scalar(hex(inputs.server_private_key));
  const shared = Buffer.concat([
    multiply(clientShare, share.secret), multiply(clientShare, secret), multiply(clientPublic, share.secret),
  ]);
  const preamble = preambleOf(hex(inputs.context), clientPublic, ke1, serverPublic, response);
  const keys = keysOf3dh(shared, preamble);
  const serverMac = mac(keys.serverMac, sha512(preamble));
  return {
    ke2: Buffer.concat([response, serverMac]),
    expected: mac(keys.clientMac, sha512(preamble, serverMac)),
    sessionKey: keys.sessionKey,
  };
}

/** Every output that follows from the inputs, by the names of the vectors. */
async function replay({ inputs, stretching }) {
  const password = hex(inputs.password);
  const registration = startRegistration(password, scalar(hex(inputs.blind_registration)));
  const response = answerRegistration(inputs, registration.request);
  const record = await finishRegistration(registration.secret, response, stretching, hex(inputs.envelope_nonce));
  const login = startLogin(password, scalar(hex(inputs.blind_login)), hex(inputs.client_keyshare_seed), hex(inputs.client_nonce));
  const answer = answerLogin(inputs, record.upload, login.ke1);
  const context = inputs.exporter === null ? hex(inputs.context) : contextOf(hex(inputs.exporter));
  const proof = await finishLogin(login.secret, answer.ke2, stretching, context);
  return {
    registration_request: registration.request,
    registration_response: response,
    registration_upload: record.upload,
    KE1: login.ke1,
    KE2: answer.ke2,
    KE3: proof.ke3,
    export_key: proof.exportKey,
    session_key: proof.sessionKey,
    theServersOwn: { KE3: answer.expected, session_key: answer.sessionKey, export_key: record.exportKey },
  };
}

/** Compares every output, and both sides with each other. */
export async function checkOpaque(root, disagree) {
  let checks = 0;
  for (const [file, vector] of vectorsIn(root, 'opaque')) {
    try {
      const got = await replay(vector);
      for (const [name, expected] of [...Object.entries(vector.outputs), ...Object.entries(got.theServersOwn)]) {
        checks++;
        const output = got[name].toString('hex');
        const wanted = typeof expected === 'string' ? expected : expected.toString('hex');
        if (output !== wanted) disagree(`opaque/${file}`, `${name}: ${output.slice(0, 24)}… instead of ${wanted.slice(0, 24)}…`);
      }
    } catch (e) {
      disagree(`opaque/${file}`, `${e}`);
    }
  }
  return checks;
}

/** What each file of `refused/` tries, from the values of opaque/login.json; each throws GiveUp when it has to be given up. */
const tries = {
  'registration.json': ({ inputs, stretching }, { response }) => {
    const { secret } = startRegistration(hex(inputs.password), scalar(hex(inputs.blind_registration)));
    return finishRegistration(secret, hex(response), stretching);
  },
  'stretching.json': (_, { stretching }) => opaqueParts.judgeStretching(stretching),
  'login.json': answered,
  'record.json': answered,
  'identity.json': answered,
};

function answered({ inputs, stretching }, { exporter, ke2 }) {
  const { secret } = startLogin(
    hex(inputs.password), scalar(hex(inputs.blind_login)), hex(inputs.client_keyshare_seed), hex(inputs.client_nonce),
  );
  return finishLogin(secret, hex(ke2), stretching, contextOf(hex(exporter)));
}

/** Every case is given up; and, so that this shows something, what is good is not. */
export async function checkRefused(root, disagree) {
  const login = readVector(join(root, 'opaque'), 'login.json');
  const { inputs, outputs } = login;
  const good = {
    'login.json': [{ shows: 'the good answer', exporter: inputs.exporter, ke2: outputs.KE2 }],
    'registration.json': [{ shows: 'the good response', response: outputs.registration_response }],
  };
  let checks = 0;
  for (const [file, vector] of vectorsIn(root, 'refused')) {
    const taken = vector.taken ?? good[file] ?? [];
    for (const one of [...vector.cases, ...taken]) {
      checks++;
      let came = 'taken';
      try {
        await tries[file](login, one);
      } catch (e) {
        came = e instanceof GiveUp ? 'given up' : `${e}`;
      }
      if (came !== (taken.includes(one) ? 'taken' : 'given up')) disagree(`refused/${file}`, `${one.shows} ${came}`);
    }
  }
  return checks;
}
