import { join } from 'node:path';
import { Serial } from '../base/serial.ts';
import { ApprovalsFile } from './approvals-file.ts';
import { bundles, fingerprint } from './coi-store.ts';
import type { TrustAnswer, TrustRequest } from './types.ts';

/**
 * What the user has approved: in coi's own `~/.coi/trust.toml` what coi knows, so that each accepts what was approved in
 * the other, and in `~/.coi/incus-agents.toml` the rest. Approvals are pinned to what was asked, and asked again when it changes: of
 * what coi knows all that one file asks for, of the rest each thing for itself, since what is asked for depends on the profile and the launch.
 */
export class TrustStore {
  readonly #coi: ApprovalsFile;
  readonly #own: ApprovalsFile;
  readonly #serial = new Serial();

  /** `home` is the home directory of the user whose approvals they are. */
  constructor(home: string) {
    this.#coi = new ApprovalsFile(join(home, '.coi', 'trust.toml'));
    this.#own = new ApprovalsFile(join(home, '.coi', 'incus-agents.toml'));
  }

  /** Sorts what a workspace asks for into approved and pending. Fails with `config` when a store is broken. */
  async check<T extends TrustRequest>(workspace: string, items: readonly T[]): Promise<TrustAnswer<T>> {
    const answer: TrustAnswer<T> = { pending: [], approved: [] };
    if (items.length === 0) return answer;
    const [coi, own] = await Promise.all([this.#coi.read(), this.#own.read()]);
    for (const bundle of bundles(items))
      (coi.get(bundle.source) === bundle.fingerprint ? answer.approved : answer.pending).push(...bundle.items);
    for (const item of items.filter(item => !item.coi))
      (own.get(ownName(workspace, item)) === fingerprint([item.line]) ? answer.approved : answer.pending).push(item);
    return answer;
  }

  /**
   * Approves what was shown to the user. `items` must be everything that the workspace asks for, as it was shown: an
   * approval covers all that a file asks for, and nothing that it asked for earlier; only coi's of a file that asks for nothing of its kinds
   * now stays, as coi lets it. Fails with `config` when a store is broken.
   */
  async approve(workspace: string, items: readonly TrustRequest[]): Promise<void> {
    await this.#change(true, approvals => {
      for (const bundle of bundles(items)) approvals.set(bundle.source, bundle.fingerprint);
    });
    await this.#change(false, approvals => {
      removeOwn(approvals, workspace);
      for (const item of items) if (!item.coi) approvals.set(ownName(workspace, item), fingerprint([item.line]));
    });
  }

  /**
   * Takes every approval of a workspace back, also of what it does not ask for at the moment: its files are an agent's to write, and would
   * get with the next line what they had lost. `items` is what it asks for now, which files outside of it may do too. Fails with `config`
   * when a store is broken.
   */
  async revoke(workspace: string, items: readonly TrustRequest[] = []): Promise<void> {
    const sources = new Set(items.map(item => item.source));
    await this.#change(true, approvals => {
      for (const path of [...approvals.keys()])
        if (sources.has(path) || isOwnFile(path, workspace)) approvals.delete(path);
    });
    await this.#change(false, approvals => removeOwn(approvals, workspace));
  }

  #change(coi: boolean, apply: (approvals: Map<string, string>) => void): Promise<void> {
    const file = coi ? this.#coi : this.#own;
    return this.#serial.run(file.path, () => file.change(apply));
  }
}

/** Our own approvals hold for one workspace: a profile of the user's can be used in several. */
function ownName(workspace: string, { source, line }: TrustRequest): string {
  return `${workspace}\n${source}\n${line}`;
}

/** Removes all of our own approvals of a workspace. */
function removeOwn(approvals: Map<string, string>, workspace: string): void {
  for (const name of [...approvals.keys()]) if (name.startsWith(`${workspace}\n`)) approvals.delete(name);
}

/** Whether a file is configuration of the workspace itself, and not of a workspace within it. */
function isOwnFile(path: string, workspace: string): boolean {
  const root = workspace.replace(/\/$/, '');
  return path === `${root}/.coi.toml` || path.startsWith(`${root}/.coi/`);
}
