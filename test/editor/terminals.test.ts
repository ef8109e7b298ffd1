import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { withEditor } from './lib/editor.ts';
import { makeProject, makeWorkspace, slotSettings } from './lib/incus.ts';
import { newestOnly } from './lib/server.ts';
import { Slots } from './lib/slots.ts';
import { stepsOf } from './lib/steps.ts';
import { FIRST, until } from './lib/wait.ts';

test('what is done in and through terminals, in a folder that is reached through a symlink', newestOnly, async t => {
  const project = makeProject(t);
  const real = makeWorkspace(t, 'real');
  const folder = join(dirname(real), 'project');
  symlinkSync(real, folder);
  await withEditor(t, { folder, settings: slotSettings(project) }, async editor => {
    const { workbench, terminals, page, shot } = editor;
    const slots = new Slots(editor, project);
    const step = stepsOf(t, editor);
    let container = '';

    await step('options are asked step by step, with a way back, and remembered', async () => {
      await slots.show();
      await workbench.welcomeButton('Open Slot').first().waitFor({ timeout: FIRST });
      await workbench.runCommand('Incus Agents: Open Slot with Options');
      await workbench.quickPickItem(/^shell/).waitFor();
      await shot('1-agent');
      await workbench.pick(/^shell/);
      await workbench.quickPickItem('Slot 3').waitFor();
      await page.locator('.quick-input-widget').getByRole('button', { name: 'Back' }).click();
      await workbench.quickPickItem(/^codex/).waitFor();
      await workbench.pick(/^shell/);
      await workbench.pick('Slot 3');
      await workbench.pick('As configured');
      await page.getByPlaceholder('Which profile').waitFor();
      await workbench.pick('As configured');
      await workbench.quickPickItem('Persistent').waitFor();
      await shot('2-persistence');
      await workbench.pick('Persistent');
      await page.getByPlaceholder('first prompt').waitFor();
      await workbench.pick('No prompt');
      [container = ''] = await project.names(1);
      assert.match(container, /-3$/);
      await slots.prompt(container);
      assert.equal(project.run('config', 'get', container, 'user.incus-agents.persistent').trim(), 'true');
      await workbench.runCommand('Incus Agents: Open Slot with Options');
      await page
        .locator('.quick-input-widget .monaco-list-row.focused')
        .filter({ hasText: /^shell/ })
        .waitFor();
      await page.keyboard.press('Escape');
    });

    await step('a path of the container is a link to the file of the host', async () => {
      await slots.row(3).click();
      await slots.terminalHasFocus();
      /** Follows the link of a line that begins with these words. */
      const follow = async (words: RegExp, tab: RegExp): Promise<void> => {
        const line = page.locator('.terminal-wrapper.active .xterm-rows > div').filter({ hasText: words });
        const pointer = page.locator('.terminal-wrapper.active .xterm-cursor-pointer');
        // Clicked once: a second click would open it a second time, later on, and with that end what is selected by then.
        await until('the link', async () => {
          const box = await line.boundingBox();
          if (box === null) return false;
          await page.mouse.move(box.x + 20, box.y + box.height / 2);
          await page.keyboard.down('Control');
          try {
            await page.mouse.move(box.x + 24, box.y + box.height / 2, { steps: 4 });
            await pointer.waitFor({ timeout: 500 });
            await page.mouse.down();
            await page.mouse.up();
            return true;
          } finally {
            await page.keyboard.up('Control');
          }
        });
        await page.getByRole('tab', { name: tab }).waitFor();
      };
      mkdirSync(join(real, 'app/[id]'), { recursive: true });
      writeFileSync(join(real, 'app/[id]/my page.ts'), '\n');
      await terminals.type(`clear; echo '"app/[id]/my page.ts":1'; echo src/a.ts:3`);
      await terminals.waitFor(/^src\/a\.ts:3$/m);
      await follow(/^"app/, /^my page\.ts/);
      await follow(/^src\/a/, /^a\.ts/);
      await until('line 3', async () => /Ln 3/.test((await page.locator('.part.statusbar').textContent()) ?? ''));
      // As a file of the open folder, not by its real path.
      const crumbs = page.locator('.breadcrumbs-below-tabs .monaco-breadcrumb-item');
      await until('its place', async () => (await crumbs.allInnerTexts()).map(text => text.trim())[0] === 'src');
      await shot('3-link');
    });

    await step('a selection goes to the agent from the menu of the file, with its place', async () => {
      const text = page.locator('.editor-instance .view-line').first();
      const selectAll = async () => {
        await page.getByRole('tab', { name: /^a\.ts/ }).click();
        // The editor takes keys only some time after its tab was clicked.
        await until('all to be selected', async () => {
          await page.keyboard.press('Control+a');
          return /selected\)/.test((await page.locator('.part.statusbar').textContent()) ?? '');
        });
      };
      await selectAll();
      await (await workbench.contextMenu(text)).getByRole('menuitem', { name: /^Send Selection to Agent/ }).waitFor();
      await shot('3-menu', 'still');
      await page.keyboard.press('Escape');
      // What opens the file once more, as a late click does, ends the selection.
      await until('the slots to choose from', async () => {
        await selectAll();
        await workbench.contextAction(text, /^Send Selection to Agent/);
        await workbench.quickPickItem('project slot 3').click({ timeout: 5000 });
        return true;
      });
      // The last line that it touches has nothing of it.
      await until('the text inside', () => project.screen(container).includes('/workspace/src/a.ts:1-3'));
    });

    await step('a prompt goes to the agent', async () => {
      await slots.row(3).click();
      await slots.terminalHasFocus();
      await page.keyboard.press('Control+c');
      await workbench.choose('Incus Agents: Send Prompt', 'project slot 3');
      await workbench.answer('echo sent-$((1+1)) > prompted');
      await until('the work', () => {
        try {
          return readFileSync(join(folder, 'prompted'), 'utf8').includes('sent-2');
        } catch {
          return false;
        }
      });
    });

    await step('the screen is shown without attaching', async () => {
      await workbench.contextAction(slots.row(3), /^Show Screen/);
      await page.getByRole('tab', { name: /^Screen of project slot 3/ }).waitFor();
      await page.locator('.editor-instance .view-lines').filter({ hasText: 'sent-' }).waitFor();
      await shot('4-screen');
    });

    await step('a shell of the user, one of root, and each only once', async () => {
      await workbench.contextAction(slots.row(3), /^Open Shell/);
      await until('two terminals', async () => (await terminals.all().count()) === 2);
      await until('the shell', async () => /code@.*\$ ?$/.test(await terminals.text()));
      await workbench.contextAction(slots.row(3), /^Open Root Shell/);
      await until('root', async () => /root@.*# ?$/.test(await terminals.text()));
      await workbench.contextAction(slots.row(3), /^Open Root Shell/);
      await slots.terminalHasFocus();
      assert.equal(await terminals.all().count(), 3);
      await terminals.type('exit 3');
      await until('two terminals', async () => (await terminals.all().count()) === 2);
      await slots.noToasts();
    });

    await step('the menu of the "+" of terminals has our profile', async () => {
      await page.getByRole('button', { name: /^Launch Profile/ }).click();
      await page
        .locator('.monaco-menu')
        .getByRole('menuitem', { name: /^Incus Agents/ })
        .first()
        .waitFor();
      await until('the menu to take the click', async () => {
        const item = page
          .locator('.monaco-menu')
          .getByRole('menuitem', { name: /^Incus Agents/ })
          .first();
        if (await item.isVisible()) await item.click({ timeout: 1_000 }).catch(() => undefined);
        return !(await item.isVisible());
      });
      await workbench.quickPickItem('Open Slot').waitFor();
      await shot('5-profile');
      await workbench.pick(/project slot 3\s*shell/);
      await slots.terminalHasFocus();
      assert.equal(await terminals.all().count(), 2);
      await slots.noToasts();
    });

    await step('a row has its facts below it', async () => {
      await workbench.expand(slots.row(3));
      await workbench.expand(workbench.treeItem(/^Container coi-/));
      await workbench.treeItem(/^Image: /).waitFor();
      await workbench.tooltip(slots.row(3), 'Memory');
      await shot('6-tooltip', 'still');
      await shot('6-facts');
    });

    await step('a slot that is kept can be chosen again, by its number too', async () => {
      project.run('stop', '-f', container);
      await slots.says(3, /stopped/);
      await until('no terminal', async () => (await terminals.all().count()) === 0);
      await workbench.choose('Incus Agents: Open Slot with Options', /^shell/);
      await workbench.quickPickItem('Slot 3').filter({ hasText: 'kept, starts again' }).waitFor();
      await shot('7-kept');
      await workbench.answer('none');
      await page.locator('.quick-input-title', { hasText: 'The number of a slot is wanted' }).waitFor();
      await workbench.answer('3');
      await page.getByPlaceholder('Which image').waitFor();
      await page.keyboard.press('Escape');
    });
  });
});
