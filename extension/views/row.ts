import type { Model } from '../model/model.ts';
import { historyOf, isResumable, savedSessions, slotsOf } from '../model/selectors.ts';
import { factRow } from './facts.ts';
import { workspaceName } from './names.ts';
import type { Node } from './node.ts';
import {
  agentRow,
  detailsRow,
  historyRow,
  othersRow,
  type Row,
  sessionRow,
  shellRow,
  slotRow,
  workspaceRow,
} from './rows.ts';

const GONE: Row = { label: '', tags: '', spoken: '' };

/** What a row shows now. A row whose object is gone by the time it is drawn is empty for that moment. */
export function rowOf(model: Model, node: Node, now: number): Row {
  switch (node.kind) {
    case 'workspace':
      return workspaceRow(
        node.workspace,
        workspaceName(model, node.workspace),
        node.own,
        slotsOf(model.slots, node.workspace).length,
      );
    case 'others':
      return othersRow();
    case 'workspaceHistory':
      return historyRow(savedSessions(model, node.workspace).length);
    case 'session': {
      const session = model.session(node.session);
      return session === undefined
        ? GONE
        : sessionRow(session, { own: isOwn(model, session.workspace), resumable: isResumable(model, session) }, now);
    }
    default:
      return rowInSlot(model, node, now);
  }
}

function rowInSlot(model: Model, node: Node & { container: string }, now: number): Row {
  const slot = model.slot(node.container);
  if (slot === undefined) return GONE;
  switch (node.kind) {
    case 'slot': {
      const title = slot.session === undefined ? undefined : model.session(slot.session)?.title;
      return slotRow(slot, isOwn(model, slot.workspace), model.pending(slot.container), title);
    }
    case 'agent':
      return agentRow(slot, now);
    case 'shell':
      return shellRow(slot);
    case 'details':
      return detailsRow(slot);
    case 'fact':
      return factRow(slot, node.fact);
    case 'slotHistory':
      return historyRow(historyOf(model, slot).length);
    default:
      return GONE;
  }
}

/** Whether a workspace is open in this window. */
export function isOwn(model: Model, workspace: string): boolean {
  return model.surroundings.folders.some(folder => folder.path === workspace);
}
