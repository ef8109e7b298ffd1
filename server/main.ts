import './connections/guard.ts';
import { readFileSync } from 'node:fs';
import { createApp } from './app.ts';
import { run } from './connections/run.ts';

// Both the source and the bundle lie one level below the manifest. Read now: the folder goes away when the extension is updated.
const manifest: { version: string } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));

await run({ argv: process.argv.slice(2), version: manifest.version, createApp });
