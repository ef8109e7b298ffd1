import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Incus } from '../../../server/incus/client.ts';
import { connect, isFailure, tempInstance, testImage, uniqueName } from '../support.ts';

test('images and aliases', async t => {
  const incus = await connect(t);
  const alias = await testImage(incus);

  await t.test('are found by alias and fingerprint', async () => {
    const image = await incus.imageByAlias(alias);
    assert.ok(image && image.sizeBytes > 0 && image.aliases.includes(alias));
    assert.deepEqual(await incus.image(image.fingerprint), image);
    assert.ok((await incus.images()).some(i => i.fingerprint === image.fingerprint));
    assert.equal(await incus.imageByAlias(uniqueName()), undefined);
    assert.equal(await incus.image('0'.repeat(64)), undefined);
  });

  await t.test('an alias is created once, moved and deleted', async u => {
    const fingerprint = (await incus.imageAlias(alias))?.fingerprint ?? '';
    const name = `${uniqueName()}/with/slashes`;
    u.after(() => incus.deleteAlias(name));
    await incus.createAlias(name, fingerprint, { description: 'd' });
    await assert.rejects(incus.createAlias(name, fingerprint), isFailure('conflict'));
    await incus.moveAlias(name, fingerprint);
    assert.deepEqual(await incus.imageAlias(name), { name, fingerprint, description: 'd' });
    await incus.deleteAlias(name);
    await incus.deleteAlias(name);
    assert.equal(await incus.imageAlias(name), undefined);
    await incus.moveAlias(name, fingerprint);
    assert.equal((await incus.imageAlias(name))?.fingerprint, fingerprint);
  });

  await t.test('an image is made of a stopped instance, under an alias that moves', async u => {
    const instance = await small(u, incus);
    const name = uniqueName();
    u.after(() => incus.deleteAlias(name));
    await incus.createAlias(name, (await incus.imageAlias(alias))?.fingerprint ?? '');
    const said: string[] = [];
    const fingerprint = await incus.publish(
      instance,
      { alias: name, properties: { description: 'small', 'user.kind': 'test' }, compression: 'none' },
      { onProgress: text => void said.push(text) },
    );
    u.after(() => incus.deleteImage(fingerprint));
    const image = await incus.imageByAlias(name);
    assert.equal(image?.fingerprint, fingerprint);
    assert.equal(image?.description, 'small');
    assert.equal(image?.properties['user.kind'], 'test');
    await incus.deleteImage(fingerprint);
    await incus.deleteImage(fingerprint);
    assert.equal(await incus.image(fingerprint), undefined);
  });

  await t.test('one that is given up leaves no image', async u => {
    const instance = await small(u, incus);
    const mark = uniqueName();
    const made = async () => (await incus.images()).filter(image => image.properties['user.mark'] === mark);
    const recipe = { compression: 'none', properties: { 'user.mark': mark } } as const;
    for (const first of [1, 300])
      for (let delay = first; ; delay = Math.floor(delay / 2)) {
        const end = await incus.publish(instance, recipe, { signal: AbortSignal.timeout(delay) }).catch(error => error);
        if (typeof end !== 'string') {
          isFailure('cancelled')(end);
          break;
        }
        await incus.deleteImage(end); // It was faster than that.
        assert.ok(delay > 1, 'it is made though it was given up');
      }
    assert.deepEqual(await made(), []);
  });

  await t.test('of a running or a missing instance, and from a server that is not there, it fails', async u => {
    const running = await tempInstance(u, incus);
    await assert.rejects(incus.publish(running, {}), error => error instanceof Error);
    await assert.rejects(incus.publish(uniqueName(), {}), isFailure('not-found'));
    const nowhere = { server: 'https://127.0.0.1:1', protocol: 'simplestreams' as const, alias: 'debian/12' };
    await assert.rejects(incus.createInstance({ name: uniqueName(), source: nowhere }), /127\.0\.0\.1/);
  });
});

/** A stopped instance with next to nothing in it, so that packing is quick. */
async function small(t: TestContext, incus: Incus): Promise<string> {
  const name = await tempInstance(t, incus);
  await incus.exec(name, ['sh', '-c', 'find / -xdev -type f -size +64k -delete']);
  await incus.setState(name, 'stop', { force: true });
  return name;
}
