import { Failure, isCancelled, messageOf } from '../base/errors.ts';
import type { SessionRecord } from '../sessions/types.ts';
import type { FlowDeps } from './deps.ts';
import type { OwnedSlot } from './owned.ts';
import { adopted } from './sessions/adopt.ts';
import { copyConversation, hasConversation } from './take-over.ts';

/** The agents whose conversations coi leaves in the container's home; the others' it has them keep in the workspace. */
const AT_HOME: readonly string[] = ['claude', 'codex'];

/** The session of a container that coi made: that of the newest record which tells so. */
async function foreignSession(
  deps: FlowDeps,
  { name, identity, instance }: OwnedSlot,
): Promise<SessionRecord | undefined> {
  const { workspace } = identity;
  const records = await deps.sessions.list({ workspace });
  return adopted(records, { name, workspace, createdAt: instance.createdAt });
}

/**
 * Copies the conversation of a stopped container that coi made into its session, of which coi itself saves a copy only when its terminal
 * ends. Gives the session; undefined when there is no record of one and nothing was said.
 */
async function takeOver(deps: FlowDeps, slot: OwnedSlot, signal?: AbortSignal): Promise<SessionRecord | undefined> {
  const record = await foreignSession(deps, slot);
  if (record !== undefined) {
    if (AT_HOME.includes(record.agent)) await copyConversation(deps, slot.name, record, signal);
    return deps.sessions.refresh(record.id);
  }
  let first: SessionRecord | undefined;
  for (const agent of AT_HOME) {
    if (!(await hasConversation(deps, slot.name, agent, signal))) continue;
    const made = await deps.sessions.create({
      agent,
      workspace: slot.identity.workspace,
      path: slot.instance.devices.workspace?.path ?? '/workspace',
      persistent: true,
      container: slot.name,
      slot: slot.identity.slot,
    });
    await copyConversation(deps, slot.name, made, signal);
    first ??= await deps.sessions.refresh(made.id);
  }
  return first;
}

/** Takes the conversation over so that the agent can be started here. Fails with `conflict` where only coi can go on with it. */
export async function takeOverForStart(
  deps: FlowDeps,
  slot: OwnedSlot,
  signal: AbortSignal,
): Promise<SessionRecord | undefined> {
  const record = await copied(takeOver(deps, slot, signal), why => {
    return onlyCoi(`The conversation in ${slot.name}, which coi made, cannot be taken over: ${why}`);
  });
  if (record === undefined || AT_HOME.includes(record.agent)) return record;
  throw onlyCoi(`coi made ${slot.name} for ${record.agent}, whose conversation is not taken over.`);
}

/**
 * Makes sure that the conversation of a stopped container is on the host before the container goes. Fails with `conflict`, and the
 * container has to stay.
 */
export async function rescueConversation(deps: FlowDeps, slot: OwnedSlot, signal?: AbortSignal): Promise<void> {
  // Of a slot that we made, it was never anywhere else.
  if (slot.identity.keyed) return;
  await copied(takeOver(deps, slot, signal), why => {
    const message = `${slot.name} is stopped and was not deleted: its conversation, which coi left in it, cannot be copied. ${why}`;
    const hint = `Take what you need out of it (\`incus file pull -r ${slot.name}/home/code …\`), then run \`incus delete ${slot.name}\`.`;
    return new Failure('conflict', message, { hint });
  });
}

async function copied<T>(work: Promise<T>, failure: (why: string) => Failure): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (isCancelled(error)) throw error;
    throw failure(messageOf(error));
  }
}

function onlyCoi(message: string): Failure {
  return new Failure('conflict', message, {
    hint: 'Go on with it with `coi shell --resume`, or open another slot.',
  });
}
