import type { Model } from '../model/model.ts';
import type { Difference } from '../model/reducer.ts';
import { historyOf, isConversation, otherWorkspaces, savedSessions, slotsOf } from '../model/selectors.ts';
import { factsOf } from './facts.ts';
import { workspaceName } from './names.ts';
import { containerOf, type Node, nodeIds } from './node.ts';

/** Longest history shown under a row; older sessions are reached through "Resume Session…". */
const HISTORY_LIMIT = 30;

/** The shape of the tree: which rows are below which, read from the model. Rows with the same id are the same object. */
export class TreeShape {
  private readonly nodes = new Map<string, Node>();
  private readonly model: Model;
  private shownRoots: Node[] = [];
  private shownNames = '';

  constructor(model: Model) {
    this.model = model;
  }

  /** The rows below a row, or the top ones. Empty at the top means that a welcome text is shown instead. */
  children(node: Node | undefined): Node[] {
    if (node === undefined) return this.roots();
    switch (node.kind) {
      case 'workspace':
        return [...this.slotNodes(node.workspace), ...this.workspaceHistory(node.workspace, node.own)];
      case 'others':
        return otherWorkspaces(this.model.slots, this.model.surroundings.folders).map(path =>
          this.workspace(path, false),
        );
      case 'slot':
        return this.slotParts(node.container);
      case 'details':
        return this.facts(node.container);
      case 'slotHistory':
        return this.slotSessions(node);
      case 'workspaceHistory':
        return this.sessionNodes(node.id, savedSessions(this.model, node.workspace));
      default:
        return [];
    }
  }

  /** Whether there is no row at all, so that a welcome text is shown. */
  isEmpty(): boolean {
    return this.computeRoots().length === 0;
  }

  /** The row above, as `reveal` needs it. */
  parent(node: Node): Node | undefined {
    const container = containerOf(node);
    if (container !== undefined)
      return node.kind === 'slot' ? this.workspaceOf(container) : this.parentInSlot(node, container);
    if (node.kind === 'workspace') return node.own ? undefined : this.others();
    if (node.kind === 'workspaceHistory') return this.workspace(node.workspace, true);
    return node.kind === 'session' ? this.nodes.get(node.under) : undefined;
  }

  /** The row of a slot. */
  slot(container: string): Node {
    return this.intern({ kind: 'slot', id: nodeIds.slot(container), container });
  }

  /** Whether a row is still one of the tree's. */
  knows(node: Node): boolean {
    return this.nodes.get(node.id) === node;
  }

  /** The rows to redraw after a difference; `undefined` is the whole tree. */
  redraw(difference: Difference): (Node | undefined)[] {
    this.forgetGone();
    const [before, names] = [this.shownRoots, this.shownNames];
    const after = this.roots();
    if (difference.structure.size > 0 && !(sameRows(before, after) && names === this.shownNames)) return [undefined];
    const rows = new Map<string, Node>();
    for (const workspace of difference.structure) {
      const row = this.isOwn(workspace) ? this.workspace(workspace, true) : this.others();
      rows.set(row.id, row);
    }
    for (const container of difference.slots) {
      const workspace = this.model.slot(container)?.workspace;
      if (workspace === undefined || difference.structure.has(workspace)) continue;
      rows.set(container, this.slot(container));
    }
    for (const id of difference.sessions) {
      for (const row of this.rowsOfSession(id)) rows.set(row.id, row);
    }
    return [...rows.values()];
  }

  private forgetGone(): void {
    for (const [id, node] of this.nodes) {
      const container = containerOf(node);
      const gone = container !== undefined && this.model.slot(container) === undefined;
      const ended = node.kind === 'session' && this.model.session(node.session) === undefined;
      if (gone || ended) this.nodes.delete(id);
    }
  }

  private roots(): Node[] {
    this.shownRoots = this.computeRoots();
    // Another workspace of the same name makes a difference to them.
    this.shownNames = this.model.surroundings.folders.map(({ path }) => workspaceName(this.model, path)).join('\n');
    return this.shownRoots;
  }

