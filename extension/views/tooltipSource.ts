import type { CancellationToken } from 'vscode';
import type { SlotUsage } from '../../server/protocol/methods.ts';
import type { Slot } from '../../server/protocol/types.ts';
import type { BackendApi } from '../model/backendApi.ts';
import type { Disposable } from '../model/emitter.ts';
import type { Model } from '../model/model.ts';
import { slotName } from './names.ts';
import type { Node } from './node.ts';
import { rowOf } from './row.ts';
import { escapeMarkdown } from './text.ts';
import { type CpuReading, sessionTooltip, slotTooltip } from './tooltips.ts';

/** Makes tooltips when they are shown, asking the backend for what has no event: usage. */
export class Tooltips {
  private readonly model: Model;
  private readonly backend: BackendApi;
  private readonly readings = new Map<string, CpuReading>();
  private readonly subscription: Disposable;

  constructor(model: Model, backend: BackendApi) {
    this.model = model;
    this.backend = backend;
    // The next container of that name begins anew.
    this.subscription = model.onDidChange(({ slots }) => {
      for (const container of slots) if (model.slot(container) === undefined) this.readings.delete(container);
    });
  }

  dispose(): void {
    this.subscription.dispose();
  }

  /** Markdown for a row, every value escaped; `undefined` when there is nothing to say. */
  async of(node: Node, token: CancellationToken): Promise<string | undefined> {
    if (node.kind === 'slot') return this.ofSlot(node.container, token);
    if (node.kind === 'session') {
      const session = this.model.session(node.session);
      return session && sessionTooltip(session, Date.now());
    }
    if (node.kind === 'workspace') return escapeMarkdown(node.workspace);
    const row = rowOf(this.model, node, Date.now());
    return escapeMarkdown([row.label, row.description].filter(part => part).join(': '));
  }

  private async ofSlot(container: string, token: CancellationToken): Promise<string | undefined> {
    const slot = this.model.slot(container);
    if (slot === undefined) return undefined;
    const before = this.readings.get(container);
    const usage = await this.usage(slot, token);
    const now = Date.now();
    if (usage !== undefined) this.readings.set(container, { cpuSeconds: usage.cpuSeconds, at: now });
    const title = slot.session === undefined ? undefined : this.model.session(slot.session)?.title;
    return slotTooltip(slot, slotName(this.model, slot), now, usage, before, title);
  }

  /** A tooltip without usage is better than none, so a failure here is not one of the tooltip. */
  private async usage(slot: Slot, token: CancellationToken): Promise<SlotUsage | undefined> {
    if (slot.status !== 'running' || this.model.link.state !== 'ready') return undefined;
    const abort = new AbortController();
    const subscription = token.onCancellationRequested(() => abort.abort());
    try {
      return await this.backend.request('slot/usage', { container: slot.container }, { signal: abort.signal });
    } catch {
      return undefined;
    } finally {
      subscription.dispose();
    }
  }
}
