import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { loadConfig } from '../../../server/config/load.ts';
import type { ConfigSources, EffectiveConfig } from '../../../server/config/types.ts';
import type { ConfigProblem } from '../../../server/protocol/types.ts';

/** A home, a workspace and a machine directory of one test. */
export class Desk {
  readonly root: string;
  readonly home: string;
  readonly workspace: string;
  readonly systemDir: string;

  constructor(root: string) {
    this.root = root;
    this.home = join(root, 'home');
    this.workspace = join(root, 'work');
    this.systemDir = join(root, 'etc');
  }

  /** Writes a file below the root of the test; gives its path. */
  async file(path: string, text: string | Buffer): Promise<string> {
    const whole = join(this.root, path);
    await mkdir(dirname(whole), { recursive: true });
    await writeFile(whole, text);
    return whole;
  }

  /** The user's own configuration. */
  user(text: string): Promise<string> {
    return this.file('home/.coi/config.toml', text);
  }

  /** The project's configuration. */
  project(text: string): Promise<string> {
    return this.file('work/.coi/config.toml', text);
  }

  /** A profile of the user's, or with `work` in front of the project's. */
  profile(name: string, text: string, whose: 'home' | 'work' = 'home'): Promise<string> {
    return this.file(`${whose}/.coi/profiles/${name}/config.toml`, text);
  }

  load(more: Partial<ConfigSources> = {}): Promise<EffectiveConfig> {
    const { home, workspace, systemDir } = this;
    return loadConfig({ home, workspace, systemDir, settings: {}, ...more });
  }
}

/** A desk that is taken away after the test. */
export async function desk(t: TestContext): Promise<Desk> {
  const root = await realpath(await mkdtemp(join(tmpdir(), 'incus-agents-config-')));
  t.after(() => rm(root, { recursive: true, force: true }));
  const made = new Desk(root);
  for (const path of [made.home, made.workspace, made.systemDir]) await mkdir(path, { recursive: true });
  return made;
}

/** Problems as lines: `severity line:column message`. */
export function lines(problems: readonly ConfigProblem[]): string[] {
  return problems.map(({ severity, line, column, message }) => `${severity} ${line}:${column} ${message}`);
}
