import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import type { SlotOpenParams } from '../../../server/protocol/methods.ts';
import { startBackend } from '../../support/backend.ts';
import { type Project, testImage } from './incus.ts';

/** How slots are opened that no window has opened. */
export interface Outside {
  settings?: Readonly<Record<string, unknown>>;
  /** Files of the home of whoever opens them, from paths below it to texts. */
  files?: Readonly<Record<string, string>>;
}

/** Opens slots as another client does, and goes away. Gives their containers. */
export async function openOutside(
  t: TestContext,
  project: Project,
  slots: readonly SlotOpenParams[],
  { settings, files = {} }: Outside = {},
): Promise<string[]> {
  const home = mkdtempSync(join(tmpdir(), 'home-'));
  t.after(() => rmSync(home, { recursive: true, force: true }));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(home, path)), { recursive: true });
    writeFileSync(join(home, path), text);
  }
  const backend = await startBackend({
    args: ['--incus-project', project.name],
    env: { HOME: home },
    workspaces: slots.map(slot => ({ path: slot.workspace, trusted: true })),
    settings: { image: testImage(), agent: 'shell', ...settings },
  });
  try {
    const opened = await Promise.all(slots.map(slot => backend.call('slot/open', slot)));
    return opened.map(({ container }) => container);
  } finally {
    await backend.end();
  }
}
