import type { Progress } from '../../server/protocol/types.ts';
import type { CommandId } from '../ids.ts';
import { plain } from './text.ts';

const SHOW_LOG: CommandId = 'incusAgents.showLog';

/** What a notification says of work under way, with a link to the log, which the editor draws. What the work says itself cannot be one. */
export function progressWords(step: Progress | undefined): string {
  const log = `[Show Log](command:${SHOW_LOG})`;
  if (step === undefined) return log;
  const percent = step.percent === undefined ? '' : ` ${Math.round(step.percent)} %`;
  return `${plain(step.message ?? step.phase, 100)}${percent} · ${log}`;
}
