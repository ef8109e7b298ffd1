import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withEditor } from './lib/editor.ts';
import { makeProject, makeWorkspace, slotSettings } from './lib/incus.ts';
import { Slots } from './lib/slots.ts';
import { stepsOf } from './lib/steps.ts';
import { FIRST, until } from './lib/wait.ts';

test('one click to the agent, and back to it after a reload and a detach', async t => {
  const project = makeProject(t);
  const folder = makeWorkspace(t);
  const settings = slotSettings(project, { 'terminal.integrated.enablePersistentSessions': true });
  await withEditor(t, { folder, settings }, async editor => {
    const { workbench, terminals, shot, page } = editor;
    const slots = new Slots(editor, project);
    const step = stepsOf(t, editor);
    let container = '';

    await step('"+" opens a slot, and its terminal shows the agent inside tmux', async () => {
      await slots.show();
      await workbench.welcomeButton('Open Slot').first().waitFor({ timeout: FIRST });
      await shot('1-welcome');
      container = await slots.open(1);
      await slots.terminalHasFocus();
      await terminals.type('echo "answer $((6*7))"; touch made-inside');
      await terminals.waitFor('answer 42');
      assert.match(project.screen(container), /answer 42/);
      await shot('2-open');
    });

    await step('the status bar counts it, and a command of the palette finds it', async () => {
      const status = workbench.statusItem('incus-agents.incus-agents.incusAgents.status');
      await until('the count', async () => /1 idle/.test((await status.textContent()) ?? ''));
      await workbench.choose('Incus Agents: Show Screen', /slot 1/i);
      const tab = page.getByRole('tab', { name: /^Screen of/ });
      await tab.waitFor();
      await workbench.runCommand('View: Close Editor');
      await tab.waitFor({ state: 'detached' });
    });

    await step('a second click focuses the same terminal', async () => {
      await workbench
        .treeItem(/hello|Shell|^Slot 1,/)
        .first()
        .click();
      await slots.terminalHasFocus();
      assert.equal(await terminals.all().count(), 1);
      assert.equal(project.clients(container), 1);
    });

    await step('a reload adopts the terminal', async () => {
      await workbench.reload();
      await terminals.waitFor('answer 42');
      await slots.show();
      await slots.row(1).click();
      await slots.terminalHasFocus();
      assert.equal(await terminals.all().count(), 1);
      await until('one client', () => project.clients(container) === 1);
      await shot('3-reloaded');
    });

    await step('closing the terminal detaches, without a word, and the agent goes on', async () => {
      const pane = () => project.tmux(container, 'list-panes', '-t', `=coi-${container}:`, '-F', '#{pane_pid}');
      const before = pane();
      await terminals.type('(sleep 2; echo "went on" > later) &');
      await terminals.waitFor(/\[1\] \d+/);
      await workbench.runCommand('Terminal: Kill the Active Terminal Instance');
      await until('no terminal', async () => (await terminals.all().count()) === 0);
      await until('nobody attached', () => project.clients(container) === 0);
      await slots.noToasts();
      await until('the work to be done', () => project.exec(container, 'cat', '/workspace/later').includes('went on'));
      await slots.row(1).click();
      await terminals.waitFor('answer 42');
      await slots.terminalHasFocus();
      await terminals.type('echo "again $((6*7))"');
      await terminals.waitFor('again 42');
      assert.equal(await terminals.all().count(), 1);
      assert.equal(pane(), before);
    });

    await step('a detach from inside tmux ends the terminal with 0', async () => {
      await until('somebody attached', () => project.clients(container) === 1);
      project.tmux(container, 'detach-client', '-s', `=coi-${container}`);
      await until('no terminal', async () => (await terminals.all().count()) === 0);
      await slots.noToasts();
    });

    await step('closing the slot asks by name and deletes the container', async () => {
      await workbench.contextAction(slots.row(1), /^Close/);
      await workbench.dialog().waitFor();
      assert.match((await workbench.dialog().textContent()) ?? '', /Close project slot 1\?/);
      await shot('4-close');
      await workbench.answerDialog(/^Close$/);
      await until('the container to go', () => project.containers().size === 0, 120_000);
      await slots.row(1).waitFor({ state: 'detached' });
      await slots.noToasts();
      await shot('5-closed');
    });
  });
});
