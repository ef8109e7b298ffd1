/// <reference lib="dom" />
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestOptions, test } from 'node:test';
import { type EditorOptions, withEditor } from './lib/editor.ts';
import { baseImage, fingerprintOf, incus, makeProject, makeWorkspace, slotSettings, testImage } from './lib/incus.ts';
import { openOutside } from './lib/outside.ts';
import { newestOnly } from './lib/server.ts';
import { Slots, UP } from './lib/slots.ts';
import { pretendFocus } from './lib/toasts.ts';
import { FIRST, until } from './lib/wait.ts';

/** The text that an empty view shows, once it is the expected one. */
function welcome(
  name: string,
  options: EditorOptions,
  expected: RegExp,
  buttons: readonly string[],
  where: TestOptions = {},
): void {
  test(name, where, t =>
    withEditor(t, options, async ({ workbench, shot }) => {
      await workbench.showSidebar('Incus Agents');
      const text = workbench.sidebar().locator('.welcome-view-content').last();
      await until(`${expected}`, async () => expected.test((await text.textContent()) ?? ''), FIRST);
      for (const button of buttons) await workbench.welcomeButton(button).waitFor();
      await shot('welcome');
    }),
  );
}

const nowhere = { 'incusAgents.incusSocket': '/nonexistent/incus.socket' };
const nobody = { name: 'nobody', uid: 65534, gid: 65534 };

welcome('no Incus', { settings: nowhere }, /Incus is installed, but it does not run/, [
  'Copy the Command',
  'Check Health',
]);
welcome('no permission', { account: nobody }, /Join its group/, ['Copy the Command', 'Check Health'], newestOnly);

test('no folder', newestOnly, async t => {
  const project = makeProject(t);
  await withEditor(t, { folder: false, settings: slotSettings(project) }, async ({ workbench, page, server, shot }) => {
    await workbench.showSidebar('Incus Agents');
    await workbench.welcomeButton('Open Folder').waitFor({ timeout: FIRST });
    await shot('welcome');
    // A setting that is wrong is told there too: no file of the configuration can show it.
    const told = workbench.notification(/incusAgents\.agent must be/).getByRole('button', { name: 'Open Settings' });
    // The editor may not yet watch the file when it is changed for the first time.
    let attempts = 0;
    await until('the message', async () => {
      if (attempts++ % 50 === 0) server.set({ 'incusAgents.agent': `No Agent ${attempts}` });
      return (await told.count()) > 0;
    });
    await shot('setting');
    await told.click();
    // Nothing stands there as if it held, while the configuration files decide.
    const row = page.locator('.setting-item-contents').filter({ hasText: 'Whether the container is kept' });
    const choice = row.locator('select');
    const inForce = () =>
      choice.evaluate(each => (each instanceof HTMLSelectElement ? each.selectedOptions[0]?.text : ''));
    await until('nothing to be set', async () => /^As the configuration files say/.test((await inForce()) ?? ''));
    await shot('settings');
    const file = join(server.folders.data, 'User/settings.json');
    const written = (): unknown => JSON.parse(readFileSync(file, 'utf8'))['incusAgents.persistent'];
    await choice.selectOption({ label: 'Delete it' });
    await until('what is not the same as nothing', () => written() === false);
    await choice.selectOption({ index: 0 });
    await until('nothing again', () => written() === undefined);
  });
});

test('no image: it is said beforehand, and asked at the click', newestOnly, async t => {
  const project = makeProject(t);
  const image = `${project.name}-not-built`;
  t.after(() => spawnSync('incus', ['image', 'alias', 'delete', image]));
  const settings = slotSettings(project, { 'incusAgents.image': image });
  await withEditor(t, { folder: makeWorkspace(t), settings }, async editor => {
    const { workbench, page, shot, server } = editor;
    await new Slots(editor, project).show();
    await workbench.welcomeButton('Build Image').waitFor({ timeout: FIRST });
    await shot('1-welcome');
    await workbench.runCommand('Incus Agents: Check Health');
    await workbench.pick(`The image ${image} does not exist yet`);
    await workbench.dialog().getByRole('button', { name: 'Build Image' }).waitFor();
    await shot('1-health');
    await workbench.answerDialog(/^(Cancel|OK)$/);
    await workbench.viewAction('Open Slot');
    await workbench.dialog().waitFor();
    assert.match((await workbench.dialog().textContent()) ?? '', /Build it now\?/);
    await shot('2-asked');
    mkdirSync(join(server.folders.home, '.coi'), { recursive: true });
    writeFileSync(join(server.folders.home, '.coi/config.toml'), `[container.build]\nbase = "${baseImage()}"\n`);
    await workbench.answerDialog('Build Image');
    const building = workbench.notification(/Building the image: /);
    await building.waitFor();
    await until('the container of the build', () => project.instances().size === 1);
    await shot('3-building');
    await building.getByRole('button', { name: 'Cancel' }).click();
    await building.waitFor({ state: 'detached' });
    await new Slots(editor, project).noToasts();
    await until('nothing to be left', () => project.instances().size === 0);
    // Made meanwhile by another window or program: it is seen on coming back, and so is a setting that names another one.
    await workbench.welcomeButton('Build Image').waitFor();
    incus('image', 'alias', 'create', image, fingerprintOf(testImage()));
    await pretendFocus(page, false);
    await pretendFocus(page, true);
    await workbench.welcomeButton('Open Slot').waitFor();
    server.set({ 'incusAgents.image': `${image}-either` });
    await workbench.welcomeButton('Build Image').waitFor();
  });
});

