// Runs one suite and counts its tests.
import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { chromium } from './chromium.mjs';
import { failedFiles } from './failed-files.mjs';
import { failedTwice, failures } from './failures.mjs';
import { aliases } from './images.mjs';
import { leftSince, look, ofTests, otherTests } from './leftovers.mjs';
import { node24Environment } from './node.mjs';
import { cache, root } from './paths.mjs';

/** Set once somebody has ended the run: then no further suite is begun. */
export const interruption = { signal: /** @type {string | undefined} */ (undefined) };

/**
 * What a suite came to. `told` says what failed and of what, also where a second run passed.
 * @typedef {{name: string, passed: number, failed: number, skipped: number, seconds: number, note?: string, told?: string[]}} Result
 */

/**
 * A suite that crashes, hangs or runs no test has failed, whatever it printed.
 * @param {import('./suites.mjs').Suite} suite
 * @param {string[]} files
 * @returns {Promise<Result>}
 */
export async function runSuite(suite, files) {
  const began = performance.now();
  const result = counts =>
    /** @type {Result} */ ({ name: suite.name, skipped: 0, seconds: (performance.now() - began) / 1000, ...counts });
  console.log(`\n── ${suite.name}`);
  if (suite.command) {
    const end = await runProgram(suite, suite.command);
    return result(end.ok ? { passed: 1, failed: 0 } : { passed: 0, failed: 1, note: end.note });
  }
  if (files.length === 0) {
    return result(
      suite.optional ? { passed: 0, failed: 0, note: 'no tests' } : { passed: 0, failed: 1, note: 'no tests' },
    );
  }
  const folder = mkdtempSync(path.join(tmpdir(), 'incus-agents-tests-'));
  const temporary = temporaryFolder();
  try {
    const before = look(temporary, suite.needs.includes('incus')); // the others make nothing on the machine
    let alone = !otherTests(temporary);
    const counts = await runTests(
      { ...suite, environment: { ...suite.environment, TMPDIR: temporary } },
      files,
      folder,
    );
    alone &&= !otherTests(temporary);
    if (!alone && suite.needs.includes('incus'))
      console.log('\nOther tests ran beside these: whose it is that stays on the machine, nobody can tell.');
    // Who ends a run does not wait for what it leaves.
    const wait = interruption.signal ? 0 : undefined;
    return result(withLeftovers(counts, await leftSince(alone ? before : ofTests(before), temporary, wait)));
  } finally {
    remove(folder);
    remove(temporary);
  }
}

/** What resists, such as a file that stayed immutable, has been named as left over. */
function remove(folder) {
  try {
    rmSync(folder, { recursive: true, force: true });
  } catch (error) {
    console.log(`${folder} cannot be removed: ${error.message}`);
  }
}

/** Where the tests keep what is theirs, those of other users of this machine too. Short: paths of sockets have a limit. */
function temporaryFolder() {
  const folder = mkdtempSync(path.join(tmpdir(), 'ia-'));
  chmodSync(folder, 0o1777);
  return folder;
}

async function runTests(suite, files, folder) {
  const report = path.join(folder, 'report.tap');
  const end = await runProgram(suite, testCommand(suite, files, report));
  const counts = countTap(report);
  const first = { ...judge(end, counts), told: failures(textOf(report)) };
  // A run without totals was cut short: what it did not get to must not count as passed.
  const failed = counts === undefined || first.failed === 0 || end.note ? [] : failedFiles(report, files);
  return failed.length === 0 ? first : again(suite, first, failed, path.join(folder, 'again.tap'));
}

/** Each thing that is left over is a failure. */
function withLeftovers(counts, left) {
  if (left.length === 0) return counts;
  console.log(`\nLeft over after the tests:\n${left.map(name => `  ${name}`).join('\n')}`);
  const note = [counts.note, `${left.length} left over`].filter(Boolean).join('; ');
  return { ...counts, failed: counts.failed + left.length, note };
}

function testCommand(suite, files, report) {
  return [
    'node',
    '--test',
    `--test-concurrency=${suite.concurrency}`,
    `--test-timeout=${suite.testTimeout * 1000}`,
    '--test-reporter=spec',
    '--test-reporter-destination=stdout',
    '--test-reporter=tap',
    `--test-reporter-destination=${report}`,
    ...files,
  ];
}

/**
 * Files with a failure run a second time, one after the other: what fails beside others on a busy machine and passes alone is
 * told apart from what is broken. A test has failed that failed in two runs: where others failed then, those have one more. The table says
 * which files that were.
 */
