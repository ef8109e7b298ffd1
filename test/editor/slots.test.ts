import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withEditor } from './lib/editor.ts';
import { makeProject, makeWorkspace, rowName, slotSettings } from './lib/incus.ts';
import { until } from './lib/wait.ts';

test('a click opens a slot, a reload finds its terminal again, closing it leaves the agent at work', async t => {
  const project = makeProject(t);
  const folder = makeWorkspace(t);
  const settings = slotSettings(project, { 'terminal.integrated.enablePersistentSessions': true });
  await withEditor(t, { folder, settings }, async ({ workbench, terminals, shot, page }) => {
    await workbench.showSidebar('Incus Agents');
    await workbench.welcomeButton('Open Slot').first().waitFor();
    await shot('1-welcome');
    await workbench.viewAction('Open Slot');
    const [container = ''] = await project.names(1);
    await workbench.treeItem(rowName(1)).waitFor();
    await until('a prompt', async () => /\$ ?$/.test(await terminals.text()), 30_000);
    await terminals.type('echo "answer $((6*7))"');
    await terminals.waitFor('answer 42');
    await until('the same inside', () => project.screen(container).includes('answer 42'));
    await shot('2-open');

    await workbench.treeItem(rowName(1)).click();
    assert.equal(await terminals.all().count(), 1);
    assert.equal(project.clients(container), 1);

    await workbench.reload();
    await terminals.waitFor('answer 42');
    await workbench.showSidebar('Incus Agents');
    await workbench.treeItem(rowName(1)).click();
    await until('one client', () => project.clients(container) === 1);
    assert.equal(await terminals.all().count(), 1);
    await shot('3-reloaded');
    await page.waitForTimeout(100);
  });
});
