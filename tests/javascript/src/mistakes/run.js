// Runs every mutation against the vectors and says which ones nothing notices. Stretching is done once for each input.

import { checkVectors } from '../src/check-vectors.js';
import { opaqueParts } from '../src/opaque.js';
import { spelled } from '../src/values.js';
import { byHand, inTables } from './mutations.js';

export async function runMutations(root) {
  const real = opaqueParts.argon2id;
  const known = new Map();
  opaqueParts.argon2id = async (message, cost, salt) => {
    const key = `${Buffer.from(message).toString('hex')} ${spelled(cost)} ${spelled(salt)}`;
    if (!known.has(key)) known.set(key, await real(message, cost, salt));
    return known.get(key);
  };
  const results = [];
  try {
    for (const mutation of [...byHand, ...inTables()]) {
      const undo = mutation.apply();
      let disagreements;
      try {
        disagreements = (await checkVectors(root, mutation.folders)).flatMap((r) => r.disagreements);
      } finally {
        undo();
      }
      results.push({ name: mutation.name, equal: mutation.equal, by: disagreements.map((d) => d.split(':')[0]) });
    }
  } finally {
    opaqueParts.argon2id = real;
  }
  return results;
}
