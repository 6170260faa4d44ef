import {
  countSlots,
  divideSlots,
  formatRange,
  rangesOf,
  SLOT_COUNT,
  slotsOf,
  sumOf,
} from '../../src/cluster/slots/slots.ts';
import type { NodeView } from '../../src/cluster/nodes/view.ts';
import { findUnknown, settle } from '../../src/plan/engine/places.ts';
import { needsData } from '../../src/plan/engine/plan-up.ts';
import { actionKey, actionText, type Action } from '../../src/plan/model/action.ts';
import { containerName, nodeOfContainer, volumeName } from '../../src/plan/model/names.ts';
import type { NodeData, Observed } from '../../src/plan/model/observed.ts';
import type { ContainerDefinition, ContainerState } from '../../src/plan/model/resources.ts';
import { NO_FACTS, type Snapshot } from '../../src/plan/model/snapshot.ts';
import { planNext } from '../../src/plan/next.ts';
import type { Desired } from '../../src/plan/scene.ts';
import { primariesOf, type Spec } from '../../src/spec/spec.ts';
import { containerOf, NOTHING, settingsOf, viewOf, wantedFor } from './builders.ts';

/** A volume with what its node has written there: who it is, and the data of slots, each with the number of its last write. */
interface Disk {
  readonly host: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Empty until its node has run. */
  id: string;
  primaryId: string | undefined;
  slots: ReadonlySet<number>;
  writes: Uint32Array;
}

interface Box {
  readonly definition: ContainerDefinition;
  readonly host: string;
  state: ContainerState;
}

/**
 * Engines, and a cluster on them in which every message arrives at once. While nodes run, somebody writes to every slot
 * after each action, and the last write that was acknowledged is to be where the slot's owner is.
 */
export class SimulatedHosts {
  readonly away = new Set<string>();
  readonly #boxes = new Map<string, Box>();
  /** Node → its volumes. */
  readonly #disks = new Map<string, Disk[]>();
  /** Id → node, of those that are of the cluster. */
  readonly #members = new Map<string, string>();
  readonly #acknowledged = new Uint32Array(SLOT_COUNT);
  #spec: Spec;
  #made = 0;

  /** All that `spec` says, made and with data. */
  constructor(spec: Spec) {
    this.#spec = spec;
    const ranges = divideSlots(primariesOf(spec).length);
    const { containers } = wantedFor(spec);
    for (const [index, node] of spec.nodes.entries()) {
      const definition = containers.get(node.name);
      if (definition === undefined) continue;
      this.#boxes.set(node.name, { definition, host: node.host ?? '', state: 'running' });
      const range = node.initialRole === 'primary' ? ranges[index] : undefined;
      const disk = newDisk(definition);
      disk.id = this.#newId(node.name);
      disk.primaryId = node.initialPrimary === undefined ? undefined : this.#living(node.initialPrimary)?.id;
      disk.slots = new Set(range === undefined ? [] : slotsOf([range]));
      this.#disks.set(node.name, [disk]);
      this.#members.set(disk.id, node.name);
    }
    this.write();
  }

  edit(spec: Spec): void {
    this.#spec = spec;
  }

  /** `down` */
  removeContainers(): void {
    this.#boxes.clear();
  }

