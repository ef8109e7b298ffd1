// VS Code for a person: code-server on the loopback, as the user who started it, with the extension as it is now.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { homedir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { node24Environment } from './node.mjs';
import { codeServerCommand, vsixPath } from './paths.mjs';
import { PrepareError, run, which } from './shell.mjs';

const settings = {
  'telemetry.telemetryLevel': 'off',
  'workbench.startupEditor': 'readme',
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
  'chat.disableAIFeatures': true,
};

// Ours for this purpose alone: the person's own editors keep their settings and extensions.
const home = path.join(process.env.XDG_DATA_HOME || path.join(homedir(), '.local/share'), 'incus-agents/editor');

// A browser remembers windows by address, so the port stays the same where it is free.
const usualPort = 8391;

/**
 * Installs the extension and serves VS Code until somebody stops it.
 * @param {string} folder
 */
export async function serveEditor(folder) {
  const command = makeHome();
  const env = environment();
  run([...command, '--install-extension', vsixPath(), '--force'], { env });
  const port = (await isFree(usualPort)) ? usualPort : 0;
  const flags = ['--auth=none', '--disable-telemetry', '--disable-update-check', '--disable-workspace-trust'];
  const [file, ...args] = [...command, ...flags, '--disable-getting-started-override', `--bind-addr=127.0.0.1:${port}`];
  const child = spawn(file, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
  // Ctrl+C reaches the child as well: it ends first, and then we do, with its exit code.
  process.on('SIGINT', () => undefined);
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  const ended = new Promise(resolve => child.once('exit', code => resolve(code ?? 0)));
  const address = await Promise.race([addressOf(child), ended.then(neverListened)]);
  const url = new URL(address);
  url.searchParams.set('folder', folder);
  return { url: url.href, ended };
}

function makeHome() {
  const [data, extensions, config] = ['data', 'extensions', 'config.yaml'].map(name => path.join(home, name));
  mkdirSync(path.join(data, 'User'), { recursive: true, mode: 0o700 });
  mkdirSync(extensions, { recursive: true });
  writeFileSync(config, 'auth: none\n');
  const file = path.join(data, 'User/settings.json');
  if (!existsSync(file)) writeFileSync(file, `${JSON.stringify(settings, null, 2)}\n`);
  const places = ['--config', config, '--user-data-dir', data, '--extensions-dir', extensions];
  return [...codeServerCommand('newest'), ...places];
}

/** As in the person's own shell, without what npm adds. */
function environment() {
  const added = /^(npm_|INIT_CWD|VSCODE_|CODE_SERVER_|ELECTRON_|PASSWORD|HASHED_PASSWORD|PORT$|INCUS_AGENTS_)/;
  return Object.fromEntries(Object.entries(node24Environment()).filter(([key]) => !added.test(key)));
}

function isFree(port) {
  return new Promise(resolve => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}

function addressOf(child) {
  return new Promise(resolve => {
    createInterface({ input: child.stdout }).on('line', line => {
      const address = /HTTP server listening on (http:\S+)/.exec(line)?.[1];
      if (address) resolve(address);
    });
  });
}

function neverListened(code) {
  throw new PrepareError(`code-server ended with ${code}. What it said is above.`);
}

/** Opens the address where there is a desktop; elsewhere the person has read it. */
export function openInBrowser(url) {
  const desktop = process.env.DISPLAY || process.env.WAYLAND_DISPLAY;
  const opener = which('xdg-open');
  if (!desktop || !opener) return;
  spawn(opener, [url], { stdio: 'ignore', detached: true })
    .on('error', () => undefined)
    .unref();
}
