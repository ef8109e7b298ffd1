import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Table } from '../redteam/table.ts';
import { type Editor, withEditor } from './lib/editor.ts';
import {
  type Attacker,
  commonDirectory,
  gitFile,
  makeRepository,
  nested,
  PROGRAMS,
  plant,
  race,
  Trace,
} from './lib/git-attack.ts';
import { makeProject, makeWorkspace, type Project } from './lib/incus.ts';
import { openOutside } from './lib/outside.ts';
import { newestOnly } from './lib/server.ts';
import { stepsOf } from './lib/steps.ts';
import { until } from './lib/wait.ts';
import { Workbench } from './lib/workbench.ts';

/** One window on a workspace, its user, and the agent in its slot. */
class Side {
  readonly workbench: Workbench;
  readonly run: (script: string, as: Attacker) => void;
  readonly editor: Editor;
  readonly folder: string;
  /** Each side has its own: the other window goes on working. */
  readonly trace: Trace;

  constructor(
    t: TestContext,
    editor: Editor,
    workbench: Workbench,
    project: Project,
    folder: string,
    container: string,
  ) {
    this.trace = new Trace(t);
    this.editor = editor;
    this.workbench = workbench;
    this.folder = folder;
    this.run = (script, as) => {
      const id = as === 'root' ? '0' : '1000';
      project.run('exec', container, '--user', id, '--group', id, '--cwd', folder, '-T', '--', '/bin/sh', '-c', script);
    };
  }

  /** What a program of an attacker's did, if it did. */
  ranBy(as: Attacker, program: string): string | undefined {
    return this.trace.ran().has(`${as}-${program}`) ? 'it ran on the host' : undefined;
  }

  /** Waits until the editor's git has looked at the workspace since a file came. */
  async sees(file: string): Promise<void> {
    await this.workbench.showSidebar(/^Source Control/);
    await this.workbench.page
      .getByRole('treeitem', { name: new RegExp(`^${file}`) })
      .first()
      .waitFor({ timeout: 90_000 });
  }

  /** Waits until the editor has tried to write its key for a branch. */
  async wroteKeyOf(branch: string): Promise<void> {
    await until(`a key for ${branch}`, () =>
      this.editor.server.logs().includes(`git config --add --local branch.${branch}.vscode-merge-base`),
    );
  }

  /** What a user does who trusts the folder: looks at a change, commits, fetches. */
  async work(): Promise<void> {
    const { workbench } = this;
    await workbench.page
      .getByRole('treeitem', { name: /^hello\.txt/ })
      .first()
      .click();
    await workbench.page.getByRole('tab', { name: /hello\.txt \(Working Tree\)/ }).waitFor();
    await workbench.runCommand('Git: Commit All');
    await workbench.answer('by the user');
    const last = () => git(this.folder, 'log', '-1', '--format=%s');
    await until('the commit', () => last() === 'by the user');
    await workbench.runCommand('Git: Fetch');
    await workbench.page
      .locator('.monaco-dialog-box, .notification-toast')
      .filter({ hasText: /git/i })
      .first()
      .waitFor();
    await workbench.page.keyboard.press('Escape');
  }
}

/** Git as the test itself uses it, deaf to what a repository says. */
function git(folder: string, ...args: string[]): string {
  const safe = ['-c', 'safe.directory=*', '-c', 'core.fsmonitor=false', '-c', 'core.hooksPath=/dev/null'];
  return execFileSync('git', [...safe, ...args], { cwd: folder, encoding: 'utf8' }).trim();
}