test('restricted mode lists slots and starts nothing', async t => {
  const project = makeProject(t);
  const folder = makeWorkspace(t);
  const settings = slotSettings(project);
  mkdirSync(join(folder, '.vscode'));
  writeFileSync(join(folder, '.vscode/settings.json'), JSON.stringify({ 'incusAgents.confirmClose': false }));
  const keys = [
    { key: 'ctrl+alt+8', command: 'incusAgents.start' },
    { key: 'ctrl+alt+9', command: 'incusAgents.openSlot' },
  ];
  await withEditor(t, { folder, settings, keys, trust: 'asked' }, async editor => {
    const { workbench, terminals, shot, page } = editor;
    const slots = new Slots(editor, project);
    await slots.show();
    await workbench.welcomeButton('Manage Workspace Trust').waitFor({ timeout: FIRST });
    await shot('1-welcome');
    const offered = await workbench.commandsMatching('Incus Agents: Open Slot');
    assert.deepEqual(
      offered.filter(title => /Open Slot/.test(title)),
      [],
    );
    await page.keyboard.press('Escape');
    const [, second = ''] = await openOutside(editor.server, project, [
      { workspace: folder, slot: 1 },
      { workspace: folder, slot: 2, persistent: true },
    ]);
    project.run('stop', '-f', second);
    await slots.says(1, UP);
    await slots.says(2, /stopped/);
    await workbench.sidebar().getByText('Restricted mode: slots are listed').waitFor();
    await workbench.sidebar().getByRole('button', { name: 'Manage Workspace Trust' }).waitFor();
    await shot('2-listed');
    // What a folder that nobody trusts says of questions does not count.
    await workbench.contextAction(slots.row(1), /^Close/);
    await workbench.dialog().filter({ hasText: 'Close project slot 1?' }).waitFor();
    await workbench.answerDialog('Cancel');
    for (const slot of [1, 2]) {
      const menu = await workbench.contextMenu(slots.row(slot));
      await menu.getByRole('menuitem', { name: /^Delete/ }).waitFor();
      const entries = await menu.getByRole('menuitem').allTextContents();
      assert.deepEqual(
        entries.filter(entry => /^(Open|Send|Start|Configure|Resume|Continue|Allow|Trust|Build)/.test(entry)),
        [],
      );
      await page.keyboard.press('Escape');
      await slots.row(slot).hover();
      assert.equal(
        await slots
          .row(slot)
          .getByRole('button', { name: /Open|Start/ })
          .count(),
        0,
      );
    }
    // What the menus leave out is refused all the same: a click, and keys of the user's own.
    const refused = workbench.notification(/In restricted mode slots are listed/);
    for (const attempt of [
      () => slots.row(1).click(),
      () => page.keyboard.press('Control+Alt+8'),
      () => page.keyboard.press('Control+Alt+9'),
    ]) {
      await attempt();
      await refused.waitFor();
      await shot('3-refused');
      await workbench.runCommand('Notifications: Clear All Notifications');
      await refused.waitFor({ state: 'detached' });
    }
    // So is the profile of the "+" of terminals.
    await workbench.runCommand('Create New Terminal (With Profile)');
    await workbench.pick('Incus Agents');
    await workbench.pick(/project slot 1\s*shell/);
    await workbench.notification(/not opened in restricted mode/).waitFor();
    await shot('4-profile');
    assert.equal(await terminals.all().count(), 0);
    assert.deepEqual([...project.containers().values()].sort(), ['RUNNING', 'STOPPED']);
  });
});

test('a workspace of root is opened after consent only', newestOnly, async t => {
  const project = makeProject(t);
  const folder = makeWorkspace(t, 'rooted', 0);
  await withEditor(t, { folder, settings: slotSettings(project) }, async editor => {
    const { workbench, shot } = editor;
    const slots = new Slots(editor, project);
    await slots.show();
    await workbench.viewAction('Open Slot');
    await workbench.dialog().waitFor();
    await shot('1-consent');
    assert.match((await workbench.dialog().textContent()) ?? '', /root/);
    await workbench.answerDialog('Cancel');
    assert.equal(project.containers().size, 0);
    await workbench.viewAction('Open Slot');
    await workbench.answerDialog('Allow');
    const [container = ''] = await project.names(1);
    await slots.prompt(container);
    await shot('2-open');
  });
});
