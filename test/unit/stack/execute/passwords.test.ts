import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Engine } from '../../../../src/engine/engine.ts';
import { containerName } from '../../../../src/plan/model/names.ts';
import { FORMER_USERS_FILE, passwordHash, USERS_FILE } from '../../../../src/plan/node/redis-config.ts';
import type { NodeLink } from '../../../../src/redis/node-link.ts';
import { Secret } from '../../../../src/secret.ts';
import { passwordFiles } from '../../../../src/stack/execute/config-files.ts';
import type { ProgressEvent, Session } from '../../../../src/stack/session/session.ts';
import { acceptPassword, changePasswords } from '../../../../src/stack/execute/passwords.ts';
import { nodesOf } from '../../../../src/stack/connect/with-nodes.ts';
import { specOf } from '../../../helpers/builders.ts';

/** A running Redis, and the files in its container that it would start with. */
interface FakeNode {
  readonly name: string;
  accepts: readonly string[];
  sends: string;
  readonly files: Map<string, string>;
  /** Where it reads its users. */
  readonly usersFile: string;
}

interface World {
  readonly nodes: readonly FakeNode[];
  readonly links: readonly NodeLink[];
  readonly session: Session;
  readonly events: ProgressEvent[];
  /** So many more calls are carried out, then this program is killed. */
  callsLeft: number;
  /** How the calls that are under way at the same time are put in order. */
  order: <T>(call: () => T) => Promise<T>;
  look: () => void;
}

const spec = specOf();
/** A user that somebody made and saved. */
const PERSON = 'user app on nopass ~app:* -@all +get';

function worldWith(password: string): World {
  const nodes = spec.nodes.map(({ name }): FakeNode => {
    const secret = new Secret(password);
    const usersFile = name === 'redis-2' ? FORMER_USERS_FILE : USERS_FILE;
    const files = passwordFiles(
      { accepts: [passwordHash(password)], users: [PERSON], sends: secret, own: secret },
      usersFile,
    );
    const node: FakeNode = {
      name,
      accepts: [],
      sends: '',
      usersFile,
      files: new Map(files.map((one) => [one.path, one.content])),
    };
    restart(node);
    return node;
  });
  const nodeOf = (container: string): FakeNode | undefined =>
    nodes.find(({ name }) => containerName(spec.name, name) === container);

  const carryOut = (call: () => void): Promise<void> =>
    world.order(() => {
      if (world.callsLeft <= 0) throw new Error('killed');
      world.callsLeft -= 1;
      call();
      world.look();
    });
  const writeFiles: Engine['writeFiles'] = (container, files) =>
    carryOut(() => {
      for (const { path, content } of files) nodeOf(container)?.files.set(path, content);
    });
  const readFile: Engine['readFile'] = async (container, path) => nodeOf(container)?.files.get(path);
  const links = nodes.map((node): Pick<NodeLink, 'name' | 'send' | 'readPasswords'> => ({
    name: node.name,
    send: (...command) => carryOut(() => obey(node, command.map(String))),
    readPasswords: async () => ({
      accepted: node.accepts,
      sent: new Secret(node.sends),
      users: [],
      usersFile: node.usersFile,
    }),
  }));
  const events: ProgressEvent[] = [];
  const world: World = {
    nodes,
    links: links as unknown as NodeLink[],
    session: {
      spec,
      engine: { writeFiles, readFile },
      env: {},
      source: { description: 'the file /password' },
      report: (event: ProgressEvent) => events.push(event),
      signal: new AbortController().signal,
    } as unknown as Session,
    events,
    callsLeft: Infinity,
    order: async (call) => call(),
    look: () => undefined,
  };
  return world;
}

function obey(node: FakeNode, [command, subcommand, ...args]: readonly string[]): void {
  switch (`${command} ${subcommand}`) {
    case 'ACL SETUSER':
      for (const rule of args.slice(1)) {
        if (rule === 'resetpass') node.accepts = [];
        else if (rule.startsWith('#')) node.accepts = [...new Set([...node.accepts, rule.slice(1)])];
        else throw new Error(`unknown rule ${rule}`);
      }
      return;
    case 'CONFIG SET':
      if (args[0] !== 'masterauth') throw new Error(`unknown setting ${args[0]}`);
      node.sends = args[1] ?? '';
      return;
    default:
      throw new Error(`unknown command ${command} ${subcommand}`);
  }
}

