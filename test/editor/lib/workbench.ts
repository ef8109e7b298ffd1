/// <reference lib="dom" />
import type { Locator, Page } from 'playwright-core';
import type { Server } from './server.ts';
import { until } from './wait.ts';

/** Text of an element: exact, or a pattern. */
export type Name = string | RegExp;

/** The VS Code workbench in a page. Lists and trees are virtual: only rows in view exist. */
export class Workbench {
  readonly page: Page;

  constructor(page: Page) {
    this.page = page;
  }

  /** Opens a window on a folder, a `.code-workspace` file, or an empty one, and waits until it can be used. */
  async open(server: Server, folder?: string): Promise<void> {
    const url = new URL(`${server.url}/`);
    if (folder) url.searchParams.set(folder.endsWith('.code-workspace') ? 'workspace' : 'folder', folder);
    else url.searchParams.set('ew', 'true');
    await this.page.goto(url.href, { waitUntil: 'commit' });
    await this.ready();
  }

  /** A new window and a new extension host on the same server, as "Reload Window" makes them. */
  async reload(): Promise<void> {
    // By the command, not by the browser's reload: only then does the window save what it is to bring back.
    const loaded = this.page.waitForEvent('load');
    await this.runCommand('Developer: Reload Window');
    await loaded;
    await this.ready();
  }

  async ready(): Promise<void> {
    await this.page.locator('.monaco-workbench .part.statusbar').waitFor({ timeout: 60_000 });
  }

  /**
   * Runs a command from the palette. `title` is what it shows: "Category: Title". The palette shows what there is when it opens, and
   * whatever takes the focus closes it, so it is opened again, after `prepare` each time.
   */
  async runCommand(title: string, prepare = async (): Promise<void> => {}): Promise<void> {
    const row = this.page.locator('.quick-input-widget .monaco-list-row').filter({ hasText: title }).first();
    await until(
      `the command ${title}`,
      async () => {
        try {
          await prepare();
          await this.openPalette(title);
          await row.waitFor({ timeout: 5000 });
          await row.click({ timeout: 2000 });
          return true;
        } catch (error) {
          await this.page.keyboard.press('Escape');
          throw error;
        }
      },
      40_000,
    );
  }

  /** Titles that the palette offers for this search. Leaves the palette closed. */
  async commandsMatching(search: string): Promise<string[]> {
    await this.openPalette(search);
    // The palette always has a row: the last resort is "No matching commands".
    await this.page.locator('.quick-input-widget .monaco-list-row').first().waitFor();
    const labels = this.page.locator('.quick-input-widget .monaco-list-row .label-name');
    const titles = await labels.allInnerTexts();
    await this.page.keyboard.press('Escape');
    return titles.map(title => title.replace(/\u00a0/g, ' ').trim());
  }

  private async openPalette(search: string): Promise<void> {
    await this.page.mouse.move(0, 0); // a hover lies over the palette and takes its clicks
    await this.page.keyboard.press('F1');
    await this.quickInput().waitFor({ timeout: 5000 });
    await this.quickInput().fill(`>${search}`, { timeout: 5000 });
  }

  /** The field of the palette, a quick pick or an input box. */
  quickInput(): Locator {
    return this.page.locator('.quick-input-widget input.input');
  }

  /** A row of an open quick pick. */
  quickPickItem(name: Name): Locator {
    return this.page.locator('.quick-input-widget .monaco-list-row').filter({ hasText: name });
  }

  /**
   * Runs a command and waits until its menu has an item. A menu is made once, from what is known then, and whatever takes the focus closes
   * it, so it is asked for again.
   */
  async menu(title: string, item: Name, prepare?: () => Promise<void>): Promise<Locator> {
    return this.inMenu(title, item, prepare, async row => row);
  }

  /** The same, and chooses the item. */
  async choose(title: string, item: Name, prepare?: () => Promise<void>): Promise<void> {
    await this.inMenu(title, item, prepare, row => row.click({ timeout: 5000 }));
  }

  private async inMenu<T>(
    title: string,
    item: Name,
    prepare: (() => Promise<void>) | undefined,
    act: (row: Locator) => Promise<T>,
  ): Promise<T> {
    const row = this.quickPickItem(item).first();
    const answer = await until(`${item} in the menu of ${title}`, async () => {
      try {
        await this.runCommand(title, prepare);
        await row.waitFor({ timeout: 5000 });
        return { of: await act(row) };
      } catch (error) {
        await this.page.keyboard.press('Escape');
        throw error;
      }
    });
    return answer.of;
  }

  /** Chooses a row of an open quick pick. */
  async pick(name: Name): Promise<void> {
    await this.quickPickItem(name).first().click();
  }

  /** Types into an open input box or quick pick and accepts. */
  async answer(text: string): Promise<void> {
    await this.quickInput().waitFor();
    await this.quickInput().fill(text);
    await this.quickInput().press('Enter');
  }

  /** An icon in the activity bar. */
  activity(name: Name): Locator {
    return this.page.locator('.part.activitybar').getByRole('tab', { name });
  }

  /** The number on an icon of the activity bar. */
  badge(name: Name): Locator {
    return this.activity(name).locator('.badge-content');
  }

  /** Shows a view container of the sidebar; a second time does not hide it. */
  async showSidebar(name: Name): Promise<void> {
    const tab = this.activity(name);
    await tab.waitFor();
    if ((await tab.getAttribute('aria-expanded')) !== 'true' || !(await this.sidebar().isVisible())) await tab.click();
  }

  sidebar(): Locator {
    return this.page.locator('.part.sidebar');
  }