test("the editor's own Git extension beside a hostile agent", newestOnly, async t => {
  const project = makeProject(t);
  const [heldFolder, bareFolder] = [makeWorkspace(t, 'held'), makeWorkspace(t, 'bare')];
  for (const folder of [heldFolder, bareFolder]) makeRepository(folder);
  const table = new Table(t, "Programs that a repository names, while the editor's Git extension works on it");
  const config = readFileSync(join(heldFolder, '.git/config'), 'utf8');
  const settings = {
    'incusAgents.incusProject': project.name,
    'task.allowAutomaticTasks': 'on',
    'git.useEditorAsCommitInput': false,
    // What SECURITY.md advises.
    'git.autoRepositoryDetection': false,
    'git.detectSubmodules': false,
  };
  // The editor is root here, and the folders are not root's.
  const env = { GIT_CONFIG_COUNT: '1', GIT_CONFIG_KEY_0: 'safe.directory', GIT_CONFIG_VALUE_0: '*' };
  const files = { '.coi/profiles/bare/config.toml': '[security]\nprotection = "off"\n' };
  await withEditor(t, { folder: bareFolder, settings, env, files }, async editor => {
    const step = stepsOf(t, editor);
    const [heldContainer = '', bareContainer = ''] = await openOutside(
      editor.server,
      project,
      [{ workspace: heldFolder }, { workspace: bareFolder, profile: 'bare' }],
      { preserveWorkspacePath: true }, // What is planted is at the same path on both sides.
    );
    const second = await editor.browser.context.newPage();
    const bare = new Side(t, editor, editor.workbench, project, bareFolder, bareContainer);
    const held = new Side(t, editor, new Workbench(second), project, heldFolder, heldContainer);

    await step('without protection, the host runs what the repository names', async () => {
      bare.run(race(bare.trace, 'code'), 'code');
      await until('the race', () => bare.ranBy('code', 'race'));
      bare.run(plant(bare.trace, 'code'), 'code');
      await bare.sees('seen-code.txt');
      await bare.work();
      bare.run(commonDirectory(bare.trace, 'code'), 'code');
      await until('the other configuration', () => bare.ranBy('code', 'commondir'));
      bare.run(`rm .git/commondir; ${gitFile(bare.trace, 'code')}`, 'code');
      await bare.workbench.reload();
      await bare.sees('later-code.txt');
      for (const [program, name] of Object.entries(PROGRAMS)) {
        await until(program, () => bare.ranBy('code', program), 90_000).catch(() => undefined);
        table.control(name, 'code', bare.ranBy('code', program));
      }
    });

    await step('with it, nothing that the repository names is run', async () => {
      await held.workbench.open(editor.server, heldFolder);
      for (const as of ['code', 'root'] as const) {
        held.run(race(held.trace, as), as);
        await held.wroteKeyOf(`held-${as}`);
        held.run(plant(held.trace, as), as);
        await held.sees(`seen-${as}.txt`);
      }
      await held.work();
      for (const as of ['code', 'root'] as const) {
        held.run(commonDirectory(held.trace, as), as);
        await held.sees(`common-${as}.txt`);
      }
      for (const as of ['code', 'root'] as const) held.run(gitFile(held.trace, as), as);
      await held.workbench.reload();
      await held.sees('later-root.txt');
      for (const as of ['code', 'root'] as const)
        for (const [program, name] of Object.entries(PROGRAMS)) table.held(name, as, held.ranBy(as, program));
      assert.equal(readFileSync(join(heldFolder, '.git/config'), 'utf8'), config);
      assert.ok(lstatSync(join(heldFolder, '.git')).isDirectory());
      for (const empty of ['.vscode', '.devcontainer']) assert.deepEqual(readdirSync(join(heldFolder, empty)), []);
    });

    await step(
      'a repository within the workspace is left alone as SECURITY.md says, and run without that',
      async () => {
        held.run(nested(held.trace, 'code'), 'code');
        await held.workbench.reload();
        await held.sees('nested-code.txt');
        table.held(
          'a repository within the workspace, with the advised settings',
          'code',
          held.ranBy('code', 'nested'),
        );
        table.held('one that .gitmodules names, with the advised settings', 'code', held.ranBy('code', 'submodule'));
        editor.server.set({ 'git.autoRepositoryDetection': true, 'git.detectSubmodules': true });
        await held.workbench.reload();
        await until('both to be run', () => held.ranBy('code', 'nested') && held.ranBy('code', 'submodule'));
        // Nothing else, not even late.
        assert.deepEqual([...held.trace.ran()].sort(), ['code-nested', 'code-submodule']);
      },
    );
    await second.close();
  });
});
