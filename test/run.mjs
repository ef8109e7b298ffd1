#!/usr/bin/env node
// `npm test`: prepares the machine, runs the suites one after the other and adds them up.
//   npm test                             everything
//   npm test -- unit incus               these suites
//   npm test -- test/unit/base/log.test.ts    files, by a part of their path
//   npm test -- --yes                    sudo may be used without asking
// Plain JavaScript for Node 20: it runs in a fresh clone, before `npm ci`.
import { failuresAtEnd } from './host/failures.mjs';
import { prepare } from './host/prepare.mjs';
import { PrepareError } from './host/shell.mjs';
import { interruption, runSuite } from './host/suite-runner.mjs';
import { choose, suites } from './host/suites.mjs';

/** Ends with the line that says how it went; a machine that cannot be prepared is a failure too. */
async function main() {
  const words = process.argv.slice(2);
  const yes = words.includes('--yes');
  const chosen = choose(words.filter(word => !word.startsWith('--')));
  if ('unknown' in chosen) {
    const names = suites.map(suite => suite.name).join(', ');
    throw new PrepareError(`No suite and no test file: ${chosen.unknown.join(', ')}. Suites: ${names}.`);
  }
  await prepare(
    chosen.flatMap(entry => entry.suite.needs),
    { yes },
  );
  const results = [];
  for (const { suite, files } of chosen) if (!interruption.signal) results.push(await runSuite(suite, files));
  for (const { name, told } of results) if (told?.length) console.log(`\nFailed in ${name}:\n${failuresAtEnd(told)}`);
  console.log('\nSuite            passed  failed  skipped  seconds');
  for (const result of results) {
    const { name, passed, failed, skipped, seconds } = result;
    const cells = [
      `${passed}`.padStart(7),
      `${failed}`.padStart(7),
      `${skipped}`.padStart(8),
      seconds.toFixed(1).padStart(8),
    ];
    console.log(`${name.padEnd(15)} ${cells.join(' ')}${result.note ? `  ${result.note}` : ''}`);
  }
  const sum = key => results.reduce((total, result) => total + result[key], 0);
  return { passed: sum('passed'), failed: sum('failed'), skipped: sum('skipped') };
}

try {
  const { passed, failed, skipped } = await main();
  // Most of what talks to Incus makes users, bridges and pools.
  const half = skipped > 0 && process.getuid?.() !== 0;
  if (half) console.log(`${skipped} tests were left out, since they need root. On a throw-away machine: sudo npm test`);
  console.log(`${passed} passed, ${failed} failed`);
  process.exitCode = failed > 0 || passed === 0 || half ? 1 : 0;
} catch (error) {
  console.error(error instanceof PrepareError ? error.message : error);
  console.log('0 passed, 1 failed');
  process.exitCode = 1;
}
