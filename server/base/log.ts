export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** Where the backend writes what happened. Never give it secrets: nothing is redacted later. */
export interface Log {
  debug(message: string): void;
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
}

const ORDER: Record<LogLevel, number> = {
  debug: 0,
  info: 1,
  warn: 2,
  error: 3,
};

/**
 * A log of one line per message, control characters made visible, so that text from a container cannot forge lines.
 * `write` gets whole lines with their newline.
 */
export function createLog(write: (line: string) => void, level: LogLevel = 'info'): Log {
  const at = (l: LogLevel) => (message: string) => {
    if (ORDER[l] < ORDER[level]) return;
    write(`${new Date().toISOString()} [${l}] ${printable(message)}\n`);
  };
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
  };
}

/** A log that says nothing, for tests of other things. */
export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} };

/** Text in one line, its control characters made visible. */
export function printable(text: string): string {
  return text.replace(
    /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g,
    c => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