  private computeRoots(): Node[] {
    const { slots, surroundings } = this.model;
    const others = otherWorkspaces(slots, surroundings.folders);
    const own = surroundings.folders.map(folder => folder.path);
    const anything = others.length > 0 || own.some(path => this.hasRows(path));
    if (!anything) return [];
    const rows: Node[] = own.map(path => this.workspace(path, true));
    return others.length > 0 ? [...rows, this.others()] : rows;
  }

  private hasRows(path: string): boolean {
    return this.model.slots.some(slot => slot.workspace === path) || savedSessions(this.model, path).length > 0;
  }

  private slotNodes(workspace: string): Node[] {
    return slotsOf(this.model.slots, workspace).map(slot => this.slot(slot.container));
  }

  private workspaceHistory(workspace: string, own: boolean): Node[] {
    if (!own || savedSessions(this.model, workspace).length === 0) return [];
    return [this.intern({ kind: 'workspaceHistory', id: nodeIds.workspaceHistory(workspace), workspace })];
  }

  private slotParts(container: string): Node[] {
    const slot = this.model.slot(container);
    if (slot === undefined) return [];
    const part = (kind: 'agent' | 'shell' | 'details' | 'slotHistory'): Node =>
      this.intern({ kind, id: nodeIds.part(container, kind), container });
    const live = slot.session === undefined ? undefined : this.model.session(slot.session);
    const shown = live !== undefined && isConversation(live) ? [live] : [];
    const sessions = this.sessionNodes(nodeIds.slot(container), shown);
    const history = historyOf(this.model, slot).length > 0 ? [part('slotHistory')] : [];
    return [part('agent'), part('shell'), ...sessions, part('details'), ...history];
  }

  private slotSessions(node: Node & { kind: 'slotHistory' }): Node[] {
    const slot = this.model.slot(node.container);
    return slot === undefined ? [] : this.sessionNodes(node.id, historyOf(this.model, slot));
  }

  private facts(container: string): Node[] {
    const slot = this.model.slot(container);
    if (slot === undefined) return [];
    return factsOf(slot).map(({ key }) =>
      this.intern({ kind: 'fact', id: nodeIds.part(container, `fact:${key}`), container, fact: key }),
    );
  }

  private sessionNodes(under: string, sessions: { id: string }[]): Node[] {
    return sessions
      .slice(0, HISTORY_LIMIT)
      .map(({ id }) => this.intern({ kind: 'session', id: nodeIds.session(under, id), session: id, under }));
  }

  /** A stopped slot, and one whose agent is gone, holds a session that is in the history as well. */
  private rowsOfSession(id: string): Node[] {
    const rows = [...this.nodes.values()].filter(node => node.kind === 'session' && node.session === id);
    const container = this.model.slots.find(slot => slot.session === id)?.container;
    if (container === undefined) return rows;
    const slot = this.slot(container);
    return [slot, ...rows.filter(row => this.parent(row) !== slot)];
  }

  private workspaceOf(container: string): Node | undefined {
    const slot = this.model.slot(container);
    if (slot === undefined) return undefined;
    return this.workspace(slot.workspace, this.isOwn(slot.workspace));
  }

  private parentInSlot(node: Node, container: string): Node {
    const parent = node.kind === 'fact' ? this.nodes.get(nodeIds.part(container, 'details')) : undefined;
    return parent ?? this.slot(container);
  }

  private isOwn(workspace: string): boolean {
    return this.model.surroundings.folders.some(folder => folder.path === workspace);
  }

  private workspace(path: string, own: boolean): Node {
    return this.intern({ kind: 'workspace', id: nodeIds.workspace(path), workspace: path, own });
  }

  private others(): Node {
    return this.intern({ kind: 'others', id: nodeIds.others() });
  }

  private intern(node: Node): Node {
    const known = this.nodes.get(node.id);
    if (known !== undefined && sameShape(known, node)) return known;
    this.nodes.set(node.id, node);
    return node;
  }
}

function sameRows(left: readonly Node[], right: readonly Node[]): boolean {
  return left.length === right.length && left.every((node, at) => node === right[at]);
}

function sameShape(left: Node, right: Node): boolean {
  return left.kind !== 'workspace' || right.kind !== 'workspace' || left.own === right.own;
}
