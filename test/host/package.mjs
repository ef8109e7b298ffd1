#!/usr/bin/env node
// `npm run package`: builds the extension and packs it as NAME-VERSION.vsix in the root of the clone.
// vsce needs a newer Node than the one that npm may run under. Everything is bundled, so no node_modules travel along.
import { existsSync, readdirSync, realpathSync, statSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { node24Environment, nodeStep, packagesStep } from './node.mjs';
import { root, vsixPath } from './paths.mjs';
import { carryOut } from './plan.mjs';
import { PrepareError, run } from './shell.mjs';

/** Builds and packs; a warning of vsce is a failure. Returns the path of the package. */
export function makePackage() {
  const environment = node24Environment();
  const env = { ...environment, PATH: `${root}/node_modules/.bin:${environment.PATH}` };
  run(['npm', 'run', 'build'], { cwd: root, env });
  // There is no repository to lead the README's relative links to: they stay as they are.
  const repository = ['--allow-missing-repository', '--no-rewrite-relative-links'];
  const flags = ['--no-dependencies', ...repository, '--out', vsixPath()];
  const done = run(['sh', '-c', 'exec "$@" 2>&1', 'sh', 'vsce', 'package', ...flags], { cwd: root, env });
  const warnings = done.split('\n').filter(line => /warning/i.test(line));
  if (warnings.length > 0) throw new PrepareError(`vsce warns:\n${done}`);
  return vsixPath();
}

/** Packs if a source is newer than the package. @returns {import('./plan.mjs').Step} */
export function packageStep() {
  return {
    title: 'build and pack the extension',
    missing: () => !existsSync(vsixPath()) || statSync(vsixPath()).mtimeMs < newestSource(),
    make: () => {
      makePackage();
    },
  };
}

/** When anything that goes into the package was changed last. */
function newestSource() {
  const inFolders = ['extension', 'server', 'media'].flatMap(folder =>
    readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' }).map(file => path.join(folder, file)),
  );
  const inRoot = readdirSync(root).filter(file => /\.(json|md)$|^LICENSE$/.test(file));
  return Math.max(...[...inFolders, ...inRoot].map(file => statSync(path.join(root, file)).mtimeMs));
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  try {
    await carryOut([nodeStep(), packagesStep()]);
    console.log(makePackage());
  } catch (error) {
    console.error(error instanceof PrepareError ? error.message : error);
    process.exitCode = 1;
  }
}
