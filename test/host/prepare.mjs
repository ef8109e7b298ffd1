// Prepares a machine for what is asked, and nothing beyond it.
import { nodeStep, packagesStep } from './node.mjs';
import { carryOut } from './plan.mjs';

/**
 * @param {Set<'sources' | 'incus' | 'editor'>} needs
 * @param {{yes?: boolean}} [options]
 */
export async function prepare(_needs, options) {
  await carryOut([nodeStep(), packagesStep()], options);
}
