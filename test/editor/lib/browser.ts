import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrowserContext, chromium, type Page } from 'playwright-core';

/** A headless Chromium with a profile of its own: the state of the editor's windows lives in there. */
export interface Browser {
  context: BrowserContext;
  page: Page;
  /** Addresses outside loopback that a page asked for: there must be none. */
  external: string[];
  /** Errors that nobody caught in the page. */
  errors: string[];
  close(): Promise<void>;
}

const flags = [
  '--no-sandbox', // tests run as root in containers and virtual machines; only our own pages are opened
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-dev-shm-usage',
];

/** Starts a browser. INCUS_AGENTS_CHROMIUM names its program. */
export async function launchBrowser(viewport = { width: 1280, height: 800 }): Promise<Browser> {
  const profile = mkdtempSync(join(tmpdir(), 'chromium-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.INCUS_AGENTS_CHROMIUM ?? '/usr/bin/chromium',
    headless: true,
    viewport,
    permissions: ['clipboard-read', 'clipboard-write'],
    args: flags,
  });
  // A busy machine has steps that take ten seconds more; what never comes fails all the same.
  context.setDefaultTimeout(60_000);
  const page = context.pages()[0] ?? (await context.newPage());
  const external: string[] = [];
  const errors: string[] = [];
  context.on('request', request => {
    const { protocol, hostname, href } = new URL(request.url());
    if (/^(http|ws)/.test(protocol) && !/^(127\.0\.0\.1|localhost)$/.test(hostname)) external.push(href);
  });
  page.on('pageerror', error => errors.push(error.message));
  const close = async (): Promise<void> => {
    await context.close();
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  };
  return { context, page, external, errors, close };
}
