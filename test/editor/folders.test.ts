import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { withEditor } from './lib/editor.ts';
import { makeProject, makeWorkspace, slotSettings } from './lib/incus.ts';
import { newestOnly } from './lib/server.ts';
import { Slots } from './lib/slots.ts';
import { stepsOf } from './lib/steps.ts';
import { FIRST, until } from './lib/wait.ts';

test('a window on two folders', newestOnly, async t => {
  const project = makeProject(t);
  const [one, two] = [makeWorkspace(t, 'one'), makeWorkspace(t, 'two')];
  const folder = join(dirname(one), 'both.code-workspace');
  writeFileSync(folder, JSON.stringify({ folders: [{ path: one }, { path: two }] }));
  await withEditor(t, { folder, settings: slotSettings(project) }, async editor => {
    const { workbench, page, shot } = editor;
    const slots = new Slots(editor, project);
    const step = stepsOf(t, editor);
    const workspaceOf = (container: string) =>
      project.run('config', 'device', 'get', container, 'workspace', 'source').trim();
    const rows = async () =>
      (await workbench.sidebar().getByRole('treeitem').all()).map(row => row.getAttribute('aria-label'));

    await step('"+" asks for the folder', async () => {
      await slots.show();
      await workbench.welcomeButton('Open Slot').first().waitFor({ timeout: FIRST });
      await workbench.viewAction('Open Slot');
      await workbench.quickPickItem(/^one/).waitFor();
      await shot('1-which');
      await workbench.pick(/^two/);
      const [container = ''] = await project.names(1);
      await slots.prompt(container);
      assert.equal(workspaceOf(container), two);
    });

    await step('"+" of a folder does not', async () => {
      await workbench.inlineAction(slots.workspace(one), 'Open Slot');
      const containers = await project.names(2);
      const container = containers.find(name => workspaceOf(name) === one) ?? '';
      await slots.prompt(container);
    });

    await step('slots are below their folder, in the order of the window', async () => {
      const expected = ['Workspace one, 1 slot', 'Slot 1, shell', 'Workspace two, 1 slot', 'Slot 1, shell'];
      await until('the rows', async () => {
        const labels = await Promise.all(await rows());
        return labels.length === 4 && expected.every((start, at) => labels[at]?.startsWith(start));
      });
      await shot('2-two');
    });

    await step('a command of the palette asks for the folder', async () => {
      await workbench.choose('Incus Agents: Show Configuration', /^one/);
      await page.getByRole('tab', { name: /^Configuration of one/ }).waitFor();
    });

    await step('a folder that leaves the window takes its slots to the others', async () => {
      writeFileSync(folder, JSON.stringify({ folders: [{ path: one }] }));
      await workbench.treeItem(/^Other workspaces/).waitFor();
      await workbench.treeItem(/^Workspace two/).waitFor({ state: 'detached' });
    });

    await step('an agent that failed is seen on the closed group, and started again from its row', async () => {
      const container = [...project.containers().keys()].find(name => workspaceOf(name) === two) ?? '';
      const others = workbench.treeItem(/^Other workspaces/);
      assert.equal(await workbench.mark(others), '');
      project.tmux(container, 'send-keys', '-t', `=coi-${container}:`, 'exit 3', 'Enter');
      await until('the mark of the group', async () => (await workbench.mark(others)) !== '');
      await shot('3-one');
      await others.click();
      const opened = page.context().waitForEvent('page');
      await workbench.inlineAction(workbench.treeItem(/^Workspace two/), 'Open Folder in New Window');
      const other = await opened;
      await until('the folder in its own window', () => new URL(other.url()).searchParams.get('folder') === two);
      await other.close();
      const row = workbench.treeItem(/^Slot 1, shell, failed/);
      await row.waitFor();
      await shot('4-failed');
      await workbench.inlineAction(row, 'Start Agent');
      await slots.prompt(container);
      await until('no mark', async () => (await workbench.mark(others)) === '');
      await slots.noToasts();
      await shot('5-started');
    });

    await step('what a folder says for itself counts as soon as it changes', async () => {
      mkdirSync(join(one, '.vscode'), { recursive: true });
      const told = workbench.notification(/incusAgents\.agent must be/);
      // The editor may not yet watch the file when it is made.
      let attempts = 0;
      await until('the backend to be told', async () => {
        const settings = { 'incusAgents.agent': `No Agent ${attempts}` };
        if (attempts++ % 50 === 0) writeFileSync(join(one, '.vscode/settings.json'), JSON.stringify(settings));
        return (await told.count()) > 0;
      });
      await shot('6-told');
    });
  });
});
