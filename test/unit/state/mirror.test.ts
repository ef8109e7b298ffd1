import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { silentLog } from '../../../server/base/log.ts';
import type { Instance } from '../../../server/incus/types/instance.ts';
import type { IncusState } from '../../../server/protocol/types.ts';
import { InstanceMirror } from '../../../server/state/mirror.ts';

/** An Incus whose answers come when the test says so, and what was told of it. */
function watched(t: TestContext) {
  const lists: PromiseWithResolvers<Instance[]>[] = [];
  const has = new Map<string, Instance>();
  const told: IncusState[] = [];
  const rows = new Map<string, string>();
  const mirror = new InstanceMirror(
    {
      availability: async () => ({ status: 'ready', version: '6.0.4' }),
      events: () => ({ close() {} }),
      instances: () => {
        const list = Promise.withResolvers<Instance[]>();
        lists.push(list);
        return list.promise;
      },
      instance: async name => {
        const instance = has.get(name);
        return instance && { instance, etag: '' };
      },
    },
    {
      relevant: () => true,
      incus: state => void told.push(state),
      all: instances => {
        rows.clear();
        for (const { name, status } of instances) rows.set(name, status);
      },
      one: (name, instance) => {
        if (instance === undefined) rows.delete(name);
        else rows.set(name, instance.status);
      },
    },
    silentLog,
  );
  t.after(() => mirror.close());
  /** Begins a list; `answer` lets Incus answer it. */
  const list = async () => {
    const done = mirror.list();
    await Promise.resolve();
    const asked = lists.at(-1);
    assert.ok(asked !== undefined);
    return {
      answer: async (instances: Instance[]) => {
        asked.resolve(instances);
        await done;
      },
      fail: async (message: string) => {
        asked.reject(new Error(message));
        await done;
      },
    };
  };
  return { mirror, list, has, told, rows };
}

function instance(name: string, status: string): Instance {
  return { name, status } as Instance;
}

test('an answer that Incus made before puts back nothing that was read since', async t => {
  const { mirror, list, has, rows } = watched(t);
  const former = ['gone', 'stopped', 'untouched'].map(name => instance(name, 'Running'));
  await (await list()).answer(former);
  const slow = await list();
  has.set('stopped', instance('stopped', 'Stopped'));
  has.set('new', instance('new', 'Running'));
  for (const name of ['gone', 'stopped', 'new']) await mirror.refresh(name);
  await slow.answer(former);
  assert.deepEqual(Object.fromEntries(rows), { untouched: 'Running', stopped: 'Stopped', new: 'Running' });
  await (await list()).answer(former);
  assert.deepEqual(
    [...rows.keys()],
    former.map(({ name }) => name),
    'a later list is newer than those reads',
  );
});

test('lists that fail are told as the state of Incus, but one alone is not', async t => {
  const { list, told } = watched(t);
  await (await list()).answer([]);
  await (await list()).fail('database is locked');
  assert.deepEqual(told.splice(0), [{ status: 'ready', version: '6.0.4' }]);
  await (await list()).fail('a broken instance');
  assert.deepEqual(told.splice(0), [{ status: 'unavailable', message: 'a broken instance' }]);
  await (await list()).answer([]);
  await (await list()).fail('database is locked');
  assert.deepEqual(told, [{ status: 'ready', version: '6.0.4' }]);
});
