import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withEditor } from './lib/editor.ts';
import { makeProject, makeWorkspace, slotSettings } from './lib/incus.ts';
import { newestOnly } from './lib/server.ts';
import { Slots } from './lib/slots.ts';
import { stepsOf } from './lib/steps.ts';
import { until } from './lib/wait.ts';

test('the real claude in a slot', newestOnly, async t => {
  const project = makeProject(t);
  const folder = makeWorkspace(t);
  const settings = slotSettings(project, {
    'incusAgents.agent': 'claude',
    'incusAgents.permissionMode': 'interactive',
  });
  await withEditor(t, { folder, settings }, async editor => {
    const { workbench, terminals, page, shot } = editor;
    const slots = new Slots(editor, project);
    const step = stepsOf(t, editor);
    let container = '';

    await step('starts in the terminal', async () => {
      await slots.show();
      await workbench.welcomeButton('Open Slot').first().waitFor({ timeout: 30_000 });
      await workbench.viewAction('Open Slot');
      [container = ''] = await project.names(1);
      await terminals.waitFor(/Claude Code|❯|>/, 90_000);
      await until('the same inside', () => /Claude|❯|>/.test(project.screen(container)));
      await shot('1-claude');
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
      await shot('2-two-lines');
    });

    await step('is resumed from its history after a kill', async () => {
      await workbench.contextAction(slots.row(1), /^Kill/);
      await workbench.answerDialog(/^Kill$/);
      await slots.row(1).waitFor({ state: 'detached' });
      await slots.noToasts();
      assert.equal(project.containers().size, 0);
      await shot('3-killed');
    });
  });
});
