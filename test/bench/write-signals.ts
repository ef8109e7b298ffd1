import { appendFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';

/** Writes into the session directories of its arguments, every two seconds each and spread over that time, what a busy claude does. */
const dirs = process.argv.slice(2);
let turn = 0;
setInterval(() => {
  const dir = dirs[turn % dirs.length] ?? '';
  const working = Math.floor(turn / dirs.length) % 2 === 0;
  const now = Date.now();
  const timestamp = new Date(now).toISOString();
  const message = { role: 'assistant', content: [{ type: 'text', text: 'word '.repeat(100) }] };
  const line = JSON.stringify({ type: 'assistant', timestamp, message });
  appendFileSync(join(dir, '.claude/projects/-workspace', `${basename(dir)}.jsonl`), `${line}\n`);
  appendFileSync(join(dir, 'signals/events'), `${working ? 'working' : 'idle'} ${Math.floor(now / 1000)} {}\n`);
  const note = { pid: 1, sessionId: 's', status: working ? 'busy' : 'idle', statusUpdatedAt: now };
  writeFileSync(join(dir, '.claude/sessions/1.json'), JSON.stringify(note));
  turn += 1;
}, 2000 / dirs.length);
process.send?.('begun');
