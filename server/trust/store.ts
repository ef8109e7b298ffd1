import { join } from 'node:path';
import { Serial } from '../base/serial.ts';
import { ApprovalsFile } from './approvals-file.ts';
import { bundles } from './coi-store.ts';
import type { TrustAnswer, TrustRequest } from './types.ts';

/**
 * What the user has approved: in coi's own `~/.coi/trust.toml` what coi knows, so that each accepts what was approved in
 * the other, and in `~/.coi/incus-agents.toml` the rest. Approvals are pinned to what was asked, and asked again when it changes.
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
    for (const bundle of bundles(items)) {
      const kept = bundle.coi ? coi.get(bundle.source) : own.get(ownName(workspace, bundle.source));
      (kept === bundle.fingerprint ? answer.approved : answer.pending).push(...bundle.items);
    }
    return answer;
  }

  /**
   * Approves what was shown to the user. `items` must be everything that the workspace asks for, as it was shown: an
   * approval covers all that one file asks for. Fails with `config` when a store is broken.
   */
  async approve(workspace: string, items: readonly TrustRequest[]): Promise<void> {
    const asked = bundles(items);
    await this.#change(true, approvals => {
      for (const { coi, source, fingerprint } of asked) if (coi) approvals.set(source, fingerprint);
    });
    await this.#change(false, approvals => {
      for (const { coi, source, fingerprint } of asked)
        if (!coi) approvals.set(ownName(workspace, source), fingerprint);
    });
  }

  /** Takes approvals back: of these items' files, and all of our own for the workspace when no items are named. */
  async revoke(workspace: string, items?: readonly TrustRequest[]): Promise<void> {
    const sources = new Set(items?.map(item => item.source));
    await this.#change(true, approvals => {
      for (const path of [...approvals.keys()])
        if (items === undefined ? isBelow(path, workspace) : sources.has(path)) approvals.delete(path);
    });
    await this.#change(false, approvals => {
      for (const name of [...approvals.keys()])
        if (items === undefined ? isOf(name, workspace) : [...sources].some(path => name === ownName(workspace, path)))
          approvals.delete(name);
    });
  }

  #change(coi: boolean, apply: (approvals: Map<string, string>) => void): Promise<void> {
    const file = coi ? this.#coi : this.#own;
    return this.#serial.run(file.path, () => file.change(apply));
  }
}

/** Our own approvals hold for one workspace: a profile of the user's can be used in several. */
function ownName(workspace: string, source: string): string {
  return `${workspace}\n${source}`;
}

function isOf(name: string, workspace: string): boolean {
  return name.startsWith(`${workspace}\n`);
}

function isBelow(path: string, workspace: string): boolean {
  return path.startsWith(`${workspace.replace(/\/$/, '')}/`);
}
