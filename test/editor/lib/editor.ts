import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { Page } from 'playwright-core';
import { root } from '../../host/paths.mjs';
import { type Browser, launchBrowser } from './browser.ts';
import { handOver } from './folders.ts';
import { removeSoon } from './remove.ts';
import { type Server, type ServerOptions, startServer, versionUnderTest } from './server.ts';
import { Terminals } from './terminal.ts';
import { Workbench } from './workbench.ts';

/** How the editor of a scenario is opened. */
export interface EditorOptions extends ServerOptions {
  /** The folder to open; false: an empty window. Default: a new folder with one file, removed at the end. */
  folder?: string | false;
}

/** VS Code with our extension in a browser, for one scenario. */
export interface Editor {
  server: Server;
  browser: Browser;
  page: Page;
  workbench: Workbench;
  terminals: Terminals;
  /** The folder that is open; empty in an empty window. */
  folder: string;
  /** Saves what the window shows as an artefact of the run; `still` leaves the mouse where it is, on a tooltip or a toast that would go. */
  shot(name: string, still?: 'still'): Promise<void>;
  /** Where the logs go if the test fails. */
  log: string;
}

/**
 * Opens VS Code, does what the test does with it, and ends everything. A test that fails leaves a screenshot and the
 * logs with the artefacts; one whose window asked for something outside this machine, or had an uncaught error, fails.
 */
export async function withEditor(
  t: TestContext,
  options: EditorOptions,
  body: (editor: Editor) => Promise<void>,
): Promise<void> {
  const ends: (() => Promise<void> | void)[] = [];
  try {
    const editor = await openEditor(t, options, ends);
    try {
      await editor.workbench.open(editor.server, editor.folder || undefined);
      await body(editor);
      assert.deepEqual(editor.browser.external, [], 'the window asked for something outside this machine');
      assert.deepEqual(editor.browser.errors, [], 'uncaught errors in the window');
    } catch (error) {
      await keepEvidence(editor);
      throw error;
    }
  } finally {
    for (const end of ends.reverse()) await end();
  }
}

async function openEditor(
  t: TestContext,
  options: EditorOptions,
  ends: (() => Promise<void> | void)[],
): Promise<Editor> {
  const folder = options.folder === undefined ? newFolder(options) : options.folder || '';
  if (options.folder === undefined) ends.push(() => removeSoon(folder));
  const server = await startServer(options);
  ends.push(() => server.stop());
  const browser = await launchBrowser();
  ends.push(() => browser.close());
  const { page } = browser;
  const shot = async (name: string, still?: 'still'): Promise<void> => {
    if (still === undefined) await page.mouse.move(0, 0); // no hover over the picture
    await page.screenshot({ path: artifact(t.name, `${name}.png`) });
  };
  const log = artifact(t.name, 'FAILED.log');
  return { server, browser, page, workbench: new Workbench(page), terminals: new Terminals(page), folder, shot, log };
}

/** A file of the run that is kept: the name of the test and what it shows. */
function artifact(test: string, name: string): string {
  const folder = join(root, '.artifacts/shots', versionUnderTest);
  mkdirSync(folder, { recursive: true });
  const prefix = test.toLowerCase().replace(/[^a-z0-9]+/g, '-');
  return join(folder, `${prefix.slice(0, 60)}--${name}`);
}

/** Evidence must not hide the failure itself: a page that is gone gives none. */
async function keepEvidence(editor: Editor): Promise<void> {
  writeFileSync(editor.log, editor.server.logs());
  await editor.shot('FAILED').catch(error => writeFileSync(editor.log, `no screenshot: ${error}\n`, { flag: 'a' }));
}

function newFolder({ account }: EditorOptions): string {
  const folder = mkdtempSync(join(tmpdir(), 'ws-'));
  writeFileSync(join(folder, 'hello.txt'), 'hello\n');
  if (account) handOver(folder, account);
  return folder;
}
