// A browser for the tests of the editor.
import { existsSync, readFileSync, readlinkSync } from 'node:fs';
import path from 'node:path';
import { distribution, missingPackages } from './apt.mjs';
import { node24Environment } from './node.mjs';
import { root } from './paths.mjs';
import { asRoot, run, tryRun, which } from './shell.mjs';

const names = ['chromium', 'google-chrome', 'google-chrome-stable', 'chromium-browser', 'microsoft-edge'];

/**
 * The program of a Chromium that can be driven: one that is installed, else the one that Playwright fetched.
 * A snap cannot be (it sees no folder of ours), and Ubuntu's package is only a door to it.
 */
export function chromium() {
  const installed = names.map(which).find(program => program && !isSnap(program));
  return installed ?? fetched();
}

function isSnap(program) {
  try {
    if (readlinkSync(program).endsWith('/snap')) return true;
  } catch {
    // not a link: look inside
  }
  const head = readFileSync(program).subarray(0, 4096).toString('latin1');
  return head.startsWith('#!') && head.includes('snap');
}

function fetched() {
  const ask = 'import { chromium } from "playwright-core"; process.stdout.write(chromium.executablePath());';
  const done = tryRun(['node', '--input-type=module', '-e', ask], { cwd: root, env: node24Environment() });
  return done.ok && existsSync(done.stdout) ? done.stdout : undefined;
}

/** Packages of the distribution for the browser: Debian has Chromium itself. */
export function chromiumPackages() {
  const browser = chromium() === undefined && distribution().id === 'debian' ? ['chromium'] : [];
  return [...browser, 'fonts-dejavu-core'];
}

/** Where the distribution has none (Ubuntu), the one that Playwright publishes. @returns {import('./plan.mjs').Step} */
export function chromiumStep() {
  return {
    title: "fetch Playwright's Chromium and the libraries it needs",
    root: true,
    missing: () => chromium() === undefined && !missingPackages(chromiumPackages()).includes('chromium'),
    make: () => {
      const cli = path.join(root, 'node_modules/playwright-core/cli.js');
      const env = node24Environment();
      run(asRoot(['env', `PATH=${env.PATH}`, 'node', cli, 'install-deps', 'chromium']), { env });
      run(['node', cli, 'install', 'chromium'], { env });
    },
  };
}
