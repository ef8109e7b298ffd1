// A plan: steps that know whether they are needed. It is shown and agreed to before anything is done.
import { createInterface } from 'node:readline/promises';
import { isRoot, PrepareError, permission, tryRun, which } from './shell.mjs';

/**
 * @typedef {object} Step
 * @property {string | (() => string)} title what it will do, for the list that the user agrees to
 * @property {boolean} [root] it needs root
 * @property {() => boolean} missing whether there is anything to do. May say yes too early, when an earlier step decides
 * @property {() => void | Promise<void>} make
 */

const title = step => (typeof step.title === 'function' ? step.title() : step.title);

/**
 * Does what is missing, in order. Each step is asked again right before its turn: an earlier one may have done it.
 * @param {Step[]} steps
 * @param {{yes?: boolean}} [options] yes: no questions
 */
export async function carryOut(steps, { yes = false } = {}) {
  const needed = steps.filter(step => step.missing());
  if (needed.length === 0) return;
  console.log('This machine still needs:');
  for (const step of needed) console.log(`  - ${title(step)}${step.root && !isRoot ? ' (with sudo)' : ''}`);
  if (needed.some(step => step.root)) await agree(yes);
  for (const step of needed) {
    if (!step.missing()) continue;
    const began = performance.now();
    console.log(`… ${title(step)}`);
    await step.make();
    if (step.missing()) throw new PrepareError(`"${title(step)}" was carried out, but its result is not there.`);
    console.log(`  done in ${((performance.now() - began) / 1000).toFixed(1)} s`);
  }
}

/** Returns if root may be used; throws with the next step if it may not. */
async function agree(yes) {
  if (isRoot) return;
  if (!which('sudo'))
    throw new PrepareError('Root is needed for this, and there is no sudo. Run the same command as root.');
  const asks = process.stdin.isTTY && process.stdout.isTTY;
  if (!yes && !asks) {
    throw new PrepareError(
      'Root is needed for this, and nobody can be asked here. Run it again with `-- --yes` to allow sudo.',
    );
  }
  if (!yes && !(await confirmed('Go on, using sudo where it says so? [y/N] ')))
    throw new PrepareError('Nothing was changed.');
  const sudo = tryRun(asks ? ['sudo', '-v'] : ['sudo', '-n', 'true'], { stdio: ['inherit', 'inherit', 'pipe'] });
  if (!sudo.ok)
    throw new PrepareError(`sudo refused: ${sudo.stderr.trim() || 'no permission'}. Run the same command as root.`);
  permission.sudo = true;
}

async function confirmed(question) {
  const prompt = createInterface({ input: process.stdin, output: process.stdout });
  try {
    return /^y(es)?$/i.test((await prompt.question(question)).trim());
  } finally {
    prompt.close();
  }
}
