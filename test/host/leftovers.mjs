// What tests left on the machine. Every test removes what it made; the runner holds that.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { query } from './incus-cli.mjs';
import { isRoot, tryRun } from './shell.mjs';

/** What is there, by kind; a kind that could not be looked at is not in it. @typedef {Map<string, Set<string>>} Inventory */

/** Milliseconds that what goes by itself (a network card after its container, what others have under way) has for it. */
const patience = 60_000;

/**
 * Where hooks of the product keep notes by the name of a container, and what else is there: what all of them use, which the last slot takes
 * away or nobody, and answers to a backend, which the next question takes away.
 */
const notes = ['/run/incus-agents', '/var/lib/incus-agents'];
const kept = /^\/run\/incus-agents\/(lock$|work\/|network\/([^/]*_)?incus-agents-net-)|\/protect\/(empty|none)(\/|$)/;

/** Made by the kernel when it loads their module, and by `ip netns` when it is first used. */
const ofModules = /^ifb[01]$/;
const ofPrograms = /^\/(proc|sys|dev)\/|^\/run\/netns$/;

/** VS Code, and Node in it, keep these for all windows. */
const ofEditor = /^(vscode-typescript\d+|node-compile-cache)$/;

/**
 * Looks at everything that tests make, or only at what is theirs in any case.
 * @param {string} folder the temporary folder of the tests
 * @param {boolean} [everything]
 * @returns {Inventory}
 */
export function look(folder, everything = true) {
  const found = {
    ...(everything ? onMachine(folder) : {}),
    'temporary file': entries(folder).flatMap(name => (ofEditor.test(name) ? [] : [path.join(folder, name)])),
    process: processes(folder),
  };
  const present = Object.entries(found).flatMap(([kind, names]) => (names ? [[kind, new Set(names)]] : []));
  return new Map(/** @type {[string, Set<string>][]} */ (present));
}

/** What belongs to an instance that is there is not listed besides it, and slots of other folders are their users'. */
function onMachine(folder) {
  const instances = query('/1.0/instances?recursion=1&all-projects=true');
  const owners = new Set(instances?.map(hostName));
  const cards = new Set(instances?.flatMap(cardsOf));
  const owned = part => owners.has(part.replace(/^incus-agents-/, '')); // our tables have a prefix
  const free = names => names?.filter(name => !name.split(/[/. ]/).some(owned));
  return {
    instance: instances?.filter(one => workspaceOf(one)?.startsWith(folder) !== false).map(hostName),
    ...inIncus(),
    'network interface': entries('/sys/class/net').filter(name => !cards.has(name) && !ofModules.test(name)),
    'network namespace': entries('/run/netns'),
    'rules of nft': free(rules()),
    note: free(notes.flatMap(files).filter(file => !kept.test(file))),
    mount: free(mounts().filter(point => !ofPrograms.test(point))),
    'control group': free(controlGroups()),
    'user or group': ['/etc/passwd', '/etc/group', '/etc/subuid', '/etc/subgid'].flatMap(accounts),
  };
}

/**
 * What is there now and was not there before, in a few words each, and stays there. What appears meanwhile is not of these tests.
 * @param {Inventory} before
 * @param {string} folder
 * @param {number} [wait] milliseconds
 * @returns {Promise<string[]>}
 */
export async function leftSince(before, folder, wait = patience) {
  const everything = before.has('network interface');
  let left = added(before, look(folder, everything));
  const end = Date.now() + wait;
  while (left.length > 0 && Date.now() < end) {
    await sleep(500);
    const now = new Set(added(before, look(folder, everything)));
    left = left.filter(name => now.has(name));
  }
  return left;
}

/** Only what is the tests' own in any case. @param {Inventory} inventory @returns {Inventory} */
export function ofTests(inventory) {
  return new Map([...inventory].filter(([kind]) => kind === 'temporary file' || kind === 'process'));
}

/** Whether tests run on this machine that keep nothing in this folder. @param {string} folder */
export function otherTests(folder) {
  return entries('/proc').some(pid => {
    try {
      const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      return words.includes('--test') && !readFileSync(`/proc/${pid}/environ`, 'utf8').includes(folder);
    } catch {
      return false; // no process, ended meanwhile, or another user's
    }
  });
}

