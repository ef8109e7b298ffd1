import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { withEditor } from './lib/editor.ts';
import { makeProject, makeWorkspace, slotSettings } from './lib/incus.ts';
import { redrawTime } from './lib/redraw.ts';
import { newestOnly } from './lib/server.ts';
import { Slots, UP } from './lib/slots.ts';
import { stepsOf } from './lib/steps.ts';
import { FIRST, until } from './lib/wait.ts';

test('the life of several slots', newestOnly, async t => {
  const project = makeProject(t);
  const folder = makeWorkspace(t);
  await withEditor(t, { folder, settings: slotSettings(project, { 'incusAgents.stopTimeout': 60 }) }, async editor => {
    const { workbench, terminals, page, shot } = editor;
    const slots = new Slots(editor, project);
    const step = stepsOf(t, editor);
    await slots.show();
    await workbench.welcomeButton('Open Slot').first().waitFor({ timeout: FIRST });
    const containers = [await slots.open(1), await slots.open(2), await slots.open(3)];
    const [first = '', second = ''] = containers;

    await step('each has a terminal of its own, and the status bar counts them', async () => {
      await until('three terminals', async () => (await terminals.all().count()) === 3);
      const counts = /3 (running|idle|working)|[12] (running|idle|working) · [12]/;
      await until('the count', async () => counts.test((await workbench.statusItem(statusId).textContent()) ?? ''));
      await slots.row(2).click();
      await slots.prompt(second);
      await shot('1-three');
    });

    await step('the menu of the status bar leads to a slot', async () => {
      await workbench.statusItem(statusId).click();
      await workbench.quickPickItem('project slot 1').waitFor();
      await shot('2-menu');
      await workbench.pick('project slot 1');
      await slots.prompt(first);
      assert.equal(await terminals.all().count(), 3);
    });

    await step('a change by another program is drawn at once', async () => {
      const times: number[] = [];
      for (const [act, words] of [
        ['pause', /paused/],
        ['resume', UP],
        ['pause', /paused/],
        ['resume', UP],
      ] as const) {
        times.push(await redrawTime(page, slots.row(3), words, () => void project.run(act, containers[2] ?? '')));
      }
      t.diagnostic(`change → row redrawn: ${times.map(time => time.toFixed(0)).join(', ')} ms`);
      // How soon on a machine of its own, the bench shows.
      assert.ok(Math.min(...times) <= 2000, `${times}`);
    });

    await step('stop in the row, start in the row', async () => {
      await workbench.inlineAction(slots.row(1), 'Stop');
      await slots.says(1, /stopped/, 120_000);
      await slots.noToasts();
      assert.equal(project.containers().get(first), 'STOPPED');
      await shot('3-stopped');
      await workbench.inlineAction(slots.row(1), 'Start');
      await slots.says(1, UP);
      await slots.row(1).click();
      await slots.prompt(first);
    });

    await step('a command of the palette asks for its target', async () => {
      await workbench.menu('Incus Agents: Pause Slot', 'project slot 2');
      await shot('4-target');
      await workbench.pick('project slot 2');
      await slots.says(2, /paused/);
      await workbench.contextAction(slots.row(2), /^Continue/);
      await slots.says(2, UP);
    });

    await step('what finds nothing to act on says so, and is no failure', async () => {
      await workbench.runCommand('Incus Agents: Clean Up Stopped Slots');
      const told = workbench.notification('There is no stopped ephemeral slot to clean up.');
      assert.doesNotMatch((await told.textContent()) ?? '', /failed|Show Log/);
      await shot('4-nothing');
      await workbench.runCommand('Notifications: Clear All Notifications');
    });

    await step('a host is allowed for every slot of the workspace, in the own configuration of the user', async () => {
      const file = join(editor.server.folders.home, '.coi/incus-agents/workspaces.toml');
      await workbench.contextAction(slots.row(1), /^Allow Host/);
      await workbench.answer('registry.example:8443');
      await workbench.pick('For every slot of this workspace');
      await until('the host is remembered', () => existsSync(file));
      const text = readFileSync(file, 'utf8');
      assert.ok(text.includes('"registry.example:8443"') && text.includes(JSON.stringify(folder)), text);
      await slots.noToasts();
    });

    await step('what takes long shows it, and can be cancelled', async () => {
      const stubborn = 'trap "" TERM; while :; do sleep 100; done';
      const service = ['systemd-run', '--property=TimeoutStopSec=90', '--', 'sh', '-c', stubborn];
      project.run('exec', containers[2] ?? '', '--', ...service);
      await workbench.contextAction(slots.row(3), /^Stop/);
      const progress = workbench.notification('Stopping project slot 3');
      await progress.getByRole('link', { name: 'Show Log' }).waitFor();
      await progress.waitFor();
      await shot('4-stopping');
      await progress.getByRole('button', { name: 'Cancel' }).click();
      await progress.waitFor({ state: 'detached' });
      await slots.noToasts();
      // It goes on shutting down, and nobody is told otherwise.
      project.run('stop', '--force', containers[2] ?? '');
      await workbench.notification('project slot 3 was shutting down already').waitFor();
      await workbench.runCommand('Notifications: Clear All Notifications');
    });

    await step('killing asks by name', async () => {
      await workbench.contextAction(slots.row(3), /^Kill/);
      await workbench.dialog().waitFor();
      assert.match((await workbench.dialog().textContent()) ?? '', /Kill project slot 3\?/);
      await shot('5-kill');
      await workbench.answerDialog('Cancel');
      assert.equal(project.containers().size, 3);
      await workbench.contextAction(slots.row(3), /^Kill/);
      await workbench.answerDialog(/^Kill$/);
      await slots.row(3).waitFor({ state: 'detached' });
      await slots.noToasts();
    });

    await step('agents that have ended are started again, all that are selected', async () => {
      for (const container of [first, second])
        project.tmux(container, 'send-keys', '-t', `=coi-${container}:`, 'exit', 'Enter');
      for (const slot of [1, 2]) {
        await slots.says(slot, /exited/);
        const selected = async () => (await slots.row(slot).getAttribute('aria-selected')) === 'true';
        if (!(await selected())) await slots.row(slot).click({ modifiers: ['Control'] });
      }
      await workbench.contextAction(slots.row(2), /^Start Agent/);
      for (const slot of [1, 2]) await slots.says(slot, UP);
      await slots.noToasts();
    });

    await step('what ran when the machine went down is brought back by one command, and nothing else', async () => {
      project.run('stop', '-f', first, second);
      await slots.says(2, /stopped/);
      // A menu would go with the focus that a terminal takes when it ends.
      await terminals.waitFor('has stopped');
      // What the end of the machine leaves behind.
      project.run('config', 'set', first, 'volatile.last_state.power=RUNNING');
      await workbench.menu('Incus Agents: Resume All', 'ran when the machine went down');
      const chosen = (slot: number) =>
        workbench.quickPickItem(`project slot ${slot}`).getByRole('checkbox').first().getAttribute('aria-checked');
      await shot('6-resume-all');
      assert.deepEqual([await chosen(1), await chosen(2)], ['true', 'false']);
      await page.keyboard.press('Enter');
      await slots.says(1, UP);
      await until('its shell', () => /@/.test(project.screen(first)));
      assert.deepEqual([...project.containers().values()].sort(), ['RUNNING', 'STOPPED']);
      await slots.noToasts();
    });

    await step('several are deleted with one question', async () => {
      await slots.row(1).click();
      await slots.row(2).click({ modifiers: ['Shift'] });
      await workbench.contextAction(slots.row(2), /^Delete/);
      await workbench.dialog().waitFor();
      await shot('7-delete-two');
      assert.match((await workbench.dialog().textContent()) ?? '', /Delete 2 slots\?/);
      await workbench.answerDialog(/^Delete$/);
      await until('no container', () => project.containers().size === 0, 120_000);
      await until('no terminal', async () => (await terminals.all().count()) === 0);
      await slots.noToasts();
      await shot('8-empty');
    });
  });
});

const statusId = 'incus-agents.incus-agents.incusAgents.status';
