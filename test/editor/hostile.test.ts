import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { withEditor } from './lib/editor.ts';
import { makeProject, makeWorkspace, slotSettings } from './lib/incus.ts';
import { newestOnly } from './lib/server.ts';
import { Slots } from './lib/slots.ts';
import { stepsOf } from './lib/steps.ts';
import { until } from './lib/wait.ts';

/** What a container, a folder or a session may be called by somebody who means harm. */
const EVIL =
  '-rf $(alert) [click](command:workbench.action.quit) **b** <img src=x> `x` \u001b[31mred\u0007 \u202egpj.exe\u2066 a\nb \u{e0041}';
/** The same as it may be shown: one line, without what cannot be seen. */
const SHOWN = /-rf \$ ?\(alert\) \[click\] ?\(command:workbench\.action\.quit\) \*\*b\*\* <img src=x> `x` (\[31m)?red/;
const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2060-\u2069\u{e0000}-\u{e007f}]/u;
const ID = '0a0a0a0a-1111-4111-8111-111111111111';

/** A saved session of claude's in which both sides said something hostile. */
function hostileSession(workspace: string): Record<string, string> {
  const directory = `.coi/sessions-claude/${ID}`;
  const at = '2026-01-02T03:04:05.000Z';
  const record = { session_id: ID, container_name: '', persistent: false, profile_name: '', workspace, saved_at: at };
  const said = (type: string, content: unknown) => JSON.stringify({ type, timestamp: at, message: { content } });
  const answer = [{ type: 'text', text: `${EVIL}\r\n\u2028second line ${EVIL}` }];
  return {
    [`${directory}/metadata.json`]: JSON.stringify({ ...record, slot: 1, title: EVIL, titled: true }),
    [`${directory}/.claude/projects/-workspace/${ID}.jsonl`]: `${said('user', EVIL)}\n${said('assistant', answer)}\n`,
  };
}

