// The image that slots are opened from, built by the product's own builder.
import { askBackend } from './backend-client.mjs';
import { aliases, imageStep } from './images.mjs';
import { incus, query } from './incus-cli.mjs';
import { PrepareError } from './shell.mjs';

const alias = 'coi-default';

const present = () => query(`/1.0/images/aliases/${alias}`) !== undefined;

let reachable;

/** Whether the image server that builds start from by default can be reached from here. Asked once. */
function serverReachable() {
  if (!query('/1.0')) return false; // Incus is not there to ask yet
  reachable ??= canShow('images:debian/13');
  return reachable;
}

function canShow(image) {
  try {
    incus(['image', 'info', image], { timeout: 20_000 });
    return true;
  } catch (error) {
    if (error instanceof PrepareError) return false;
    throw error;
  }
}

/** Where no image server is reached, the base comes from the distribution's packages. @returns {import('./plan.mjs').Step} */
export function baseStep() {
  const step = imageStep('base');
  return {
    ...step,
    title: `${step.title} from the distribution's packages, unless an image server can be reached`,
    missing: () => !present() && !serverReachable() && step.missing(),
  };
}

/** @returns {import('./plan.mjs').Step} */
export function defaultImageStep() {
  return {
    title: `build the default image ${alias} (some minutes, once)`,
    missing: () => !present(),
    make: async () => {
      await askBackend('image/build', serverReachable() ? { alias } : { alias, base: aliases.base });
    },
  };
}
