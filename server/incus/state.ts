import { setTimeout as sleep } from 'node:timers/promises';
import { Failure } from '../base/errors.ts';
import { IncusError } from './errors.ts';
import { api, type Http } from './http.ts';
import { get, isFrozen, isRunning } from './instances.ts';
import { wait } from './operations.ts';
import { list, number, object, optional, text, time } from './parse.ts';
import { withStartLog } from './start-log.ts';
import type { Instance, InstanceAddress, InstanceState, SetState, StateAction } from './types/instance.ts';

const DEFAULT_TIMEOUT = 30;
const LAG_ATTEMPTS = 30;
const LAG_DELAY = 100;

/** What an instance uses right now. */
export async function read(http: Http, name: string, signal?: AbortSignal): Promise<InstanceState> {
  const reply = await http.request('GET', `${api('instances', name)}/state`, undefined, {
    what: `Reading the state of the container ${name}`,
    ...optional('signal', signal),
  });
  return parseState(reply.metadata);
}

export function parseState(value: unknown): InstanceState {
  const s = object(value);
  const statusCode = number(s.status_code);
  const memory = object(s.memory);
  const addresses = globalAddresses(s.network);
  const disk = object(object(s.disk).root).usage;
  return {
    status: text(s.status),
    statusCode,
    running: isRunning(statusCode),
    frozen: isFrozen(statusCode),
    pid: number(s.pid),
    // Incus says -1 when it is stopped.
    processes: Math.max(0, number(s.processes)),
    cpuNanoseconds: number(object(s.cpu).usage),
    memoryBytes: number(memory.usage),
    addresses,
    ...optional('startedAt', time(s.started_at)),
    ...optional('memoryTotalBytes', number(memory.total) || undefined),
    ...optional('diskBytes', typeof disk === 'number' ? disk : undefined),
    ...optional('ip', addresses.find(a => a.interface === 'eth0' && a.family === 'inet')?.address),
  };
}

function globalAddresses(network: unknown): InstanceAddress[] {
  return Object.entries(object(network)).flatMap(([name, value]) =>
    list(object(value).addresses)
      .map(object)
      .filter(address => address.scope === 'global')
      .map(address => ({ interface: name, family: text(address.family), address: text(address.address) })),
  );
}

/** Being in that state already is a success. */
export async function set(http: Http, name: string, action: StateAction, o: SetState = {}): Promise<void> {
  const what = `To ${action} the container ${name}`;
  try {
    const reply = await http.request(
      'PUT',
      `${api('instances', name)}/state`,
      { action, force: o.force ?? false, timeout: o.timeout ?? DEFAULT_TIMEOUT },
      { what, ...optional('signal', o.signal) },
    );
    if (reply.operation !== undefined) await wait(http, reply.operation, { what, ...optional('signal', o.signal) });
  } catch (error) {
    if (!(error instanceof IncusError)) throw error;
    if (await reached(http, name, action, error, o.signal)) return;
    if (error.kind === 'timeout') throw tooSlow(name, action, o.timeout ?? DEFAULT_TIMEOUT, error);
    throw await withStartLog(http, name, error);
  }
}

/**
 * Asked after a refusal, as Incus says it in many words: is it where it was meant to go? When it says "already", its status may lag
 * behind by half a second (the guest's init has just died).
 */
async function reached(
  http: Http,
  name: string,
  action: StateAction,
  refusal: IncusError,
  signal?: AbortSignal,
): Promise<boolean> {
  if (action === 'restart') return false;
  const attempts = /already (running|stopped|frozen)/i.test(refusal.message) ? LAG_ATTEMPTS : 1;
  for (let attempt = 1; ; attempt++) {
    const found = await get(http, name, signal);
    if (found === undefined) return false;
    if (isIn(found.instance, action)) return true;
    if (attempt >= attempts) return false;
    await sleep(LAG_DELAY);
  }
}

function isIn(instance: Instance, action: Exclude<StateAction, 'restart'>): boolean {
  switch (action) {
    case 'start':
    case 'unfreeze':
      return instance.running;
    case 'stop':
      return !instance.running && !instance.frozen && instance.status === 'Stopped';
    case 'freeze':
      return instance.frozen;
  }
}

function tooSlow(name: string, action: StateAction, seconds: number, cause: IncusError): Failure {
  const verb = action === 'stop' ? 'shut down' : action;
  return new Failure('timeout', `The container ${name} did not ${verb} within ${seconds} s.`, {
    hint: 'Wait a little longer, or force it.',
    detail: cause.message,
    cause,
  });
}
