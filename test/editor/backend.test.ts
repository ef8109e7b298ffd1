import assert from 'node:assert/strict';
import { globSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { withEditor } from './lib/editor.ts';
import { makeProject, makeWorkspace, slotSettings } from './lib/incus.ts';
import { processesWithHome } from './lib/processes.ts';
import { newestOnly, versionUnderTest } from './lib/server.ts';
import { Slots, UP } from './lib/slots.ts';
import { stepsOf } from './lib/steps.ts';
import { FIRST, until } from './lib/wait.ts';
import { Workbench } from './lib/workbench.ts';

/** The backends among the processes of a home. A child that they have just forked looks like one until it runs its own program. */
function backendsOf(home: string): number[] {
  const alike = processesWithHome(home).filter(pid => textOf(`/proc/${pid}/cmdline`).includes('dist/server.js'));
  return alike.filter(pid => !alike.includes(Number(/^PPid:\s*(\d+)$/m.exec(textOf(`/proc/${pid}/status`))?.[1])));
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return ''; // ended meanwhile
  }
}

test('one backend, many windows, and what is wrong is said', newestOnly, async t => {
  const project = makeProject(t);
  const folder = makeWorkspace(t);
  const other = makeWorkspace(t, 'elsewhere');
  await withEditor(t, { folder, settings: slotSettings(project) }, async editor => {
    const { workbench, page, shot, server, browser } = editor;
    const slots = new Slots(editor, project);
    const step = stepsOf(t, editor);
    await slots.show();
    await workbench.welcomeButton('Open Slot').first().waitFor({ timeout: FIRST });
    await slots.open(1);

    await step('a second window shows the same, and other workspaces apart', async () => {
      const second = await browser.context.newPage();
      const window = new Workbench(second);
      await window.open(server, other);
      await window.showSidebar('Incus Agents');
      await window.treeItem(/^Other workspaces/).click();
      await window.treeItem(/^Workspace project/).waitFor();
      await window.treeItem(/^Slot 1,/).waitFor();
      await second.mouse.move(0, 0);
      await second.screenshot({ path: join('.artifacts/shots', versionUnderTest, 'second-window.png') });
      assert.equal(backendsOf(server.folders.home).length, 1);
      await second.close();
    });

    await step('a backend that is killed comes back without a word', async () => {
      const [pid] = backendsOf(server.folders.home);
      process.kill(pid ?? 0, 'SIGKILL');
      await until('another backend', () => {
        const [now] = backendsOf(server.folders.home);
        return now !== undefined && now !== pid;
      });
      const [container = ''] = await project.names(1);
      project.run('pause', container);
      await slots.says(1, /paused/);
      project.run('resume', container);
      await slots.says(1, UP);
      await slots.noToasts();
    });

    await step('problems of the configuration are shown on the open file', async () => {
      const file = join(folder, '.coi/config.toml');
      mkdirSync(join(folder, '.coi'), { recursive: true });
      writeFileSync(file, '[limits.memory]\nno_such_key = 1\n');
      await workbench.showSidebar(/Explorer/);
      await workbench.treeItem('.coi').click();
      await workbench.treeItem('config.toml').dblclick();
      await page.getByRole('tab', { name: /config\.toml/ }).waitFor();
      await workbench.runCommand('View: Focus Problems');
      await page.locator('.markers-panel').filter({ hasText: 'no_such_key' }).waitFor();
      await shot('1-problems');
    });

    await step('the configuration says where each value comes from', async () => {
      await workbench.runCommand('Incus Agents: Show Configuration');
      await page.getByRole('tab', { name: /^Configuration of project/ }).waitFor();
      await page.locator('.editor-instance .view-lines').filter({ hasText: 'container.image' }).first().waitFor();
      await shot('2-configuration');
    });

    await step('an error is said with what to do next', async () => {
      const [container = ''] = await project.names(1);
      project.run('config', 'set', container, 'security.protection.delete=true');
      await slots.show();
      await workbench.contextAction(slots.row(1), /^Delete/);
      await workbench.answerDialog(/^Delete$/);
      await workbench.notification(/Delete failed/).waitFor();
      await shot('3-error');
      project.run('config', 'unset', container, 'security.protection.delete');
      await page.locator('.notification-toast').first().hover();
      await workbench.runCommand('Notifications: Clear All Notifications');
    });

    await step('the health is checked', async () => {
      await workbench.runCommand('Incus Agents: Check Health');
      await workbench.quickPickItem('Show Report').waitFor();
      await shot('4-health');
      await workbench.pick('Show Report');
      await page.getByRole('tab', { name: /^Health/ }).waitFor();
      await shot('5-report');
    });

    await step('the walkthrough leads to an attached agent', async () => {
      await workbench.runCommand('Incus Agents: Open Walkthrough');
      await page.getByText('Get started with Incus Agents').first().waitFor();
      await page.getByText('Talk to the agent').first().click();
      await shot('7-walkthrough');
    });

    await step('a window whose extension was updated is reloaded, by a button where something failed', async () => {
      const [file = ''] = globSync(join(server.folders.extensions, 'incus-agents.*/dist/server.js'));
      renameSync(file, `${file}.old`);
      process.kill(backendsOf(server.folders.home)[0] ?? 0, 'SIGKILL');
      await slots.show();
      await workbench.sidebar().getByText('The rows may be out of date. The extension was updated').waitFor();
      await shot('8-updated');
      await workbench.runCommand('Incus Agents: Check Health');
      const button = workbench.notification('The health check failed').getByRole('button', { name: 'Reload Window' });
      await button.waitFor();
      const loaded = page.waitForEvent('load');
      await button.click();
      await loaded;
    });
  });
});