test('hostile names and titles are shown as text', newestOnly, async t => {
  const project = makeProject(t);
  const folder = makeWorkspace(t, '-n $(alert) [x](command:quit) \u202eevil');
  // As an activated environment, whose programs an agent can write, comes into every terminal.
  const environment = makeWorkspace(t, 'environment');
  const mark = join(environment, 'was-run');
  for (const name of ['incus', 'perl', 'setsid', 'git', 'sleep'])
    writeFileSync(join(environment, name), `#!/bin/sh\n: >'${mark}'\n`, { mode: 0o755 });
  const settings = {
    ...slotSettings(project),
    'terminal.integrated.env.linux': { PATH: `${environment}:\${env:PATH}`, PERL5OPT: '-Mnone' },
  };
  const options = { settings, files: hostileSession(folder), folder };
  await withEditor(t, options, async editor => {
    const { workbench, terminals, page, shot, server } = editor;
    const slots = new Slots(editor, project);
    const step = stepsOf(t, editor);
    let container = '';

    /** Fails unless what the page shows there is plain text: nothing unseen, no icon but those named, no link. */
    const isPlain = async (selector: string, words: RegExp): Promise<void> => {
      const shown = page.locator(selector).filter({ hasText: words }).first();
      await shown.waitFor();
      assert.doesNotMatch((await shown.textContent()) ?? '', UNSEEN);
      for (const markup of ['.codicon-alert', 'a[href]', 'a[data-href]', 'img', 'strong', 'code'])
        assert.equal(await shown.locator(markup).count(), 0, `${markup} in ${selector}`);
    };

    /** Fails unless the open document is without links and what cannot be seen; the editor draws control characters by others. */
    const isClean = async (): Promise<void> => {
      const text = (await page.locator('.editor-instance .view-lines').textContent()) ?? '';
      assert.doesNotMatch(text.replaceAll('\u200b', ''), UNSEEN);
      assert.equal(await page.locator('.editor-instance .mtkcontrol, .editor-instance .detected-link').count(), 0);
    };

    await step('in rows of the tree', async () => {
      await slots.show();
      await workbench.expand(workbench.treeItem(/^History, 1 saved session/));
      await isPlain('.part.sidebar [role=treeitem]', /-rf .*click/);
      await isPlain('.part.sidebar [role=treeitem]', /-n \$ ?\(alert\)/);
      await shot('1-rows');
    });

    await step('in a tooltip', async () => {
      const hover = await workbench.tooltip(workbench.treeItem(/^Session -rf/), 'Path inside');
      assert.match((await hover.textContent()) ?? '', SHOWN);
      assert.doesNotMatch(((await hover.textContent()) ?? '').replaceAll('\n', ''), UNSEEN);
      for (const markup of ['a[href]', 'a[data-href]', 'img', 'code', '.codicon'])
        assert.equal(await hover.locator(markup).count(), 0, markup);
      await shot('1-tooltip', 'still');
      await page.mouse.move(0, 0);
    });

    await step('in a quick pick, and as the name that is to be deleted', async () => {
      await workbench.menu('Incus Agents: Delete Session', /-rf/);
      await isPlain('.quick-input-widget .monaco-list-row', /-rf .*click/);
      await shot('2-pick');
      await workbench.pick(/-rf/);
      await workbench.dialog().waitFor();
      await isPlain('.monaco-dialog-box .dialog-message-text', /Delete the session “-rf/);
      await shot('3-dialog');
      await workbench.answerDialog('Cancel');
    });

    await step('in a transcript', async () => {
      await workbench.treeItem(/^Session -rf/).click();
      await page.getByRole('tab', { name: /^Transcript of -rf/ }).waitFor();
      const text = page.locator('.editor-instance .view-lines');
      await text.filter({ hasText: 'second line' }).waitFor();
      await isClean();
      await shot('4-transcript');
    });

    await step('in names of terminals, under a slot, and of branches and files', async () => {
      container = await slots.open(1);
      await isPlain('.single-terminal-tab', /shell 1 · -n/);
      await workbench.expand(slots.row(1));
      const histories = workbench.treeItem(/^History, 1 saved session/);
      await until('both histories', async () => (await histories.count()) === 2);
      for (const history of await histories.all()) await workbench.expand(history);
      await until(
        'it under the slot and under the folder',
        async () => (await workbench.treeItem(/^Session -rf/).count()) === 2,
      );
      await shot('5-slot');
    });

    await step('in what the container prints', async () => {
      project.exec(
        container,
        'sh',
        '-c',
        'printf "%s" "$1" >/tmp/evil',
        'sh',
        `\u001b]0;title\u0007\u001b]52;c;ZXZpbA==\u0007${EVIL}`,
      );
      // Whoever is inside decides what tmux lets through.
      await terminals.type('tmux set -s set-clipboard on; tmux set -g allow-passthrough on; clear; cat /tmp/evil');
      await terminals.waitFor(/\[click\]/);
      await workbench.contextAction(slots.row(1), /^Show Screen/);
      await page.getByRole('tab', { name: /^Screen of/ }).waitFor();
      const text = page.locator('.editor-instance .view-lines');
      await text.filter({ hasText: '[click]' }).waitFor();
      await isClean();
      assert.equal(await page.evaluate(() => navigator.clipboard.readText()), '');
      await shot('6-screen');
    });

    await step('in what it asks the terminal for', async () => {
      // Writes to the clipboard and reads it back: an answer is typed into the shell.
      const ask =
        'stty -echo; printf \'\\033]52;c;ZXZpbA==\\007\\033]52;c;?\\007\'; read -r -t 2 -n 8 a; stty echo; echo heard:$(printf %s "$a" | wc -c).';
      project.exec(container, 'sh', '-c', 'printf "%s\\n" "$1" >/tmp/ask', 'sh', ask);
      await workbench.contextAction(slots.row(1), /^Open Root Shell/);
      await terminals.waitFor(/root@coi/);
      await terminals.type('bash /tmp/ask');
      await terminals.waitFor(/heard:\d/);
      assert.match(await terminals.text(), /heard:0\./);
    });

    await step('in an error', async () => {
      project.run('config', 'set', container, 'security.protection.delete=true');
      await workbench.contextAction(slots.row(1), /^Delete/);
      await isPlain('.monaco-dialog-box .dialog-message-text', /Delete -n/);
      await workbench.answerDialog(/^Delete$/);
      await isPlain('.notification-toast .notification-list-item-message', /Delete failed/);
      await shot('7-error');
      project.run('config', 'unset', container, 'security.protection.delete');
      await workbench.runCommand('Notifications: Clear All Notifications');
    });

    assert.equal(existsSync(mark), false, 'no program of an environment was run');
    // What else is written down is read in terminals.
    assert.doesNotMatch(server.logs(), /\u001b|\u202e/);
  });
});
