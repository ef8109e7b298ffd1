import { LOGIN_TABLES } from './opencode-database.ts';

/**
 * A plugin of opencode that runs inside: it notes the agent's state in the signals directory and what is said in
 * `transcript.jsonl` beside the database, so that nobody outside has to open a database that an agent wrote. The tokens
 * of a login to opencode's own service would be in the database, and so in the session: it refuses them.
 */
export const OPENCODE_PLUGIN = `import { Database } from 'bun:sqlite';
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';

const signals = (process.env.INCUS_AGENTS_SIGNALS ?? '') + '/events';
const speaker = (process.env.INCUS_AGENTS_SIGNALS ?? '') + '/speaker';
const running = (process.env.HOME ?? '') + '/.incus-agents/running';
const transcript = process.env.INCUS_AGENTS_TRANSCRIPT ?? '/dev/null';
const children = new Set();
const roles = new Map();
const written = new Set();
const asked = new Map();

function read(file) {
  try { return readFileSync(file, 'utf8').trim(); } catch { return ''; }
}

/** State, parent, …, start of a process. */
function stat(pid) {
  const text = read('/proc/' + pid + '/stat');
  return text.slice(text.lastIndexOf(')') + 1).trim().split(' ');
}

function isLaunched() {
  const launch = read(running);
  for (let pid = process.pid; pid > 1; pid = Number(stat(pid)[1])) if (String(pid) === launch) return true;
  return false;
}

/** Whether this is the agent, and not an opencode that it runs: as in the program that hooks call. */
function speaks() {
  const before = read(speaker);
  const self = process.pid + ' ' + stat(process.pid)[19];
  if (before === self) return true;
  const [pid, began] = before.split(' ');
  const [state, ...more] = stat(pid || 'none');
  if (began !== undefined && state !== 'Z' && more[18] === began) return false;
  try { if (isLaunched()) writeFileSync(speaker, self + '\\n'); } catch { /* As for lines. */ }
  return true;
}

function append(file, line) {
  if (!speaks()) return;
  try { appendFileSync(file, line + '\\n'); } catch { /* The agent goes on without being watched. */ }
}

function signal(word, payload = {}) {
  append(signals, word + ' ' + Math.floor(Date.now() / 1000) + ' ' + JSON.stringify(payload));
}

function status(word, sessionID) {
  if (children.has(sessionID)) return;
  if (word === 'idle') asked.clear();
  if (asked.size === 0) signal(word, { session_id: sessionID });
}

/** The session of a helper is not the one to go on with. */
function ask(p, what) {
  asked.set(p.id, children.has(p.sessionID) ? what : { session_id: p.sessionID, ...what });
  signal('waiting', asked.get(p.id));
}

/** There can be several questions at once. */
function answered(p) {
  asked.delete(p.requestID);
  const [next] = asked.values();
  if (next !== undefined) signal('waiting', next);
  else signal('working', children.has(p.sessionID) ? {} : { session_id: p.sessionID });
}

function part(p) {
  const role = roles.get(p.messageID);
  if (p.type !== 'text' || p.synthetic || role === undefined || children.has(p.sessionID) || written.has(p.id)) return;
  if (role === 'assistant' && !p.time?.end) return;
  if (p.id) written.add(p.id);
  append(transcript, JSON.stringify({ session: p.sessionID, role, text: String(p.text).slice(0, 100000), at: Date.now() }));
}

function on(type, p) {
  if ((type === 'session.created' || type === 'session.updated') && p.info?.parentID) children.add(p.info.id);
  else if (type === 'session.status') status(p.status?.type === 'idle' ? 'idle' : 'working', p.sessionID);
  else if (type === 'session.idle') status('idle', p.sessionID);
  else if (type === 'permission.asked') ask(p, { tool_name: String(p.permission).slice(0, 80) });
  else if (type === 'question.asked') ask(p, { message: 'a question' });
  else if (type === 'permission.replied' || type === 'question.replied' || type === 'question.rejected') answered(p);
  else if (type === 'message.updated') roles.set(p.info?.id, p.info?.role);
  else if (type === 'message.part.updated') part(p.part ?? {});
}

function refuseTokens() {
  const db = new Database(process.env.OPENCODE_DB);
  for (const table of [${LOGIN_TABLES.map(table => `'${table}'`).join(', ')}]) {
    for (const when of ['INSERT', 'UPDATE']) {
      try {
        db.run('CREATE TRIGGER IF NOT EXISTS incus_agents_no_tokens_' + table + '_' + when + ' BEFORE ' + when + ' ON ' + table + ' BEGIN ' +
          "SELECT RAISE(ABORT, 'Incus Agents: a login is not kept in the database of a session; use a key of the provider.'); END");
      } catch { /* Without such a table there is nothing to refuse. */ }
    }
  }
  db.close();
}

export const IncusAgents = async () => {
  try { refuseTokens(); } catch { /* Without a database it could not keep one either. */ }
  signal('ready');
  return { event: async ({ event }) => on(event.type, event.properties ?? {}) };
};
`;
