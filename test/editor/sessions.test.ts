import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { claudeUser } from './lib/claude.ts';
import { withEditor } from './lib/editor.ts';
import { makeProject, makeWorkspace } from './lib/incus.ts';
import { newestOnly } from './lib/server.ts';
import { Slots } from './lib/slots.ts';
import { stepsOf } from './lib/steps.ts';
import { pretendFocus, Toasts } from './lib/toasts.ts';
import { FIRST, until } from './lib/wait.ts';

test('the real claude in a slot', newestOnly, async t => {
  const project = makeProject(t);
  const folder = makeWorkspace(t);
  const { model, options } = await claudeUser(t, project, { 'incusAgents.notifications': 'always' });
  await withEditor(t, { ...options, folder }, async editor => {
    const { workbench, terminals, page, shot, server } = editor;
    const slots = new Slots(editor, project);
    const step = stepsOf(t, editor);
    const toasts = new Toasts(page);
    const badge = workbench.badge('Incus Agents');
    const status = workbench.statusItem('incus-agents.incus-agents.incusAgents.status');
    const [question, announced] = [/Do you want to proceed/, /claude in project slot 1 is waiting for you/];
    let container = '';
    await toasts.watch();

    /** Types a prompt without its terminal, as from another window. */
    const prompt = async (text: string): Promise<void> => {
      await workbench.choose('Incus Agents: Send Prompt', 'project slot 1');
      await workbench.answer(text);
    };
    const asked = async (): Promise<void> => {
      await slots.says(1, /waiting for you.*wants you/);
      await badge.filter({ hasText: '1' }).waitFor();
    };
    /** Refuses what the agent asks for; it has to be in front by now. */
    const refuse = async (): Promise<void> => {
      await terminals.waitFor(question);
      await slots.terminalHasFocus();
      const gone = async () => !question.test(await terminals.text());
      // Claude takes no key in the first moment of a question.
      await until('the question to go', async () => {
        await page.keyboard.press('Escape');
        // A second one too soon is for the agent itself, which then asks what to go back to.
        return until('it to go', gone, 5_000).catch(() => false);
      });
      await slots.says(1, /idle/);
      await badge.waitFor({ state: 'hidden' });
      await until('no count', async () => !/waiting/.test((await status.textContent()) ?? ''));
      await until('no mark', async () => (await workbench.mark(slots.row(1))) === '');
    };

    /** The step of the walkthrough that asks to be in an agent's terminal. */
    const lastStep = async (done: boolean): Promise<void> => {
      await workbench.runCommand('Incus Agents: Open Walkthrough');
      const such = page.locator(`.getting-started-step[aria-checked="${done}"]`);
      await such.filter({ hasText: 'Talk to the agent' }).waitFor();
      await workbench.runCommand('View: Close Editor');
    };

    await step('starts in the terminal', async () => {
      await slots.show();
      await workbench.welcomeButton('Open Slot').first().waitFor({ timeout: FIRST });
      await lastStep(false);
      await workbench.viewAction('Open Slot');
      [container = ''] = await project.names(1);
      await terminals.waitFor(/Claude Code|❯|>/, 90_000);
      await until('the same inside', () => /Claude|❯|>/.test(project.screen(container)));
      await shot('1-claude');
      await lastStep(true);
      await slots.row(1).click();
    });

    await step('gets Shift+Enter as a key of its own', async () => {
      await slots.terminalHasFocus();
      await until('claude to take what is typed', async () => {
        await page.keyboard.type('first');
        return project.screen(container).includes('first');
      });
      await page.keyboard.press('Shift+Enter');
      await page.keyboard.type('second');
      await until('two lines', () => /first\s*\n\s*second/.test(project.screen(container)));
      await page.keyboard.press('Control+c');
      await until('an empty line', () => !project.screen(container).includes('second'));
    });

    await step('that asks has a mark, a badge and a count, but no notification while it is in front', async () => {
      await terminals.type('first I want you to RUN-A-COMMAND');
      await asked();
      await until('the mark', async () => (await workbench.mark(slots.row(1))) === '?');
      await status.filter({ hasText: '1 waiting' }).waitFor();
      await shot('2-waiting');
      // It is in the middle of its work, so stopping it is no act of one click.
      await workbench.inlineAction(slots.row(1), 'Stop Slot');
      await workbench.dialog().filter({ hasText: 'in the middle of its work' }).waitFor();
      await workbench.answerDialog('Cancel');
      await slots.row(1).click();
      await refuse();
    });

    await step('tells who asks while a file is worked on, though its terminal is there', async () => {
      await workbench.runCommand('Preferences: Open User Settings (JSON)');
      await page.getByRole('tab', { name: /^settings\.json/ }).waitFor();
      await until('the keyboard in the file', async () => {
        await page.keyboard.press('Control+End');
        return /Ln ([2-9]|\d\d+), Col/.test((await page.locator('.part.statusbar').textContent()) ?? '');
      });
      await prompt('RUN-A-COMMAND beside a file');
      await asked();
      await workbench.notification(announced).getByRole('button', { name: 'Open' }).click();
      await refuse();
      await workbench.runCommand('View: Close All Editors');
      await slots.row(1).click();
      await slots.terminalHasFocus();
    });

    await step('tells once who asks, when something else is in front', async () => {
      await workbench.contextAction(slots.row(1), /^Open Shell/);
      await until('the shell', async () => /code@.*\$ ?$/.test(await terminals.text()));
      await prompt('RUN-A-COMMAND again');
      await asked();
      await workbench.notification(announced).hover();
      await shot('3-notification', 'still');
      await workbench.notification(announced).getByRole('button', { name: 'Open' }).click();
      await refuse();
      assert.equal((await toasts.all(announced)).length, 2);
    });

    await step('is reached by one key, from inside another terminal', async () => {
      await workbench.chooseSetting('Notifications', 1);
      await workbench.expand(slots.row(1));
      await workbench.treeItem(/^Shell in slot 1/).click();
      await until('the shell', async () => /code@.*\$ ?$/.test(await terminals.text()));
      await prompt('RUN-A-COMMAND a third time');
      await asked();
      await prompt('which must not become a yes');
      await workbench.dialog().filter({ hasText: 'claude in project slot 1 waits for an answer' }).waitFor();
      await workbench.answerDialog('Cancel');
      await terminals.focus();
      await page.keyboard.press('Control+Alt+n');
      await refuse();
    });

    await step('is told of while the window is not in front, and reached by the status bar', async () => {
      await pretendFocus(page, false);
      await terminals.type('RUN-A-COMMAND for the fourth time');
      await asked();
      await workbench.notification(announced).waitFor();
      await pretendFocus(page, true);
      // Escape would go to the notification.
      await workbench.runCommand('Notifications: Clear All Notifications');
      await workbench.treeItem(/^Shell in slot 1/).click();
      await status.click();
      await workbench.quickPickItem('project slot 1').filter({ hasText: 'waiting for you' }).waitFor();
      await shot('4-menu');
      await workbench.pick('project slot 1');
      await refuse();
      // The third question came in a window that was in front.
      assert.equal((await toasts.all(announced)).length, 3);
    });

    await step('is not told of when that is off', async () => {
      await workbench.chooseSetting('Notifications', 0);
      await pretendFocus(page, false);
      await terminals.type('RUN-A-COMMAND for the last time');
      await asked();
      await pretendFocus(page, true);
      await refuse();
      assert.equal((await toasts.all(announced)).length, 3);
    });

    await step('leaves its session in the history after a kill', async () => {
      await workbench.contextAction(slots.row(1), /^Kill/);
      await workbench.answerDialog(/^Kill$/);
      await slots.row(1).waitFor({ state: 'detached' });
      assert.equal(project.containers().size, 0);
      await workbench.expand(workbench.treeItem(/^History, 1 saved session/));
      await workbench.treeItem(/^Session first I want you to/).waitFor();
      await shot('5-history');
    });

    await step('has a transcript, which is plain text and cannot be changed', async () => {
      await workbench.treeItem(/^Session first I want you to/).click();
      await page.getByRole('tab', { name: /^Transcript of first I want you to/ }).waitFor();
      const text = page.locator('.editor-instance .view-lines');
      await text.filter({ hasText: '── You' }).filter({ hasText: 'first I want you to RUN-A-COMMAND' }).waitFor();
      await text.click();
      await page.keyboard.type('x');
      await page
        .locator('.monaco-editor-overlaymessage')
        .filter({ hasText: /read-only/i })
        .waitFor();
      await shot('6-transcript');
    });

    await step('is renamed', async () => {
      await workbench.contextAction(workbench.treeItem(/^Session first I want you to/), /^Rename Session/);
      await workbench.answer('Mend the login');
      await workbench.treeItem(/^Session Mend the login, claude/).waitFor();
    });

    await step('is resumed from its row, with the whole conversation', async () => {
      await workbench.inlineAction(workbench.treeItem(/^Session Mend the login/), 'Resume Session');
      await slots.says(1, /idle/, 120_000);
      await terminals.waitFor('RUN-A-COMMAND');
      await slots.row(1).filter({ hasText: 'Mend the login' }).waitFor();
      await slots.terminalHasFocus();
      await terminals.type('what was said');
      await until('a turn', () => model.with('what was said')[0]?.text.includes('first I want you to'));
      await terminals.waitFor('stand-in answer to');
      await shot('7-resumed');
    });

    await step('is gone back to while its agent is at work, and read, from the palette', async () => {
      await workbench.contextAction(slots.row(1), /^Open Shell/);
      await until('the shell', async () => /code@.*\$ ?$/.test(await terminals.text()));
      await workbench.runCommand('Incus Agents: Resume Latest Session');
      await terminals.waitFor('stand-in answer to');
      await project.names(1);
      await workbench.choose('Incus Agents: Show Transcript', 'Mend the login');
      await page.getByRole('tab', { name: /^Transcript of Mend the login/ }).waitFor();
      await page.locator('.editor-instance .view-lines').filter({ hasText: 'first I want you to' }).waitFor();
      await shot('8-latest');
      await workbench.runCommand('View: Close Editor');
    });

    await step('goes on after the machine went down, with Resume All', async () => {
      const [name = ''] = await project.names(1);
      project.run('stop', name);
      // What the end of the machine leaves behind.
      project.run('config', 'set', name, 'volatile.last_state.power=RUNNING');
      await slots.says(1, /stopped/);
      // One that ends takes the focus, and with it a menu away.
      await until('no terminal', async () => (await terminals.all().count()) === 0);
      await workbench.menu('Incus Agents: Resume All', 'ran when the machine went down');
      await shot('9-resume-all');
      await page.keyboard.press('Enter');
      await slots.says(1, /idle/, 120_000);
      await slots.row(1).click();
      await terminals.waitFor('what was said');
      await terminals.type('after the machine went down');
      const asked = () => model.with('after the machine went down')[0]?.text.includes('first I want you to');
      await until('a turn', asked);
      await slots.says(1, /idle/);
    });

    await step('is deleted only after its name was confirmed', async () => {
      await workbench.contextAction(slots.row(1), /^Kill/);
      await workbench.answerDialog(/^Kill$/);
      const row = workbench.treeItem(/^Session Mend the login/);
      await workbench.expand(workbench.treeItem(/^History, 1 saved session/));
      await row.waitFor();
      await workbench.contextAction(row, /^Delete Session/);
      await workbench.dialog().waitFor();
      await shot('10-delete');
      assert.match((await workbench.dialog().textContent()) ?? '', /Delete the session “Mend the login”\?/);
      await workbench.answerDialog('Cancel');
      const records = join(server.folders.home, '.coi/sessions-claude');
      assert.equal(readdirSync(records).length, 1);
      await workbench.contextAction(row, /^Delete Session/);
      await workbench.answerDialog(/^Delete$/);
      await row.waitFor({ state: 'detached' });
      await until('its record to go', () => readdirSync(records).length === 0);
      await slots.noToasts();
    });
  });
});
