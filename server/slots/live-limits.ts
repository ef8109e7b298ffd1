import { Failure } from '../base/errors.ts';
import type { InstanceFragment } from '../incus/types/config.ts';
import type { Instance } from '../incus/types/instance.ts';

/** The units of Incus, which allows no blank before them. */
const UNIT = 'B|[kMGT]B|[KMGT]iB';
const SIZE = new RegExp(`^\\d+(${UNIT})$`);
const RATE = new RegExp(`^\\d+(${UNIT}|iops)$`);

/** Keys that may be changed while a slot runs, with what they may hold; the others would silently wait for the next start. */
const LIVE: Readonly<Record<string, RegExp>> = {
  'limits.cpu': /^([1-9]\d{0,3}|\d{1,4}-\d{1,4}|\d{1,4}(,\d{1,4})+)$/,
  'limits.cpu.allowance': /^([1-9]\d{0,2}%|[1-9]\d*ms\/[1-9]\d*ms)$/,
  'limits.cpu.priority': /^(10|\d)$/,
  'limits.memory': new RegExp(`^([1-9]\\d*(${UNIT})|[1-9]\\d{0,2}%)$`),
  'limits.memory.enforce': /^(hard|soft)$/,
  'limits.memory.swap': new RegExp(`^(true|false|\\d+(${UNIT}))$`),
  'limits.processes': /^[1-9]\d{0,6}$/,
};

/** Those of the root disk, in coi's words, with the option of the device. */
const LIVE_DISK: Readonly<Record<string, readonly [option: string, allowed: RegExp]>> = {
  'limits.disk.size': ['size', SIZE],
  'limits.disk.read': ['limits.read', RATE],
  'limits.disk.write': ['limits.write', RATE],
  'limits.disk.max': ['limits.max', RATE],
};

/**
 * Limits that are to be changed live, as a part of the instance: an empty value removes one. `disk` is the root disk as it is, which
 * Incus replaces as a whole. Fails with `invalid`.
 */
export function liveLimits(limits: Readonly<Record<string, string>>, instance: Instance): InstanceFragment {
  const config: Record<string, string> = {};
  const root: Record<string, string> = { ...instance.expandedDevices.root };
  for (const [key, value] of Object.entries(limits)) {
    const [option, allowed] = Object.hasOwn(LIVE_DISK, key) ? (LIVE_DISK[key] ?? []) : [];
    requireLive(key, value, allowed ?? (Object.hasOwn(LIVE, key) ? LIVE[key] : undefined));
    if (option === undefined) config[key] = value;
    else if (value === '') delete root[option];
    else root[option] = value;
  }
  const disk = Object.keys(limits).some(key => Object.hasOwn(LIVE_DISK, key));
  return {
    ...(Object.keys(config).length === 0 ? {} : { config }),
    ...(disk ? { devices: { root } } : {}),
  };
}

function requireLive(key: string, value: string, allowed: RegExp | undefined): void {
  if (allowed === undefined) {
    throw new Failure('invalid', `${JSON.stringify(key)} is not a limit that can be changed while a slot runs.`, {
      hint: `These can: ${[...Object.keys(LIVE), ...Object.keys(LIVE_DISK)].join(', ')}.`,
    });
  }
  if (value !== '' && !allowed.test(value))
    throw new Failure('invalid', `${JSON.stringify(value)} is not a value for ${key}.`);
}