/** Redis reads its files again, and knows nothing else any more. */
function restart(node: FakeNode): void {
  const users = node.files.get(node.usersFile) ?? '';
  node.accepts = [...users.matchAll(/#([0-9a-f]{64})/g)].map((one) => one[1] ?? '');
  node.sends =
    /^masterauth "([\w-]*)"\n$/.exec(node.files.get('/etc/redis/node/secret.conf') ?? '')?.[1] ?? 'unreadable';
}

/** Nobody sends what somebody refuses. */
function refusals(nodes: readonly FakeNode[]): string[] {
  return nodes.flatMap(({ name, sends }) =>
    nodes
      .filter(({ accepts }) => !accepts.includes(passwordHash(sends)))
      .map((other) => `${other.name} refuses ${sends} of ${name}`),
  );
}

function expectSettled({ nodes }: World, password: string): void {
  const isToldBy = (node: FakeNode): string[] => [...node.accepts, node.sends];
  for (const node of nodes) {
    expect(isToldBy(node)).toEqual([passwordHash(password), password]);
    expect(node.files.get('/etc/redis/node/password')).toBe(password);
    restart(node);
    expect(isToldBy(node)).toEqual([passwordHash(password), password]);
    expect(node.files.get(node.usersFile)?.split('\n')).toContain(PERSON);
  }
}

function settle(world: World, password: string): Promise<number> {
  return changePasswords(world.session, nodesOf(world.links), new Secret(password));
}

describe('a new password on running nodes', () => {
  test('takes nothing where they have it', async () => {
    const world = worldWith('old');
    world.callsLeft = 0;
    expect(await settle(world, 'old')).toBe(0);
    expect(world.events).toEqual([]);
  });

  test('takes three steps a node, and holds after a restart', async () => {
    const world = worldWith('old');
    expect(await settle(world, 'new')).toBe(9);
    const steps = world.events.filter(({ state }) => state === 'done').map(({ action }) => action?.type);
    expect(steps).toEqual(
      ['accept password', 'send password', 'drop other passwords'].flatMap((type) => [type, type, type]),
    );
    expectSettled(world, 'new');
    const keepers = world.nodes.map(({ files }) => files.get('/etc/redis/node/password.keeper')?.split('\n')[0]);
    expect(keepers).toEqual(world.nodes.map(() => 'the file /password'));
  });

  test('can be accepted before anybody uses it', async () => {
    const world = worldWith('old');
    await acceptPassword(world.session, nodesOf(world.links), new Secret('new'));
    for (const { accepts, sends, files } of world.nodes) {
      expect(accepts.toSorted()).toEqual([passwordHash('old'), passwordHash('new')].toSorted());
      expect(sends).toBe('old');
      expect(files.get('/etc/redis/node/password')).toBe('old');
    }
    expect(await settle(world, 'old')).toBe(3);
    expectSettled(world, 'old');
  });

  test('shows itself in no progress', async () => {
    const world = worldWith('old-hunter2');
    await settle(world, 'new-hunter2');
    expect(JSON.stringify(world.events)).not.toContain('hunter2');
  });

  test('killed after any call, with calls in any order: no node is turned away, nor after a restart of one', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat({ max: 18 }),
        fc.nat({ max: 2 }),
        fc.boolean(),
        fc.scheduler(),
        async (calls, index, restarts, scheduler) => {
          const world = worldWith('old');
          world.look = () => expect(refusals(world.nodes)).toEqual([]);
          world.order = (call) => scheduler.schedule(Promise.resolve()).then(call);
          world.callsLeft = calls;
          await scheduler.waitFor(settle(world, 'new').catch(() => 0));
          // Calls that were under way when this program ended come to nothing.
          await scheduler.waitAll();
          const node = world.nodes[index];
          if (restarts && node !== undefined) restart(node);
          world.look();
          world.callsLeft = Infinity;
          await scheduler.waitFor(settle(world, 'new'));
          expectSettled(world, 'new');
        },
      ),
      { numRuns: 200 },
    );
  });
});