async function again(suite, first, files, report, time = 'second') {
  console.log(`\n── ${suite.name}, a ${time} time alone: ${files.join(' ')}`);
  const end = await runProgram(suite, testCommand({ ...suite, concurrency: 1 }, files, report));
  const counts = countTap(report);
  const next = judge(end, counts);
  const failedThen = failures(textOf(report));
  const mended = Math.max(0, first.failed - next.failed);
  const names = files.map(file => path.basename(file, '.test.ts')).join(', ');
  const told = [...first.told, ...failedThen.map(one => `the ${time} time: ${one}`)];
  const times = `${time === 'second' ? 'twice' : 'three times'}: ${names}`;
  const note = next.note ?? [first.note, times].filter(Boolean).join('; ');
  const result = { ...first, passed: first.passed + mended, failed: next.failed, note, told };
  // A run that was cut short, or that failed of what is no test, says of none of them that it passed.
  const whole = counts !== undefined && next.note === undefined && failedThen.length > 0;
  if (!whole || time !== 'second' || failedTwice(first.told, failedThen).length > 0) return result;
  return again(suite, { ...result, told }, failedFiles(report, files), `${report}.third`, 'third');
}

function judge(end, counts) {
  if (!counts) return { passed: 0, failed: 1, note: end.note ?? 'ended without a report' };
  const bad = !end.ok || counts.passed === 0;
  const note = end.note ?? (counts.passed === 0 ? 'no test passed' : undefined);
  return { ...counts, failed: bad ? Math.max(counts.failed, 1) : counts.failed, ...(note && bad ? { note } : {}) };
}

/** The totals at the end of a TAP report: the last lines win, since a test may print the like. */
function countTap(report) {
  const text = textOf(report);
  const last = key => [...text.matchAll(new RegExp(`^# ${key} (\\d+)$`, 'gm'))].at(-1)?.[1];
  const [pass, fail, cancelled, skipped] = ['pass', 'fail', 'cancelled', 'skipped'].map(last);
  if (pass === undefined || fail === undefined) return undefined;
  return { passed: Number(pass), failed: Number(fail) + Number(cancelled ?? 0), skipped: Number(skipped ?? 0) };
}

/** Nothing where the runner died before it wrote one. */
function textOf(report) {
  return existsSync(report) ? readFileSync(report, 'utf8') : '';
}

/** What the tests learn from the preparation. */
function environmentOf(suite) {
  const environment = node24Environment();
  const browser = suite.needs.includes('browser') ? chromium() : undefined;
  return {
    ...environment,
    PATH: `${path.join(root, 'node_modules/.bin')}:${environment.PATH}`,
    // What Node makes of the sources, for every process that runs them: it goes by their text, so it is never stale.
    NODE_COMPILE_CACHE: path.join(root, 'node_modules/.cache/compiled'),
    INCUS_AGENTS_CACHE: cache,
    INCUS_AGENTS_TEST_IMAGE: aliases.test,
    INCUS_AGENTS_BASE_IMAGE: aliases.base,
    ...(browser ? { INCUS_AGENTS_CHROMIUM: browser } : {}),
    ...suite.environment,
  };
}

/**
 * Runs it under Node 24 in a process group of its own, so that the limit ends its children as well.
 * @returns {Promise<{ok: boolean, note?: string}>}
 */
function runProgram(suite, [file, ...args]) {
  const env = environmentOf(suite);
  const child = spawn(file, args, { cwd: root, env, stdio: ['ignore', 'inherit', 'inherit'], detached: true });
  const endGroup = signal => {
    try {
      process.kill(-child.pid, signal);
    } catch {
      // the group is gone already
    }
  };
  let note;
  const interrupted = signal => {
    endGroup('SIGTERM');
    note = `ended by ${signal}`;
    interruption.signal = signal;
  };
  process.once('SIGINT', interrupted).once('SIGTERM', interrupted);
  return new Promise(resolve => {
    const limit = setTimeout(() => {
      note = `ended after its limit of ${suite.limit} s`;
      endGroup('SIGKILL');
    }, suite.limit * 1000);
    child.once('error', error => resolve({ ok: false, note: error.message }));
    child.once('close', (code, signal) => {
      clearTimeout(limit);
      process.off('SIGINT', interrupted).off('SIGTERM', interrupted);
      resolve({ ok: code === 0, note: note ?? (signal ? `ended by ${signal}` : undefined) });
    });
  });
}
