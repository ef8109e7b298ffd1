import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chownSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { removeSoon } from './remove.ts';
import { until } from './wait.ts';

/** An image with tmux, a `code` user and the agents, however this machine calls it. */
export function testImage(): string {
  return imageNamed(process.env.INCUS_AGENTS_TEST_IMAGE, ['incus-agents-test', 'test-agents']);
}

/** A plain distribution, to build images from without the network of image servers. */
export function baseImage(): string {
  return imageNamed(process.env.INCUS_AGENTS_BASE_IMAGE, ['incus-agents-base']);
}

function imageNamed(named: string | undefined, usual: readonly string[]): string {
  if (named) return named;
  const aliases = incus('image', 'list', '--format=csv', '--columns=L').split('\n');
  const found = usual.find(alias => aliases.some(line => line.includes(alias)));
  if (found === undefined) throw new Error(`There is no image ${usual[0]}: run npm test, which prepares one`);
  return found;
}

/** The fingerprint of the image that an alias names. */
export function fingerprintOf(alias: string): string {
  const fingerprint = /^Fingerprint: (\w+)$/m.exec(incus('image', 'info', alias))?.[1];
  if (fingerprint === undefined) throw new Error(`${alias} is no image`);
  return fingerprint;
}

/** Runs the command line of Incus: the other program beside ours. Returns its stdout; a failure throws. */
export function incus(...args: string[]): string {
  for (let left = 20; ; left -= 1) {
    try {
      return execFileSync('incus', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], maxBuffer: 64 << 20 });
    } catch (error) {
      if (left === 0 || !(error instanceof Error) || !PASSING.test(error.message)) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
    }
  }
}

/**
 * On a busy machine Incus sometimes loses sight of a program before it has begun. Its command line reads a configuration, changes it and
 * writes it back, and gives up where the backend or Incus noted something in between.
 */
const PASSING = /Failed to retrieve PID of executing child process|ETag doesn't match|Precondition Failed/i;

/** An Incus project of one scenario: what other tests and users have on this machine is not in it. */
export class Project {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }

  /** `incus <args>` in this project. */
  run(...args: string[]): string {
    return incus('--project', this.name, ...args);
  }

  /** Names and states of the slots' containers: "coi-12345678-1" → "RUNNING". */
  containers(): Map<string, string> {
    return new Map([...this.instances()].filter(([name]) => name.startsWith('coi-')));
  }

  /** Those of all, also of the helpers that the backend makes for a moment. */
  instances(): Map<string, string> {
    const lines = this.run('list', '--format=csv', '--columns=ns').split('\n').filter(Boolean);
    return new Map(lines.map(line => [line.split(',')[0] ?? '', line.split(',')[1] ?? '']));
  }

  /** Waits until there are that many containers and returns their names in order. */
  async names(count: number): Promise<string[]> {
    return until(`${count} containers`, () => {
      const names = [...this.containers().keys()].sort();
      return names.length === count && names;
    });
  }

  /** Runs a program as the agents' user in a container; returns its stdout. */
  exec(container: string, ...argv: string[]): string {
    const user = ['--user', '1000', '--group', '1000', '--cwd', '/', '--env', 'HOME=/home/code'];
    return this.run('exec', container, ...user, '-T', '--', ...argv);
  }

  /** tmux as it runs inside, on the agent's own server. */
  tmux(container: string, ...args: string[]): string {
    return this.exec(container, 'env', 'TMUX_TMPDIR=/home/code/.incus-agents/tmux', 'tmux', ...args);
  }

  /** What the agent's terminal shows, read from inside. */
  screen(container: string): string {
    return this.tmux(container, 'capture-pane', '-p', '-t', `=coi-${container}:`).trimEnd();
  }

  /** How many terminals look at the agent. */
  clients(container: string): number {
    return this.tmux(container, 'list-clients', '-t', `=coi-${container}`).split('\n').filter(Boolean).length;
  }
}

/** Makes a project that shares images, profiles and networks with the default one, and removes it with all that is in it. */
export function makeProject(t: TestContext): Project {
  const project = new Project(`ia-editor-${randomBytes(4).toString('hex')}`);
  const shared = ['images', 'profiles', 'networks', 'storage.volumes', 'storage.buckets'];
  incus('project', 'create', project.name, ...shared.flatMap(what => ['-c', `features.${what}=false`]));
  t.after(() => removeProject(project));
  return project;
}

async function removeProject(project: Project): Promise<void> {
  await until('the project to be removed', () => {
    // A test that failed may have left the key that forbids this.
    for (const name of project.instances().keys())
      for (const act of [
        ['config', 'unset', name, 'security.protection.delete'],
        ['delete', '-f', name],
      ])
        spawnSync('incus', ['--project', project.name, ...act]);
    incus('project', 'delete', project.name);
    return true;
  });
}

/** The ordinary user that owns workspaces here; the number is what counts, no account is needed. */
export const owner = { name: 'owner', uid: 1000, gid: 1000 };

/** A folder for agents to work on, owned by an ordinary user, with a file to link to. Removed at the end. */
export function makeWorkspace(t: TestContext, name = 'project', uid = owner.uid): string {
  const folder = join(mkdtempSync(join(tmpdir(), 'ws-')), name);
  mkdirSync(join(folder, 'src'), { recursive: true });
  writeFileSync(join(folder, 'hello.txt'), 'hello\n');
  writeFileSync(join(folder, 'src/a.ts'), 'export const first = 1;\n\nexport const third = 3;\n');
  for (const path of ['..', '.', 'src', 'hello.txt', 'src/a.ts']) chownSync(join(folder, path), uid, uid);
  t.after(() => removeSoon(dirname(folder)));
  return folder;
}

/** The settings of a user whose slots run a shell in a project of their own. */
export function slotSettings(project: Project, more: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return {
    'incusAgents.agent': 'shell',
    'incusAgents.image': testImage(),
    'incusAgents.incusProject': project.name,
    'incusAgents.stopTimeout': 10,
    ...more,
  };
}

/** The name of a slot's row in the tree. */
export function rowName(slot: number): RegExp {
  return new RegExp(`^Slot ${slot}\\b`);
}

/** The name of a workspace's row. */
export function workspaceName(folder: string): RegExp {
  return new RegExp(`^Workspace ${basename(folder)}\\b`);
}
