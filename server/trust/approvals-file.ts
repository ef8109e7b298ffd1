import { lstat, realpath } from 'node:fs/promises';
import { parse, stringify } from 'smol-toml';
import { Failure, messageOf } from '../base/errors.ts';
import { readUntrusted, writeFileAtomic } from '../base/files.ts';

const LIMIT = 4 * 1024 * 1024;
const HASH = /^[0-9a-f]{64}$/;

type Table = Record<string, unknown>;

/** A TOML file with a table `[approvals]` of path → SHA-256. Whatever else is in it stays. */
export class ApprovalsFile {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  /** The approvals; a missing file has none. Fails with `config` when the file is broken. */
  async read(): Promise<Map<string, string>> {
    return approvalsOf(await this.#load());
  }

  /** Changes the approvals and writes the file as a whole, readable by its owner only. */
  async change(apply: (approvals: Map<string, string>) => void): Promise<void> {
    const table = await this.#load();
    const before = approvalsOf(table);
    const after = new Map(before);
    apply(after);
    if (sameMap(before, after)) return;
    const rest = Object.entries(isTable(table.approvals) ? table.approvals : {}).filter(([path]) => !before.has(path));
    const approvals = Object.fromEntries([...rest, ...[...after].sort(([one], [other]) => (one < other ? -1 : 1))]);
    await writeFileAtomic(await this.#target(), stringify({ ...table, approvals }), 0o600);
  }

  async #load(): Promise<Table> {
    const bytes = await readUntrusted(await this.#target(), LIMIT);
    if (bytes === undefined) return {};
    try {
      return parse(bytes.toString('utf8'));
    } catch (error) {
      throw new Failure('config', `The approvals in ${this.path} cannot be read: ${messageOf(error)}`, {
        hint: 'Correct or delete the file. Without it everything that projects ask for is asked again.',
        cause: error,
      });
    }
  }

  /** People keep ~/.coi in repositories, by links; the link stays, and what it names is replaced. */
  async #target(): Promise<string> {
    try {
      return (await lstat(this.path)).isSymbolicLink() ? await realpath(this.path) : this.path;
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return this.path;
      throw new Failure('config', `${this.path} cannot be reached: ${messageOf(error)}`, { cause: error });
    }
  }
}

function approvalsOf(table: Table): Map<string, string> {
  const { approvals } = table;
  if (!isTable(approvals)) return new Map();
  return new Map(
    Object.entries(approvals).filter(
      (entry): entry is [string, string] => typeof entry[1] === 'string' && HASH.test(entry[1]),
    ),
  );
}

function sameMap(one: ReadonlyMap<string, string>, other: ReadonlyMap<string, string>): boolean {
  return one.size === other.size && [...one].every(([path, hash]) => other.get(path) === hash);
}

function isTable(value: unknown): value is Table {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