/** @param {Inventory} before @param {Inventory} after */
export function added(before, after) {
  return [...after].flatMap(([kind, names]) => {
    const known = before.get(kind);
    return known ? [...names].filter(name => !known.has(name)).map(name => `${kind} ${name}`) : [];
  });
}

/** An instance's name in paths of the host. */
function hostName({ name, project }) {
  return project === 'default' ? name : `${project}_${name}`;
}

/** The folder that an instance is a slot of, or coi's container for. */
function workspaceOf({ config, devices }) {
  return config['user.incus-agents.workspace'] ?? devices.workspace?.source;
}

/** The host's ends of the cables of an instance that runs. */
function cardsOf({ config }) {
  return Object.keys(config).flatMap(key => (/^volatile\..*\.host_name$/.test(key) ? [config[key]] : []));
}

/** Kinds that Incus lists, each in all projects. */
function inIncus() {
  const all = kind => query(`/1.0/${kind}?all-projects=true`)?.map(nameIn);
  const images = query('/1.0/images?recursion=1&all-projects=true');
  const pools = query('/1.0/storage-pools')?.map(nameIn);
  return {
    project: query('/1.0/projects')?.map(nameIn),
    'network ACL': all('network-acls'),
    profile: all('profiles'),
    image: images?.map(({ fingerprint, project }) => `${fingerprint} of ${project}`),
    'alias of an image': images?.flatMap(({ aliases, project }) => aliases.map(({ name }) => `${name} of ${project}`)),
    'storage pool': pools,
    volume: pools?.flatMap(pool => all(`storage-pools/${pool}/volumes/custom`)?.map(name => `${pool}/${name}`) ?? []),
  };
}

/** `/1.0/profiles/x?project=y` → `x?project=y`. */
function nameIn(url) {
  return decodeURIComponent(url.slice(url.lastIndexOf('/') + 1));
}

/** Tables, and the chains in those that are not ours: Incus has one table with chains for each network. */
function rules() {
  if (!isRoot) return undefined;
  const done = tryRun(['nft', '--json', 'list', 'chains']);
  if (!done.ok) return undefined;
  const listed = JSON.parse(done.stdout).nftables.flatMap(({ chain }) => (chain ? [chain] : []));
  return listed.map(({ family, table, name }) =>
    table.startsWith('incus-agents-') ? `${family} ${table}` : `${family} ${table} ${name}`,
  );
}

function mounts() {
  const lines = readFileSync('/proc/self/mountinfo', 'utf8').trim().split('\n');
  return lines.map(line => line.split(' ')[4]);
}

function controlGroups() {
  const roots = ['/sys/fs/cgroup', ...entries('/sys/fs/cgroup').map(name => `/sys/fs/cgroup/${name}`)];
  const names = roots.flatMap(entries).filter(name => /^lxc\.(monitor|payload)\./.test(name));
  return [...new Set(names)];
}

function accounts(file) {
  const lines = existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : [];
  const whole = file.startsWith('/etc/sub');
  return lines.map(line => `${whole ? line : line.split(':')[0]} in ${file}`);
}

/** Processes that know the folder by their arguments or their environment, as all do that tests start. */
function processes(folder) {
  return entries('/proc').flatMap(pid => {
    if (!/^\d+$/.test(pid)) return [];
    try {
      const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      if (!`${line}\0${readFileSync(`/proc/${pid}/environ`, 'utf8')}`.includes(folder)) return [];
      return [`${pid} ${line.replaceAll('\0', ' ').trim().slice(0, 120)}`];
    } catch {
      return []; // ended meanwhile, or another user's
    }
  });
}

function entries(folder) {
  try {
    return readdirSync(folder);
  } catch {
    return []; // absent, or not a folder
  }
}

/** Files below a folder, wherever. */
function files(folder) {
  try {
    return readdirSync(folder, { withFileTypes: true }).flatMap(entry => {
      const place = path.join(folder, entry.name);
      return entry.isDirectory() ? files(place) : [place];
    });
  } catch {
    return []; // absent, or not for us
  }
}
