#!/usr/bin/env node
// The command line: `vectors`, `mistakes`, `converse` and `life`. Exit codes: 0 done, 1 a disagreement or a failure, 2 usage.

import { forTerminal } from './src/texts.js';

const USAGE = `usage: main.js vectors FOLDER
       main.js mistakes FOLDER
       main.js converse FOLDER HOST PORT CA.pem ADMIN_PORT OPERATOR.pem OPERATOR.key
       main.js life HOST PORT JOIN_STRING_OR_PIN [--store FILE] [--stay | --return]`;

const commands = {
  async vectors(folder) {
    const { checkVectors } = await import('./src/check-vectors.js');
    let failed = false;
    for (const { name, checks, disagreements } of await checkVectors(folder)) {
      console.log(`${name}: ${checks} checks, ${disagreements.length} disagreements`);
      for (const line of disagreements) console.log(`  ${forTerminal(line)}`);
      failed ||= disagreements.length > 0;
    }
    return failed ? 1 : 0;
  },
  async mistakes(folder) {
    const { makeMistakes } = await import('./src/mistakes.js');
    const { count, unnoticed } = await makeMistakes(folder);
    for (const name of unnoticed) console.log(`not noticed: ${name}`);
    console.log(`${count} mistakes, ${unnoticed.length === 0 ? 'each noticed' : `${unnoticed.length} not noticed`}`);
    return unnoticed.length === 0 ? 0 : 1;
  },
  async converse(...args) {
    const { converse } = await import('./src/converse.js');
    return converse(...args);
  },
  async life(...args) {
    const { life } = await import('./src/life.js');
    return life(...args);
  },
};
const least = { vectors: 1, mistakes: 1, converse: 7, life: 3 };

const [command, ...args] = process.argv.slice(2);
if (!Object.hasOwn(commands, command ?? '') || args.length < least[command]) {
  console.error(USAGE);
  process.exitCode = 2;
} else {
  try {
    process.exitCode = await commands[command](...args);
  } catch (e) {
    console.error(forTerminal(`${e.name}: ${e.message}`));
    process.exitCode = 1;
  }
}
