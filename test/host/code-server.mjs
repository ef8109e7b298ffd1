// VS Code with a browser as its window: code-server from npm, installed once per version into the cache.
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { nodeStep } from './node.mjs';
import { codeServerFolder, nodeFolder, vsCode } from './paths.mjs';
import { run } from './shell.mjs';

/** Packages of the host that building its two native modules takes. */
export const codeServerPackages = ['git', 'g++', 'make', 'python3', 'ca-certificates'];

// Its own install script refuses other Nodes and builds for a minute and a half; these are its steps without the modules
// that VS Code runs well without (sqlite3, kerberos). The others come with ready binaries, except these two: spdlog
// writes the log files, native-watchdog ends the extension host when the server dies.
const nativeModules = ['@vscode/spdlog', '@vscode/native-watchdog', 'native-watchdog'];

/**
 * The Node that it is made for, and it.
 * @param {'newest' | 'oldest'} which
 * @returns {import('./plan.mjs').Step[]}
 */
export function codeServerSteps(which) {
  const { version, node } = vsCode[which];
  const folder = codeServerFolder(which);
  const done = path.join(folder, '.done');
  const stamp = `code-server ${version}, node ${node}\n`;
  const step = {
    title: `install code-server ${version} (VS Code in a browser) from npm`,
    missing: () => !existsSync(done) || readFileSync(done, 'utf8') !== stamp,
    make: () => {
      rmSync(folder, { recursive: true, force: true });
      install(folder, version, environmentOf(nodeFolder(node)));
      writeFileSync(done, stamp);
    },
  };
  return [nodeStep(node), step];
}

function install(folder, version, env) {
  const npm = (cwd, ...args) => run(['npm', ...args], { cwd, env });
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, 'package.json'), '{"private":true}\n');
  npm(folder, 'install', '--ignore-scripts', '--no-save', `code-server@${version}`);
  const vscode = path.join(folder, 'node_modules/code-server/lib/vscode');
  withPackagedWatcher(vscode);
  npm(vscode, 'install', '--omit=dev', '--ignore-scripts');
  link('code-linux.sh', path.join(vscode, 'bin/remote-cli/code-server'));
  link('browser-linux.sh', path.join(vscode, 'bin/helpers/browser.sh'));
  npm(path.join(vscode, 'extensions'), 'install', '--omit=dev', '--ignore-scripts');
  run(['node', 'postinstall.mjs'], { cwd: path.join(vscode, 'extensions'), env });
  npm(vscode, 'rebuild', ...nativeModules.filter(name => existsSync(path.join(vscode, 'node_modules', name))));
  linkRipgrep(vscode);
  // Where a release carries no ready binaries of its own for these, they are built.
  if (!existsSync(path.join(folder, 'node_modules/argon2/prebuilds'))) npm(folder, 'rebuild', 'argon2');
  const pty = path.join(vscode, `node_modules/node-pty/prebuilds/linux-${process.arch}/pty.node`);
  if (!existsSync(pty)) npm(vscode, 'rebuild', 'node-pty');
}

/**
 * VS Code 1.105 asks for @parcel/watcher from a git repository, which cannot be had where only npm's registry is
 * reached. The release on npm that it is a branch of does the same, and carries its binaries.
 */
function withPackagedWatcher(vscode) {
  const manifest = path.join(vscode, 'package.json');
  const wanted = JSON.parse(readFileSync(manifest, 'utf8'));
  if (!wanted.dependencies['@parcel/watcher']?.includes('#')) return;
  wanted.dependencies['@parcel/watcher'] = '2.5.1';
  writeFileSync(manifest, JSON.stringify(wanted, null, 2));
  const lockFile = path.join(vscode, 'npm-shrinkwrap.json');
  const lock = JSON.parse(readFileSync(lockFile, 'utf8'));
  lock.packages[''].dependencies['@parcel/watcher'] = '2.5.1';
  for (const name of Object.keys(lock.packages)) {
    if (name.startsWith('node_modules/@parcel/watcher')) delete lock.packages[name]; // npm resolves it anew
  }
  writeFileSync(lockFile, JSON.stringify(lock, null, 2));
}

/** Older versions download ripgrep when they are installed; searching in files is not what we open VS Code for. */
function linkRipgrep(vscode) {
  const folder = path.join(vscode, 'node_modules/@vscode/ripgrep');
  if (!existsSync(folder) || existsSync(path.join(folder, 'bin/rg'))) return;
  mkdirSync(path.join(folder, 'bin'), { recursive: true });
  link('/usr/bin/rg', path.join(folder, 'bin/rg'));
}

function link(target, file) {
  rmSync(file, { force: true });
  symlinkSync(target, file);
}

/** The headers for native modules must be those of the Node that runs them. */
function environmentOf(node) {
  const clean = Object.entries(process.env).filter(
    ([key]) => !/^npm_(package|lifecycle|config_local_prefix)/.test(key),
  );
  return {
    ...Object.fromEntries(clean),
    PATH: `${path.join(node, 'bin')}:${process.env.PATH}`,
    npm_config_nodedir: node,
    npm_config_yes: 'true',
    npm_config_loglevel: 'error',
    npm_config_audit: 'false',
    npm_config_fund: 'false',
    JOBS: 'max',
  };
}
