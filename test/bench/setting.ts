import { execFile } from 'node:child_process';
import { chown, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { startBackend, type TestBackend } from '../support/backend.ts';

const run = promisify(execFile);
export const BUNDLE = fileURLToPath(new URL('../../dist/server.js', import.meta.url));
export const IMAGE = process.env.INCUS_AGENTS_TEST_IMAGE ?? 'incus-agents-test';

/** What every measurement works with; `end` removes it. */
export interface Setting {
  backend: TestBackend;
  workspace: string;
  home: string;
  end(): Promise<void>;
}

/** What Incus says of a container in its first moments, in which it sometimes cannot start anything. */
const TOO_EARLY = /Failed to retrieve PID of executing child process/;

/**
 * The `incus` command line; gives its standard output. A person would try again where it failed too early, and so does this, which only
 * makes it slower.
 */
export async function incus(...args: string[]): Promise<string> {
  try {
    return await once(args);
  } catch (error) {
    if (!TOO_EARLY.test(String(error))) throw error;
    return once(args);
  }
}

/** Its input is closed: `incus init` would wait for it. */
async function once(args: readonly string[]): Promise<string> {
  const running = run('incus', args, { maxBuffer: 64 * 1024 * 1024 });
  running.child.stdin?.end();
  return (await running).stdout;
}

/** A workspace of an ordinary user, and the bundled backend with a home of its own; `config` is the user's configuration file. */
export async function createSetting(config = ''): Promise<Setting> {
  const base = await mkdtemp(join(tmpdir(), 'ia-bench-'));
  const [workspace, home] = await Promise.all([mkdtemp(join(base, 'workspace-')), mkdtemp(join(base, 'home-'))]);
  if (process.getuid?.() === 0) await chown(workspace, 1000, 1000);
  await mkdir(join(home, '.coi'));
  await writeFile(join(home, '.coi', 'config.toml'), config);
  const settings = { image: IMAGE, agent: 'shell' };
  const backend = await startBackend({
    script: BUNDLE,
    env: { HOME: home },
    workspaces: [{ path: workspace, trusted: true }],
    settings,
  });
  return {
    backend,
    workspace,
    home,
    end: async () => {
      for (const slot of backend.slots.values())
        if (slot.workspace === workspace) await backend.call('slot/kill', { container: slot.container });
      await backend.end();
      await rm(base, { recursive: true, force: true });
    },
  };
}
