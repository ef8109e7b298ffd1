import { LOGIN_TABLES } from './opencode-database.ts';

/**
 * A plugin of opencode that runs inside: it notes the agent's state in the signals directory and what is said in
 * `transcript.jsonl` beside the database, so that nobody outside has to open a database that an agent wrote. The tokens
 * of a login to opencode's own service would be in the database, and so in the session: it refuses them.
 */
export const OPENCODE_PLUGIN = `import { Database } from 'bun:sqlite';
import { appendFileSync } from 'node:fs';

const signals = (process.env.INCUS_AGENTS_SIGNALS ?? '') + '/events';
const transcript = process.env.INCUS_AGENTS_TRANSCRIPT ?? '/dev/null';
const children = new Set();
const roles = new Map();
const written = new Set();

function append(file, line) {
  try { appendFileSync(file, line + '\\n'); } catch { /* The agent goes on without being watched. */ }
}

function signal(word, payload = {}) {
  append(signals, word + ' ' + Math.floor(Date.now() / 1000) + ' ' + JSON.stringify(payload));
}

function status(word, sessionID) {
  if (!children.has(sessionID)) signal(word, { session_id: sessionID });
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
  else if (type === 'permission.asked') signal('waiting', { session_id: p.sessionID, tool_name: String(p.permission).slice(0, 80) });
  else if (type === 'question.asked') signal('waiting', { session_id: p.sessionID, message: 'a question' });
  else if (type === 'permission.replied' || type === 'question.replied' || type === 'question.rejected') signal('working', { session_id: p.sessionID });
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
