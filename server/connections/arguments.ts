import { isAbsolute } from 'node:path';
import { parseArgs } from 'node:util';
import { Failure, messageOf } from '../base/errors.ts';

/** How the backend was started. `socket` undefined means one client on standard input and output. */
export interface Arguments {
  socket?: string;
  incusSocket?: string;
  incusProject?: string;
  /** Milliseconds without a client until it exits. */
  idleExit: number;
}

const USAGE =
  'Usage: server --stdio | --socket PATH [--incus-socket PATH] [--incus-project NAME] [--idle-exit SECONDS]';
const IDLE_EXIT_SECONDS = 60;

/** Reads the command line (without the program's own two words). Fails with `invalid`. */
export function parseArguments(argv: readonly string[]): Arguments {
  const values = parse(argv);
  if ((values.stdio === true) === (values.socket !== undefined)) throw usage('Either --stdio or --socket is needed.');
  if (values.socket !== undefined && !isAbsolute(values.socket)) throw usage('--socket needs an absolute path.');
  const seconds = values['idle-exit'] === undefined ? IDLE_EXIT_SECONDS : Number(values['idle-exit']);
  if (!Number.isFinite(seconds) || seconds < 0 || seconds > 86_400)
    throw usage('--idle-exit needs 0 to 86400 seconds.');
  return {
    ...(values.socket === undefined ? {} : { socket: values.socket }),
    ...(values['incus-socket'] === undefined ? {} : { incusSocket: values['incus-socket'] }),
    ...(values['incus-project'] === undefined ? {} : { incusProject: values['incus-project'] }),
    idleExit: seconds * 1000,
  };
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      options: {
        stdio: { type: 'boolean' },
        socket: { type: 'string' },
        'incus-socket': { type: 'string' },
        'incus-project': { type: 'string' },
        'idle-exit': { type: 'string' },
      },
    }).values;
  } catch (error) {
    throw usage(messageOf(error));
  }
}

function usage(what: string): Failure {
  return new Failure('invalid', what, { hint: USAGE });
}
