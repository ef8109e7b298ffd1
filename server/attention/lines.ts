import { plainLine } from '../base/plain.ts';
import type { SignalInput, SignalWord } from './types.ts';

const WORDS: ReadonlySet<string> = new Set<SignalWord>(['start', 'ready', 'working', 'waiting', 'idle', 'exit']);
/** More lines than this in one read are a flood; only the last ones say how things stand. */
const MAX_LINES = 64;

/**
 * The signals of a piece of the events file: `WORD SECONDS PAYLOAD` per line. What does not look like that is left out.
 * `now` in milliseconds bounds the times, which come from inside.
 */
export function parseSignals(text: string, now: number): SignalInput[] {
  const signals: SignalInput[] = [];
  for (const line of text.split('\n').slice(-MAX_LINES)) {
    const match = /^([a-z]{1,16}) (\d{1,12})(?: (.*))?$/.exec(line.slice(0, 4096));
    if (match === null) continue;
    const [, word = '', seconds = '', payload = ''] = match;
    if (!WORDS.has(word)) continue;
    signals.push({
      kind: 'signal',
      word: word as SignalWord,
      at: Math.min(Number(seconds) * 1000, now),
      ...extra(word, payload),
    });
  }
  return signals;
}

function extra(word: string, payload: string): Pick<SignalInput, 'detail' | 'code' | 'conversation' | 'helper'> {
  if (word === 'exit') return /^\d{1,3}$/.test(payload.trim()) ? { code: Number(payload) } : {};
  const detail = word === 'waiting' ? plainLine(payloadDetail(payload), 80) : '';
  // Codex's hooks of a helper have the id of its thread (openai/codex#22882).
  if (/"agent_id"\s*:\s*"/.test(payload)) return { ...(detail === '' ? {} : { detail }), helper: true };
  const [, conversation] = /"session_id"\s*:\s*"([A-Za-z0-9_-]{8,64})"/.exec(payload) ?? [];
  return { ...(detail === '' ? {} : { detail }), ...(conversation === undefined ? {} : { conversation }) };
}

/** A payload is the agent's JSON about the hook, perhaps cut off; then the field is looked for in the text. */
function payloadDetail(payload: string): string {
  for (const key of ['tool_name', 'message', 'notification_type']) {
    const match = new RegExp(`"${key}"\\s*:\\s*"([^"\\\\]{1,200})"`).exec(payload);
    if (match?.[1] !== undefined) return match[1];
  }
  return '';
}
