/// <reference lib="dom" />
import assert from 'node:assert/strict';
import { basename } from 'node:path';
import type { Locator } from 'playwright-core';
import type { Editor } from './editor.ts';
import { incus, type Project } from './incus.ts';
import { FIRST, until } from './wait.ts';

/** What the row of a slot that runs says, whatever is known of its agent. */
export const UP = /running|idle|working/;

/** What a person does with slots in a window, and what they see of them. */
export class Slots {
  readonly editor: Editor;
  readonly project: Project;

  constructor(editor: Editor, project: Project) {
    this.editor = editor;
    this.project = project;
  }

  /** Shows the sidebar of slots. */
  async show(): Promise<void> {
    await this.editor.workbench.showSidebar('Incus Agents');
  }

  /** A slot's row, wherever it is. */
  row(slot: number): Locator {
    return this.editor.workbench.treeItem(new RegExp(`^Slot ${slot},`));
  }

  /** A workspace's row. */
  workspace(folder: string): Locator {
    return this.editor.workbench.treeItem(new RegExp(`^Workspace ${basename(folder)},`));
  }

  /** Presses "+" and waits until the shell of the slot asks for a command. Returns the container. */
  async open(slot: number): Promise<string> {
    const before = new Set(this.project.containers().keys());
    await this.editor.workbench.viewAction('Open Slot');
    await this.row(slot).waitFor({ timeout: FIRST });
    const container = await until('a new container', () =>
      [...this.project.containers().keys()].find(name => !before.has(name)),
    ).catch(error => {
      throw new Error(`${error}\n${incus('list', '--all-projects', '--format=csv', '--columns=nse')}`);
    });
    await this.prompt(container);
    return container;
  }

  /** Waits until the terminal in front shows the prompt of a container's shell. */
  async prompt(container: string): Promise<void> {
    await this.editor.terminals.waitFor(new RegExp(`@${container}:.*\\$ ?$`), FIRST);
  }

  /** Waits until a slot's row says something. */
  async says(slot: number, words: RegExp, timeout = 60_000): Promise<void> {
    await until(
      `slot ${slot} to say ${words}`,
      async () => words.test((await this.row(slot).getAttribute('aria-label', { timeout: 1_000 })) ?? ''),
      timeout,
    );
  }

  /** Fails if the window goes on showing a notification: progress that has just ended takes a moment to leave. */
  async noToasts(): Promise<void> {
    // Older versions explain once, on their own, which keys a terminal does not get.
    const toasts = this.editor.page.locator('.notification-toast').filter({ hasNotText: 'Some keybindings' });
    const texts = () => toasts.allInnerTexts();
    await until('no notification', async () => (await texts()).length === 0).catch(() => undefined);
    assert.deepEqual(await texts(), []);
  }

  /** Waits until the keyboard is in the terminal in front. */
  async terminalHasFocus(): Promise<void> {
    await until('the focus in the terminal', () =>
      this.editor.page.evaluate(
        () => document.activeElement?.matches('.terminal-wrapper.active .xterm-helper-textarea') ?? false,
      ),
    );
  }
}
