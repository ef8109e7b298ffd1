// Prepares a machine for what is asked, and nothing beyond it.
import { aptStep, missingPackages, requireApt } from './apt.mjs';
import { chromiumPackages, chromiumStep } from './chromium.mjs';
import { codeServerPackages, codeServerSteps } from './code-server.mjs';
import { baseStep } from './default-image.mjs';
import { imagePackages, imageStep } from './images.mjs';
import { incusPackages, incusSteps } from './incus.mjs';
import { againWithGroup } from './incus-cli.mjs';
import { nodeStep, packagesStep } from './node.mjs';
import { carryOut } from './plan.mjs';

/**
 * What can be asked for: `sources` (Node 24 and the project's packages), `incus` (a daemon that can run containers),
 * `base-image`, `default-base` (the base that building the default image takes here), `test-image`, `vscode` and `vscode-oldest` (code-server), `browser`.
 * @typedef {'sources' | 'incus' | 'base-image' | 'default-base' | 'test-image' | 'vscode' | 'vscode-oldest' | 'browser'} Need
 */

/** Packages of the distribution that a need takes. */
const packagesOf = {
  sources: () => [],
  incus: incusPackages,
  'base-image': () => imagePackages,
  'default-base': () => imagePackages,
  'test-image': () => imagePackages,
  vscode: () => codeServerPackages,
  'vscode-oldest': () => codeServerPackages,
  browser: chromiumPackages,
};

/** The other steps of a need, in an order in which they can be done. */
const stepsOf = {
  sources: () => [nodeStep(), packagesStep()],
  incus: incusSteps,
  'base-image': () => [imageStep('base')],
  'default-base': () => [baseStep()],
  'test-image': () => [imageStep('test')],
  vscode: () => codeServerSteps('newest'),
  'vscode-oldest': () => codeServerSteps('oldest'),
  browser: () => [chromiumStep()],
};

/**
 * Does what is missing; asks first if that takes sudo. If it made this login a member of Incus's group, the program
 * is run again with that group and ends here with its exit code.
 * @param {Iterable<Need>} needs
 * @param {{yes?: boolean}} [options]
 */
export async function prepare(needs, options) {
  const asked = new Set(needs);
  const order = /** @type {Need[]} */ (Object.keys(stepsOf).filter(need => asked.has(/** @type {Need} */ (need))));
  const packages = () => [...new Set(order.flatMap(need => packagesOf[need]()))];
  if (packages().length > 0) requireApt();
  await enterGroup(order);
  const apt = packages().length > 0 && missingPackages(packages()).length > 0 ? [aptStep(packages)] : [];
  await carryOut([...apt, ...order.flatMap(need => stepsOf[need]())], options);
  await enterGroup(order);
}

async function enterGroup(order) {
  if (!order.includes('incus')) return;
  const status = await againWithGroup();
  if (status !== undefined) process.exit(status);
}
