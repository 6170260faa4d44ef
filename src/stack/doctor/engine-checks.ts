import { hint, run } from '../../hint.ts';
import { findHostWarnings } from '../../plan/engine/host-conflicts.ts';
import { isOwn } from '../../plan/model/names.ts';
import { brokenPairsFailure, findBrokenPairs } from '../observe/host-links.ts';
import { canStandIn, imageBuild } from '../observe/image.ts';
import { failed, ok, orOk, skipped, warning, type Line } from './diagnosis.ts';
import type { Facts } from './facts.ts';
import type { FailureCode } from '../../errors.ts';

export async function checkEngine({ engine, stack }: Facts): Promise<readonly Line[]> {
  const {
    engine: one,
    version: { version, apiVersion, platform },
  } = await engine.find();
  const { address, source } = one.endpoint;
  const spec = (await stack.know().catch(() => undefined))?.spec;
  const hosts = spec?.hosts ?? [];
  const away = one.away();
  const lacks = spec === undefined ? [] : findHostWarnings(spec, await one.swarms());
  return [
    ok('engine', `${address} (${source}), version ${version}, API ${apiVersion}, ${platform}`),
    ...hosts.flatMap(({ name, engine: at }) => {
      const absence = away.get(name);
      if (absence === undefined) return [];
      const text = `${at} does not answer: what is there is not known\n${absence.message}`;
      return [failed(`host ${name}`, text, absence.hint ?? hint`Start it, then: ${run('up')}`)];
    }),
    ...lacks.map(({ text, hint: remedy }) => warning('hosts', text, remedy)),
  ];
}

export async function checkImage({ stack, image, resources }: Facts): Promise<readonly Line[]> {
  const {
    spec: { name, redis, hosts },
  } = await stack.know();
  const found = await image.find();
  if (found !== undefined) {
    const text = found.isStandIn
      ? `${found.reference}, built here, stands in for ${redis.image}, which is not on this engine`
      : found.reference;
    return [ok('image', text)];
  }
  const [text, mend] = canStandIn(redis.image)
    ? [
        `neither ${redis.image} nor the local image is on this engine`,
        hint`docker pull ${redis.image}   # or, without a registry: ${imageBuild({ hosts })}`,
      ]
    : [`${redis.image} is not on this engine, and the local image can't stand in for it`, `docker pull ${redis.image}`];
  const { containers } = await resources.know();
  // What runs goes on running. The next that is to be made can't be.
  if (containers.some(isOwn(name))) return [warning('image', `${text} any more: no container can be created`, mend)];
  return [failed('image', text, mend)];
}

/** What stands in the way of the next `up`, all of it, by what it is about. */
export async function checkObstacles({ obstacles, stack }: Facts): Promise<readonly Line[]> {
  const { conflicts, wanted } = await obstacles.find();
  const { spec } = await stack.know();
  const about = (subject: string): readonly Line[] =>
    conflicts
      .filter(({ code }) => subjectOf(code) === subject)
      .map(({ message, hint: remedy }) => failed(subject, message, remedy));
  const published = spec.nodes.length * (1 + Number(spec.tls.plain) + Number(spec.tls.enabled));
  const ports = published + (wanted.proxy?.addresses.length ?? 0);
  return [
    ...orOk(about('names'), 'names', 'what has a name of this stack is of this stack'),
    ...orOk(about('subnet'), 'subnet', `${spec.network.subnet.text} overlaps nothing else`),
    ...orOk(
      about('ports'),
      'ports',
      `all ${ports} host ports are the containers' own${wanted.proxy === undefined ? '' : ", or the proxy's"}, or free`,
    ),
    ...about('addresses'),
    ...about('up'),
  ];
}

function subjectOf(code: FailureCode): string {
  const subjects: Partial<Record<FailureCode, string>> = {
    NAME_TAKEN: 'names',
    SUBNET_OVERLAP: 'subnet',
    PORT_TAKEN: 'ports',
    ADDRESS_TAKEN: 'addresses',
  };
  return subjects[code] ?? 'up';
}

/** Whether the containers that run have the addresses that the YAML file gives them. */
export async function checkAddresses({ containers, stack, obstacles }: Facts): Promise<readonly Line[]> {
  const { spec } = await stack.know();
  const network = spec.network.name;
  const { observed } = await obstacles.know();
  const present = (await containers.know()).filter(({ container }) => container !== undefined);
  if (present.length > 0 && !observed.networks.some(({ name }) => name === network)) {
    return [failed('network', `the network ${network} does not exist`, run('up'))];
  }
  const running = present.filter(({ container }) => container?.state === 'running' || container?.state === 'paused');
  if (running.length === 0) return [skipped('addresses', 'no container runs')];
  const lines = running.flatMap(({ node, name, container }): Line[] => {
    const address = container?.addresses[network];
    if (address === node.ip) return [];
    const mend = run('up');
    if (address === undefined) return [failed(node.name, `${name} is not connected to the network ${network}`, mend)];
    return [failed(node.name, `${name} has the address ${address || '(none)'} instead of ${node.ip}`, mend)];
  });
  return lines.length > 0 ? lines : [ok('addresses', `every container has its own on ${network}`)];
}

/** Whether several hosts get through to each other, asked from inside their containers; nothing where there are none to ask. */
export async function checkHostLinks(facts: Facts): Promise<readonly Line[]> {
  const session = await facts.session.know();
  const all = await facts.containers.know();
  const running = all.flatMap(({ container }) => (container?.state === 'running' ? [container] : []));
  if (session.spec.hosts.length === 0 || running.length === 0) return [];
  const pairs = await findBrokenPairs(session, running);
  if (pairs.length === 0) return [ok('hosts', 'those that answer get through to each other')];
  const { message, details, hint: mend } = brokenPairsFailure(session, pairs);
  return [failed('hosts', [message, ...details].join('\n'), mend ?? run('up'))];
}
