import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withEditor } from './lib/editor.ts';

test('the packaged extension activates and shows its sidebar', t =>
  withEditor(t, {}, async ({ workbench, page, shot }) => {
    await page.getByRole('treeitem', { name: 'hello.txt' }).waitFor();
    await workbench.showSidebar('Incus Agents');
    await workbench.sidebar().getByRole('heading', { name: 'Incus Agents' }).first().waitFor();
    await shot('sidebar');
    const running = await workbench.runningExtensions();
    const ours = running.find(text => text.includes('Incus Agents'));
    assert.match(ours ?? '', /Activation: \d+ms/);
  }));
