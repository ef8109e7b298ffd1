#!/usr/bin/env node
// `npm run package`: builds the extension and packs it as NAME-VERSION.vsix in the root of the clone.
// vsce needs a newer Node than the one that npm may run under. Everything is bundled, so no node_modules travel along.
import { node24Environment, nodeStep, packagesStep } from './node.mjs';
import { root, vsixPath } from './paths.mjs';
import { carryOut } from './plan.mjs';
import { PrepareError, run } from './shell.mjs';

/** Builds and packs; a warning of vsce is a failure. Returns the path of the package. */
export function makePackage() {
  const environment = node24Environment();
  const env = { ...environment, PATH: `${root}/node_modules/.bin:${environment.PATH}` };
  run(['npm', 'run', 'build'], { cwd: root, env });
  const flags = ['--no-dependencies', '--allow-missing-repository', '--out', vsixPath()];
  const done = run(['sh', '-c', 'exec "$@" 2>&1', 'sh', 'vsce', 'package', ...flags], { cwd: root, env });
  const warnings = done.split('\n').filter(line => /warning/i.test(line));
  if (warnings.length > 0) throw new PrepareError(`vsce warns:\n${done}`);
  return vsixPath();
}

if (import.meta.filename === process.argv[1] || process.argv[1]?.endsWith('test/host/package.mjs')) {
  try {
    await carryOut([nodeStep(), packagesStep()]);
    console.log(makePackage());
  } catch (error) {
    console.error(error instanceof PrepareError ? error.message : error);
    process.exitCode = 1;
  }
}
