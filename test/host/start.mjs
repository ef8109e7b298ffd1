#!/usr/bin/env node
// `npm start`: prepares this machine and opens VS Code in a browser, with the extension on an example project.
//   npm start                   the example
//   npm start -- FOLDER         another project
//   npm start -- --yes          sudo may be used without asking
// Plain JavaScript for Node 20: it runs in a fresh clone, before `npm ci`.
import path from 'node:path';
import { defaultImageStep } from './default-image.mjs';
import { exampleProject } from './example.mjs';
import { openInBrowser, serveEditor } from './live-editor.mjs';
import { packageStep } from './package.mjs';
import { carryOut } from './plan.mjs';
import { prepare } from './prepare.mjs';
import { PrepareError } from './shell.mjs';

async function main() {
  const words = process.argv.slice(2);
  const yes = words.includes('--yes');
  const named = words.find(word => !word.startsWith('--'));
  await prepare(['sources', 'incus', 'default-base', 'vscode'], { yes });
  await carryOut([packageStep(), defaultImageStep()], { yes });
  const folder = named ? path.resolve(process.env.INIT_CWD ?? '.', named) : exampleProject();
  const { url, ended } = await serveEditor(folder);
  console.log(`\nVS Code with Incus Agents on ${folder}:\n\n    ${url}\n`);
  console.log(
    'Press "+" in the Incus Agents sidebar. It is served on this machine only (from elsewhere: ssh -L), to every',
  );
  console.log('login of this machine, until you press Ctrl+C here. Agents run on after that.');
  openInBrowser(url);
  process.exitCode = await ended;
}

try {
  await main();
} catch (error) {
  console.error(error instanceof PrepareError ? error.message : error);
  process.exitCode = 1;
}
