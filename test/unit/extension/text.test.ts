import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { progressWords } from '../../../extension/views/progressWords.ts';
import { transcriptReport } from '../../../extension/views/reports.ts';
import { ago, duration, escapeMarkdown, plain, size, visible } from '../../../extension/views/text.ts';
import { sessionTooltip, slotTooltip } from '../../../extension/views/tooltips.ts';
import type { Progress } from '../../../server/protocol/types.ts';
import { aSession, aSlot } from './samples.ts';

const HOSTILE =
  '[x](command:evil) <img src=x> `$(rm)` \u001b[31m\u202e\u061c\u00ad\u{e0041}\ud800evil\n| a | https://evil.example **b**';

describe('text from a container', () => {
  it('is one plain line without icons, links or direction marks', () => {
    const shown = plain(HOSTILE, 500);
    assert.doesNotMatch(shown, /[\p{Cc}\p{Cf}\p{Cs}]/u);
    assert.ok(!shown.includes('$(') && !shown.includes(']('));
    assert.equal(plain('x'.repeat(100), 10), `${'x'.repeat(9)}…`);
  });

  it('is no markup in markdown', () => {
    const shown = escapeMarkdown(HOSTILE);
    assert.doesNotMatch(shown.replace(/&#\d+;/g, ''), /[^\w\s]/);
  });

  it('is escaped in every value of a tooltip', () => {
    const slot = aSlot({
      agent: HOSTILE,
      image: HOSTILE,
      shared: [HOSTILE],
      problem: { kind: 'x', message: HOSTILE },
      agentState: { state: 'waiting', since: '2026-01-01T10:00:00Z', why: HOSTILE },
      mounts: [{ source: HOSTILE, path: HOSTILE, readonly: true }],
    });
    for (const text of [
      slotTooltip(slot, 'project slot 1', Date.now(), undefined, undefined, HOSTILE),
      sessionTooltip(aSession({ title: HOSTILE }), Date.now()),
    ]) {
      assert.doesNotMatch(text, /command:|<img|https:|\u202e|\u001b/);
    }
  });

  it('is no link beside the one to the log, in what is said of work under way', () => {
    const links = (step?: Progress) => progressWords(step).match(/\]\([^)]*\)/g);
    for (const step of [undefined, { phase: 'start' }, { phase: 'build', message: HOSTILE, percent: 4.6 }])
      assert.deepEqual(links(step), ['](command:incusAgents.showLog)']);
    assert.match(
      progressWords({ phase: 'build', message: 'Installing', percent: 4.6 }),
      /^Installing 5 % · \[Show Log\]/,
    );
  });

  it('loses escape sequences in a transcript, but not its lines', () => {
    const shown = visible(transcriptReport(aSession(), [{ role: 'user', text: `a\n${HOSTILE}` }]));
    assert.doesNotMatch(shown.replaceAll('\n', ''), /[\p{Cc}\p{Cf}\p{Cs}]/u);
    assert.match(shown, /^a$/m);
  });

  it('says when a transcript is only the end', () => {
    const entries = [{ role: 'user', text: 'x' }];
    assert.match(transcriptReport(aSession(), entries, true), /left out here/);
    assert.doesNotMatch(transcriptReport(aSession(), entries), /left out/);
  });
});

describe('quantities', () => {
  it('are readable', () => {
    assert.equal(duration(3725), '1 h 2 min');
    assert.equal(duration(0), '0 s');
    assert.equal(size(4 * 1024 ** 3), '4.0 GiB');
    assert.equal(size(12), '12 B');
    assert.equal(ago('2026-01-01T10:00:00Z', Date.parse('2026-01-01T12:05:00Z')), '2 h 5 min ago');
    assert.equal(ago('2026-01-01T10:00:00Z', Date.parse('2026-01-01T10:00:30Z')), 'just now');
    assert.equal(ago('2026-01-01T10:00:00Z', Date.parse('2026-01-09T11:00:00Z')), '8 d ago');
  });

  it('tell a share of CPU from two readings', () => {
    const now = Date.parse('2026-01-01T10:00:10Z');
    const usage = { cpuSeconds: 15, memoryBytes: 1024, processes: 3 };
    const text = slotTooltip(aSlot(), 'project slot 1', now, usage, { cpuSeconds: 10, at: now - 10_000 });
    assert.match(text, /50 &#37; of a core/);
  });
});
