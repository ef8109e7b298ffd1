import { Failure } from '../base/errors.ts';
import type { TrustRequest } from '../trust/types.ts';
import type { ClientSession } from './context.ts';

/** What each client was last shown of what a workspace asks for, so that nothing else is approved by its yes. */
export class ShownRequests {
  readonly #clients = new WeakMap<ClientSession, Map<string, string>>();

  note(client: ClientSession, workspace: string, requests: readonly TrustRequest[]): void {
    const shown = this.#clients.get(client) ?? new Map<string, string>();
    this.#clients.set(client, shown.set(workspace, pinned(requests)));
  }

  /**
   * Fails with `conflict` when the workspace asks for something else than this client was shown: its files are an agent's to
   * write. A client that never asked to be shown anything means what is there now.
   */
  require(client: ClientSession, workspace: string, requests: readonly TrustRequest[]): void {
    const shown = this.#clients.get(client)?.get(workspace);
    if (shown === undefined || shown === pinned(requests)) return;
    throw new Failure('conflict', `What ${workspace} asks for has changed since it was shown.`, {
      hint: 'Look at it again, then approve it.',
    });
  }
}

function pinned(requests: readonly TrustRequest[]): string {
  return JSON.stringify(requests.map(({ source, line }) => [source, line]).sort());
}
