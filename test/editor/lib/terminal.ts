import type { Locator, Page } from 'playwright-core';
import { until } from './wait.ts';

/** The terminals of a window, as the page shows them: rows in view only, as the DOM renderer draws them. */
export class Terminals {
  readonly page: Page;

  constructor(page: Page) {
    this.page = page;
  }

  /** Every terminal of the window, in the panel and in editors. */
  all(): Locator {
    return this.page.locator('.terminal-wrapper');
  }

  private active(): Locator {
    return this.page.locator('.terminal-wrapper.active').first();
  }

  /** Names of the terminals in the panel's list or, when there is one only, its header. */
  async names(): Promise<string[]> {
    const tabs = this.page.locator('.terminal-tabs-entry, .single-terminal-tab');
    return (await tabs.allInnerTexts()).map(text => text.replace(/\s+/g, ' ').trim());
  }

  /** Text of the terminal that is shown. */
  async text(): Promise<string> {
    const rows = await this.active().locator('.xterm-rows > div').allInnerTexts();
    return rows
      .map(row => row.replace(/\u00a0/g, ' ').trimEnd())
      .join('\n')
      .trimEnd();
  }

  /** Waits for a text in the terminal that is shown. */
  async waitFor(text: string | RegExp, timeout = 60_000): Promise<void> {
    await until(
      `"${text}" in the terminal`,
      async () => (typeof text === 'string' ? (await this.text()).includes(text) : text.test(await this.text())),
      timeout,
    ).catch(async error => {
      throw new Error(`${error instanceof Error ? error.message : error}\nIt shows:\n${await this.text()}`);
    });
  }

  async focus(): Promise<void> {
    await this.active().locator('.xterm-helper-textarea').focus();
  }

  /** Types a line into the terminal that is shown and presses Enter. */
  async type(line: string): Promise<void> {
    await this.focus();
    await this.page.keyboard.type(line);
    await this.page.keyboard.press('Enter');
  }
}
