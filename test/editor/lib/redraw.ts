/// <reference lib="dom" />
import type { Locator, Page } from 'playwright-core';

/**
 * Milliseconds from an act of another program to the row that says so, as the page's own observer sees the row change.
 * The act must be synchronous: what counts begins when it has returned, and a row that was faster counts as 0.
 */
export async function redrawTime(page: Page, row: Locator, words: RegExp, act: () => void): Promise<number> {
  const element = await row.elementHandle();
  if (element === null) throw new Error('There is no such row');
  const drawn = page.evaluate(
    ([tree, source]) =>
      new Promise<number>((resolve, reject) => {
        setTimeout(() => reject(new Error(`no row says ${source}`)), 30_000);
        const root = document.querySelector(tree) ?? document.body;
        const wanted = new RegExp(source);
        const look = (): boolean =>
          [...root.querySelectorAll('[role=treeitem]')].some(each => wanted.test(each.ariaLabel ?? ''));
        const observer = new MutationObserver(() => {
          if (!look()) return;
          observer.disconnect();
          resolve(performance.timeOrigin + performance.now());
        });
        observer.observe(root, { subtree: true, childList: true, attributes: true, characterData: true });
      }),
    ['.part.sidebar', `^${await numberOf(row)}.*(${words.source})`] as const,
  );
  act();
  const done = performance.timeOrigin + performance.now();
  return Math.max(0, (await drawn) - done);
}

async function numberOf(row: Locator): Promise<string> {
  return /^Slot \d+,/.exec((await row.getAttribute('aria-label')) ?? '')?.[0] ?? '';
}
