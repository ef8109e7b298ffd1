// Packages of the distribution. Mirrors are never named here: they come from the machine's own sources.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { asRoot, PrepareError, run, tryRun, which } from './shell.mjs';

/** The distribution, from /etc/os-release. */
export function distribution() {
  const text = existsSync('/etc/os-release') ? readFileSync('/etc/os-release', 'utf8') : '';
  const value = key => new RegExp(`^${key}="?([^"\\n]*)"?$`, 'm').exec(text)?.[1] ?? '';
  return { id: value('ID'), name: value('PRETTY_NAME'), codename: value('VERSION_CODENAME') };
}

/** Throws where the packages of Debian or Ubuntu cannot be had. */
export function requireApt() {
  if (process.platform !== 'linux') {
    throw new PrepareError(
      'Incus runs on Linux. On macOS or Windows run this in a Linux machine (WSL2, or over Remote-SSH).',
    );
  }
  if (which('apt-get') && which('dpkg-query')) return;
  throw new PrepareError(
    'This prepares Debian and Ubuntu machines only. CONTRIBUTING.md lists what to install elsewhere.',
  );
}

/** Those of the packages that are not installed. */
export function missingPackages(names) {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the placeholders are dpkg's
  const shown = tryRun(['dpkg-query', '-W', '-f', '${Package} ${db:Status-Status}\n', ...names]).stdout;
  const installed = new Set(
    shown
      .split('\n')
      .filter(line => line.endsWith(' installed'))
      .map(line => line.split(' ')[0]),
  );
  return names.filter(name => !installed.has(name));
}

/**
 * A step that installs what is missing of the named packages.
 * @param {() => string[]} names asked again each time: what is needed can depend on what is there
 * @returns {import('./plan.mjs').Step}
 */
export function aptStep(names) {
  return {
    title: () => `install packages of the distribution: ${missingPackages(names()).join(' ')}`,
    root: true,
    missing: () => missingPackages(names()).length > 0,
    make: () => install(missingPackages(names())),
  };
}

const lock = ['-o', 'DPkg::Lock::Timeout=300'];

function install(names) {
  apt('update', '-qq');
  const suite = backportsOf(names);
  const from = suite ? ['-t', suite] : [];
  apt('install', '-y', '-qq', '--no-install-recommends', ...from, ...names);
}

function apt(...args) {
  run(asRoot(['env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', ...lock, ...args]));
}

/** The backports suite if Incus is only there (Debian 12), added to the machine's sources if it is not in them. */
function backportsOf(names) {
  if (!names.includes('incus-base')) return undefined;
  const { codename, name } = distribution();
  const suite = `${codename}-backports`;
  if (codename === 'bookworm') {
    if (!suites().some(entry => entry.suite === suite)) addSuite(suite);
    return suite;
  }
  if (/Candidate: (?!\(none\))/.test(run(['apt-cache', 'policy', 'incus-base']))) return undefined;
  const hint =
    'It is in Debian 12 and newer and in Ubuntu 24.04 and newer; elsewhere install Incus yourself and run this again.';
  throw new PrepareError(`${name} has no package of Incus. ${hint}`);
}

/** The sources of packages, as apt itself reads them: one entry per address, suite and component. */
function suites() {
  const format = '$(REPO_URI)|$(RELEASE)|$(COMPONENT)';
  const lines = run(['apt-get', 'indextargets', '--format', format, 'Created-By: Packages']).split('\n');
  return [...new Set(lines)].filter(Boolean).map(line => {
    const [uri = '', suite = '', component = ''] = line.split('|');
    return { uri, suite, component };
  });
}

/** Where the distribution's own release comes from on this machine. */
function mirrorEntry() {
  const { codename, name } = distribution();
  const found = suites().find(
    entry => [codename, 'stable', 'testing'].includes(entry.suite) && entry.component === 'main',
  );
  if (found) return found;
  throw new PrepareError(
    `apt has no source for ${name} (${codename}). Check /etc/apt/sources.list and /etc/apt/sources.list.d.`,
  );
}

/** The address that the distribution's own release comes from, for other programs than apt. */
export function mirror() {
  return plainAddress(mirrorEntry().uri);
}

/** A "mirror+file:" list, which only apt of this machine understands, stands for its first entry. */
function plainAddress(uri) {
  const list = /^mirror\+file:(\/.*?)\/?$/.exec(uri)?.[1];
  if (!list) return uri;
  const first = readFileSync(list, 'utf8')
    .split('\n')
    .find(line => /^https?:/.test(line));
  if (!first) throw new PrepareError(`${list} names no mirror that starts with http.`);
  return first.split(/\s/)[0] ?? first;
}

/** The text of a sources.list for a container of the same release: its release, updates and security. */
export function releaseSources() {
  const { codename, id } = distribution();
  const wanted = ['', '-updates', '-security'].map(ending => `${codename}${ending}`);
  const components = id === 'ubuntu' ? ['main', 'universe'] : ['main'];
  const entries = suites().filter(entry => wanted.includes(entry.suite) && components.includes(entry.component));
  const lines = entries.map(({ uri, suite, component }) => `deb ${plainAddress(uri)} ${suite} ${component}\n`);
  return [...new Set(lines)].join('');
}

/** Installs another suite of the same mirror as a source of its own. */
function addSuite(suite) {
  const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';
  const signed = existsSync(keyring) ? `Signed-By: ${keyring}\n` : '';
  const text = `Types: deb\nURIs: ${mirrorEntry().uri}\nSuites: ${suite}\nComponents: main\n${signed}`;
  const draft = path.join(tmpdir(), `${suite}-${process.pid}.sources`);
  writeFileSync(draft, text, { mode: 0o644 });
  run(asRoot(['install', '-m', '644', draft, `/etc/apt/sources.list.d/${suite}.sources`]));
  run(['rm', '-f', draft]);
  apt('update', '-qq');
}
