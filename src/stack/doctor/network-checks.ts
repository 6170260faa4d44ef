import type { Conflict } from '../../plan/engine/conflicts.ts';
import type { FailureCode } from '../../errors.ts';
import { commandText } from '../session/command-text.ts';
import { failed, ok, orOk, skipped, type Line } from './diagnosis.ts';
import type { Facts } from './facts.ts';

/** What stands in the way of the next `up`, all of it, by what it is about. */
export async function checkObstacles({ obstacles, stack }: Facts): Promise<readonly Line[]> {
  const { conflicts } = await obstacles.find();
  const { spec } = await stack.know();
  const about = (subject: string): readonly Line[] =>
    conflicts.filter(({ code }) => subjectOf(code) === subject).map((conflict) => toLine(subject, conflict));
  const ports = spec.nodes.length * (1 + Number(spec.tls.plain) + Number(spec.tls.enabled));
  const others = conflicts.filter(({ code }) => subjectOf(code) === 'up').map((conflict) => toLine('up', conflict));
  return [
    ...orOk(about('names'), 'names', 'what has a name of this stack is of this stack'),
    ...orOk(about('subnet'), 'subnet', `${spec.network.subnet.text} overlaps nothing else`),
    ...orOk(about('ports'), 'ports', `all ${ports} host ports are the containers' own, or free`),
    ...about('addresses'),
    ...others,
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

function toLine(subject: string, { message, hint }: Conflict): Line {
  return failed(subject, message, hint);
}

/** Whether the containers that run have the addresses that the YAML file gives them. */
export async function checkAddresses({ containers, stack, obstacles }: Facts): Promise<readonly Line[]> {
  const { spec, path } = await stack.know();
  const network = spec.network.name;
  const { observed } = await obstacles.know();
  const present = (await containers.know()).filter(({ container }) => container !== undefined);
  if (present.length > 0 && !observed.networks.some(({ name }) => name === network)) {
    return [failed('network', `the network ${network} is not there`, commandText({ path }, 'up'))];
  }
  const running = present.filter(({ container }) => container?.state === 'running' || container?.state === 'paused');
  if (running.length === 0) return [skipped('addresses', 'no container runs')];
  const lines = running.flatMap(({ node, name, container }): Line[] => {
    const address = container?.addresses[network];
    if (address === node.ip) return [];
    const mend = commandText({ path }, 'up');
    if (address === undefined) return [failed(node.name, `${name} is not connected to the network ${network}`, mend)];
    return [failed(node.name, `${name} has the address ${address || '(none)'} instead of ${node.ip}`, mend)];
  });
  return lines.length > 0 ? lines : [ok('addresses', `every container has its own on ${network}`)];
}
