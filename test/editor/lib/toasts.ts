/// <reference lib="dom" />
import type { Page } from 'playwright-core';

/** Every notification that a window has shown since, in order: also those that have left again. */
export class Toasts {
  readonly page: Page;

  constructor(page: Page) {
    this.page = page;
  }

  /** Begins to take note. A reload of the window ends it. */
  async watch(): Promise<void> {
    await this.page.evaluate(() => {
      const seen: string[] = [];
      const known = new WeakMap<Element, string>();
      const look = () => {
        for (const message of document.querySelectorAll('.notification-toast .notification-list-item-message')) {
          const text = message.textContent ?? '';
          if (text === '' || known.get(message) === text) continue;
          known.set(message, text);
          seen.push(text);
        }
      };
      new MutationObserver(look).observe(document.body, { subtree: true, childList: true, characterData: true });
      Object.assign(window, { toastsOfTest: seen });
    });
  }

  /** Those whose text fits. */
  async all(words: RegExp): Promise<string[]> {
    const texts = await this.page.evaluate((): string[] => Reflect.get(window, 'toastsOfTest'));
    return texts.filter(text => words.test(text));
  }
}

/** Makes the window believe that it has the focus of the desktop, or has lost it. */
export async function pretendFocus(page: Page, focused: boolean): Promise<void> {
  await page.evaluate(has => {
    document.hasFocus = () => has;
    window.dispatchEvent(new Event(has ? 'focus' : 'blur'));
  }, focused);
}