  /** `redis-1 on a, volumes on a and b` of each node. */
  places(): string[] {
    return this.#spec.nodes.map(({ name }) => {
      const volumes = (this.#disks.get(name) ?? []).map(({ host }) => host);
      return `${name} on ${this.#boxes.get(name)?.host ?? 'nothing'}, volume on ${volumes.join(' and ')}`;
    });
  }

  /** Runs `up` until nothing is left to do. @returns how many actions that took; undefined where it was killed after `last` */
  up(last = Number.POSITIVE_INFINITY, onAction: (text: string) => void = () => undefined): number | undefined {
    const desired: Desired = { spec: this.#spec, wanted: wantedFor(this.#spec) };
    const done = new Set<string>();
    let count = 0;
    let lastOnes: readonly string[] = [];
    for (let round = 0; round < 100; round += 1) {
      const seen = this.#look(desired);
      const next = planNext(desired, seen, done);
      if (next.conflicts.length > 0) throw new Error(next.conflicts.map(({ message }) => message).join('\n'));
      const actions = inOrder([...next.actions, ...next.ifSteady]);
      if (actions.length === 0 && next.waitsFor.length > 0) throw new Error(`stuck: ${next.waitsFor.join(', ')}`);
      if (actions.length === 0) return count;
      const settled = settle(desired, seen);
      for (const action of actions) {
        if (count === last) return undefined;
        count += 1;
        onAction(actionText(action));
        lastOnes = [...lastOnes.slice(-20), actionText(action)];
        this.#perform(action, settled);
        done.add(actionKey(action));
        this.write();
      }
    }
    throw new Error(`it never ends: ${lastOnes.join('\n')}`);
  }

  /** One write to each slot whose owner runs; each of its replicas has it, too. */
  write(): void {
    for (const disk of this.#all()) {
      if (!this.#members.has(disk.id)) continue;
      const copies = this.#all().filter(({ primaryId }) => primaryId === disk.id);
      for (const slot of disk.slots) {
        if (disk.writes[slot] !== this.#acknowledged[slot])
          throw new Error(`slot ${slot} of ${this.#members.get(disk.id) ?? ''} has lost its last write`);
        const write = (this.#acknowledged[slot] ?? 0) + 1;
        this.#acknowledged[slot] = write;
        for (const one of [disk, ...copies]) one.writes[slot] = write;
      }
    }
  }

  /** Slots that nobody serves just now. */
  unserved(): number {
    return SLOT_COUNT - sumOf(this.#all().map(({ slots }) => slots.size));
  }

  /** Of nodes that run. */
  #all(): Disk[] {
    return this.#spec.nodes.flatMap(({ name }) => this.#living(name) ?? []);
  }

  #living(node: string): Disk | undefined {
    const box = this.#boxes.get(node);
    return box?.state === 'running' && !this.away.has(box.host) ? this.#diskOf(node, box.host) : undefined;
  }

  #diskOf(node: string, host: string): Disk | undefined {
    return (this.#disks.get(node) ?? []).find((disk) => disk.host === host);
  }

  #byId(id: string | undefined): Disk {
    const disk = this.#all().find((one) => one.id === id);
    if (disk === undefined) throw new Error(`${id ?? 'nobody'} does not run`);
    return disk;
  }

  #newId(node: string): string {
    this.#made += 1;
    return Buffer.from(`${node}/${this.#made}`).toString('hex').padEnd(40, '0');
  }

  #look({ spec, wanted }: Desired): Snapshot {
    const isHere = ({ host }: { readonly host: string }): boolean => !this.away.has(host);
    const boxes = [...this.#boxes.values()].filter(isHere);
    const disks = [...this.#disks].flatMap(([node, all]) => all.filter(isHere).map((disk) => ({ node, ...disk })));
    const engine: Observed = {
      ...NOTHING,
      away: new Map([...this.away].map((host) => [host, { message: `${host} does not answer`, hint: undefined }])),
      networks: [{ name: wanted.network.name, labels: wanted.network.labels, subnets: [wanted.network.subnet] }],
      containers: boxes.map(({ definition, host, state }) => containerOf(definition, { state, host })),
      volumes: disks.map(({ node, labels, host }) => ({ name: volumeName(spec.name, node), labels, host })),
      settings: settingsOf({ containers: new Map(boxes.map(({ definition }) => [definition.name, definition])) }),
      config: new Map([...wanted.config].map(([node, text]) => [containerName(spec.name, node), text])),
    };
    const nodes: NodeView[] = spec.nodes.map(({ name }) => this.#view(name));
    return {
      engine: needsData(spec, wanted, engine) ? { ...engine, data: this.#data(engine) } : engine,
      obstacles: [],
      former: [],
      views: nodes,
      silent: new Set(),
      damagedTables: new Set(),
      passwords: [],
      settings: new Map(),
      certificates: [],
      facts: NO_FACTS,
    };
  }

  #data(engine: Observed): Map<string, NodeData> {
    const unknown = findUnknown(this.#spec, engine);
    return new Map(
      this.#spec.nodes.map(({ name }): [string, NodeData] => {
        const box = this.#boxes.get(name);
        if (unknown.includes(name)) return [name, 'formed'];
        if ((this.#disks.get(name) ?? []).length === 0) return [name, 'empty'];
        if (box === undefined) return [name, 'unseen'];
        return [name, this.#diskOf(name, box.host)?.id === '' ? 'empty' : 'formed'];
      }),
    );
  }

  #view(name: string): NodeView {
    const own = this.#living(name);
    if (own === undefined) return { name, reachable: false, reason: 'its container is not there' };
    const isAlone = !this.#members.has(own.id) && own.primaryId === undefined;
    const known = isAlone ? [] : [...this.#members].filter(([id]) => id !== own.id);
    const rows = [[own.id, name] as const, ...known].map(([id, node]) => {
      const disk = id === own.id ? own : this.#all().find((one) => one.id === id);
      const lost = (this.#disks.get(node) ?? []).find((one) => one.id === id);
      const { primaryId, slots = NO_SLOTS } = disk ?? lost ?? {};
      const flags = [
        id === own.id && 'myself',
        primaryId === undefined ? 'master' : 'slave',
        disk === undefined && 'fail',
      ];
      const ip = this.#spec.nodes.find((one) => one.name === node)?.ip ?? '';
      const link = disk === undefined ? 'disconnected' : 'connected';
      const epoch = this.#spec.nodes.findIndex((one) => one.name === node) + 1;
      return `${id} ${ip}:6379@16379 ${flags.filter(Boolean).join(',')} ${primaryId ?? '-'} 0 0 ${epoch} ${link} ${rangesText(slots)}`;
    });
    const link =
      own.primaryId === undefined ? undefined : this.#all().some(({ id }) => id === own.primaryId) ? 'up' : 'down';
    const view = viewOf(name, rows.join('\n'), {
      nodeCount: rows.length,
      primaryCount: 0,
      replicationLink: link,
      keyCount: own.writes.some((write) => write > 0) ? 1 : 0,
    });
    const owned = view.table.rows.map(({ slots }) => slots).filter((slots) => slots.length > 0);
    const slotsOk = countSlots(owned.flat());
    return { ...view, info: { ...view.info, size: owned.length, slotsAssigned: slotsOk, slotsOk } };
  }

  #perform(action: Action, { spec, wanted }: Desired): void {
    const { target } = action;
    const isOf = ({ name }: { readonly name: string }): boolean => volumeName(spec.name, name) === target;
    const node = (nodeOfContainer(spec, target) ?? spec.nodes.find(isOf))?.name ?? target;
    const box = this.#boxes.get(node);
    switch (action.type) {
      case 'create container': {
        const definition = wanted.containers.get(node);
        if (definition === undefined || box !== undefined) throw new Error(`${target} can't be made`);
        const host = definition.host ?? '';
        this.#boxes.set(node, { definition, host, state: 'created' });
        if (this.#diskOf(node, host) === undefined)
          this.#disks.set(node, [...(this.#disks.get(node) ?? []), newDisk(definition)]);
        return;
      }
      case 'configure container':
        return;
      case 'start container': {
        if (box === undefined) throw new Error(`${target} is not there`);
        box.state = 'running';
        const disk = this.#diskOf(node, box.host);
        if (disk?.id === '') disk.id = this.#newId(node);
        return;
      }
      case 'stop container':
        if (box !== undefined) box.state = 'exited';
        return;
      case 'remove container':
        this.#boxes.delete(node);
        return;
      case 'remove volume':
        if (box?.host === action.host) throw new Error(`${target} is in use`);
        this.#disks.set(
          node,
          (this.#disks.get(node) ?? []).filter(({ host }) => host !== action.host),
        );
        return;
      case 'forget':
        this.#members.delete(action.nodeId);
        return;
      case 'meet':
        for (const { name, ip } of spec.nodes) {
          const disk = name === node || ip === action.ip ? this.#living(name) : undefined;
          if (disk !== undefined) this.#members.set(disk.id, name);
        }
        return;
      case 'replicate': {
        const [own, primary] = [this.#living(node), this.#byId(action.primaryId)];
        if (own === undefined || own.slots.size > 0) throw new Error(`${node} owns slots`);
        own.primaryId = primary.id;
        own.writes = primary.writes.slice();
        return;
      }
      case 'fail over': {
        const [heir, former] = [this.#living(node), this.#living(action.from)];
        if (heir === undefined || former === undefined || heir.primaryId !== former.id)
          throw new Error(`${node} is no heir`);
        [heir.slots, former.slots] = [former.slots, new Set()];
        for (const disk of this.#all()) if (disk.primaryId === former.id) disk.primaryId = heir.id;
        heir.primaryId = undefined;
        former.primaryId = heir.id;
        return;
      }
      case 'move slots':
        for (const { from, to, slots } of action.moves) {
          const [source, goal] = [this.#living(from), this.#living(to)];
          if (source === undefined || goal === undefined) throw new Error('no slots can move');
          const moved = new Set(slots);
          source.slots = new Set([...source.slots].filter((slot) => !moved.has(slot)));
          goal.slots = new Set([...goal.slots, ...slots]);
          for (const slot of slots) {
            goal.writes[slot] = source.writes[slot] ?? 0;
            source.writes[slot] = 0;
          }
        }
        return;
      default:
        throw new Error(`nobody expected: ${actionText(action)}`);
    }
  }
}

const NO_SLOTS: ReadonlySet<number> = new Set();

/** Sets stay as they are once they are made. */
const texts = new WeakMap<ReadonlySet<number>, string>();
function rangesText(slots: ReadonlySet<number>): string {
  const text =
    texts.get(slots) ??
    rangesOf([...slots].toSorted((one, other) => one - other))
      .map(formatRange)
      .join(' ');
  texts.set(slots, text);
  return text;
}

function newDisk({ host = '', volume }: ContainerDefinition): Disk {
  const { labels } = volume;
  return { host, labels, id: '', primaryId: undefined, slots: new Set(), writes: new Uint32Array(SLOT_COUNT) };
}

/** Each after those that it waits for. */
function inOrder(actions: readonly Action[]): Action[] {
  const order: Action[] = [];
  for (let waiting = [...actions]; waiting.length > 0;) {
    const done = new Set(order.map(actionKey));
    const isReady = ({ after }: Action): boolean => after.every((key) => done.has(key));
    if (!waiting.some(isReady)) throw new Error('they wait for each other');
    order.push(...waiting.filter(isReady));
    waiting = waiting.filter((action) => !order.includes(action));
  }
  return order;
}
