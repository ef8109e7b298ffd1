import type { SlotOpenParams } from '../../../server/protocol/methods.ts';
import { startBackend } from '../../support/backend.ts';
import { type Project, testImage } from './incus.ts';
import type { Server } from './server.ts';

/** Opens slots as another client of the same user does, with a backend of its own, and goes away. Gives their containers. */
export async function openOutside(
  server: Server,
  project: Project,
  slots: readonly SlotOpenParams[],
  settings: Readonly<Record<string, unknown>> = {},
): Promise<string[]> {
  const backend = await startBackend({
    args: ['--incus-project', project.name],
    env: { HOME: server.folders.home },
    workspaces: slots.map(slot => ({ path: slot.workspace, trusted: true })),
    settings: { image: testImage(), agent: 'shell', ...settings },
  });
  try {
    const opened = await Promise.all(slots.map(slot => backend.call('slot/open', slot)));
    const containers = opened.map(({ container }) => container);
    // Until nothing is under way any more: what a backend leaves half done, the next one undoes.
    for (const container of containers) await backend.when(container, slot => slot?.status === 'running');
    return containers;
  } finally {
    await backend.end();
  }
}