  /** The mark at the right end of a row of a tree; empty without one. The page draws it, it is no text. */
  async mark(row: Locator): Promise<string> {
    const content = await row
      .locator('.monaco-icon-label')
      .evaluate(label => getComputedStyle(label, '::after').content);
    return /^"(.*)"$/.exec(content)?.[1] ?? '';
  }

  /** Opens what is below a row. */
  async expand(row: Locator): Promise<void> {
    const open = async () => (await row.getAttribute('aria-expanded', { timeout: 2000 })) === 'true';
    // A row that is drawn anew under the mouse takes no click.
    await until('the row to open', async () => {
      if (await open()) return true;
      await row.locator('.monaco-tl-twistie').click({ timeout: 5000 });
      return until('it to open', open, 2000);
    });
  }

  /** Rests the mouse on a row until its tooltip is there, and returns that. */
  async tooltip(row: Locator, words: Name): Promise<Locator> {
    const hover = this.page.locator('.monaco-hover').filter({ hasText: words });
    await until('the tooltip', async () => {
      await this.page.mouse.move(0, 0);
      await row.hover({ timeout: 5000 });
      await hover.waitFor({ timeout: 5000 });
      return true;
    });
    return hover;
  }

  /** A row of a tree in the sidebar, by its label and what else it says. */
  treeItem(name: Name): Locator {
    return this.sidebar().getByRole('treeitem', { name });
  }

  /** A link or button in the text that an empty view shows. */
  welcomeButton(name: Name): Locator {
    return this.sidebar().locator('.welcome-view-content').getByRole('button', { name });
  }

  /** Clicks an action at the right end of a row: it is there only under the mouse. */
  async inlineAction(row: Locator, name: Name): Promise<void> {
    await this.hoverAndClick(row, row.getByRole('button', { name }).first());
  }

  /** An action in the title of a view. */
  async viewAction(name: Name): Promise<void> {
    const header = this.sidebar().locator('.pane-header, .composite.title').first();
    await this.hoverAndClick(
      header,
      this.sidebar().locator('.title-actions, .actions').getByRole('button', { name }).first(),
    );
  }

  /** Clicks, once, what is there only while the mouse is on something that may be drawn anew at any time. */
  private async hoverAndClick(place: Locator, button: Locator): Promise<void> {
    await until('the button', async () => {
      await place.hover({ timeout: 5000 });
      await button.click({ timeout: 5000 });
      return true;
    });
  }

  /** Opens the context menu of a row and returns it. */
  async contextMenu(row: Locator): Promise<Locator> {
    const menu = this.page.locator('.context-view .monaco-menu, .monaco-menu-container .monaco-menu').last();
    await until('the menu', async () => {
      if (!(await menu.isVisible())) await row.click({ button: 'right', timeout: 5000 });
      await menu.waitFor({ timeout: 2000 });
      return true;
    });
    return menu;
  }

  /** Chooses an entry of a row's context menu. */
  async contextAction(row: Locator, name: Name): Promise<void> {
    const menu = await this.contextMenu(row);
    const item = menu.getByRole('menuitem', { name }).first();
    await item.waitFor();
    // A click right after the menu has opened belongs to its opening, and does nothing.
    await until('the menu to take the click', async () => {
      if (await item.isVisible()) await item.click({ timeout: 1_000 }).catch(() => undefined);
      return !(await item.isVisible());
    });
  }

  /** An item of the status bar: "<publisher>.<extension>.<item id>". */
  statusItem(id: string): Locator {
    return this.page.locator(`.part.statusbar [id="${id}"]`);
  }

  dialog(): Locator {
    return this.page.locator('.monaco-dialog-box');
  }

  /** Presses a button of the dialog that is open. */
  async answerDialog(button: Name): Promise<void> {
    await this.dialog().getByRole('button', { name: button }).click();
    await this.dialog().waitFor({ state: 'detached' });
  }

  notification(text: Name): Locator {
    return this.page.locator('.notification-toast').filter({ hasText: text });
  }

  /**
   * Chooses among the values of one of our settings, by its title and their order, as a user does who has opened the settings. The editor
   * does not notice when another program changes the user's own file; that of the machine it watches.
   */
  async chooseSetting(title: string, index: number): Promise<void> {
    await this.runCommand('Preferences: Open Settings (UI)');
    const search = this.page.locator('.settings-editor .suggest-input-container');
    await search.click();
    await this.page.keyboard.press('Control+a');
    await this.page.keyboard.type(`@ext:incus-agents.incus-agents ${title}`);
    const setting = this.page.locator('.settings-editor .setting-item-contents');
    const choice = setting.filter({ hasText: `Incus Agents: ${title}` }).locator('select');
    await choice.selectOption({ index });
    await this.runCommand('View: Close Editor');
    await search.waitFor({ state: 'detached' });
  }

  /** What Running Extensions says of each: "Incus Agents 0.1.0 … Activation: 21ms". */
  async runningExtensions(): Promise<string[]> {
    await this.runCommand('Developer: Show Running Extensions');
    const rows = this.page.locator('.runtime-extensions-editor .monaco-list-row');
    await rows.first().waitFor();
    const size = this.page.viewportSize() ?? { width: 1280, height: 800 };
    await this.page.setViewportSize({ ...size, height: 4000 });
    const texts = await until('running extensions with their times', async () => {
      const all = await rows.allInnerTexts();
      return all.some(text => text.includes('Activation')) && all.map(text => text.replace(/\s+/g, ' '));
    });
    await this.page.setViewportSize(size);
    return texts;
  }
}
