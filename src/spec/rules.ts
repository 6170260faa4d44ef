import { checkAccess } from './access-rules.ts';
import { checkHosts } from './host-rules.ts';
import { contains, freePart, isAddress, parseBlock, type Block } from './addresses.ts';
import { parseByteSize, type Finding, type Path, type SpecDocument } from './schema.ts';

/** The checks that need more than one value: addresses against the subnet, ports against each other, node counts. */
export function checkDocument(document: SpecDocument): Finding[] {
  const miscount = checkNodeCount(document);
  return [
    ...checkAddresses(document),
    ...checkPorts(document),
    ...checkAccess(document),
    ...miscount,
    ...checkHosts(document, miscount.length === 0),
    ...checkMemory(document),
    ...checkSecrets(document),
    ...checkTls(document),
  ];
}

function checkSecrets({ secrets }: SpecDocument): Finding[] {
  if (secrets.provider !== 'generated' || secrets.file === undefined || secrets.shared === undefined) return [];
  return [
    {
      path: ['secrets', 'file'],
      message: 'the password is in the folder that shared names',
      hint: 'keep one of the two',
    },
  ];
}

function checkAddresses({ network, redis }: SpecDocument): Finding[] {
  const subnet = parseBlock(network.subnet);
  if (subnet === undefined) return [];
  const subnetPath = ['network', 'subnet'];
  if (subnet.text !== `${subnet.network}/${subnet.prefix}`) {
    const hint = `write ${subnet.network}/${subnet.prefix}`;
    return [{ path: subnetPath, message: `${subnet.text} is an address inside a subnet, not a subnet`, hint }];
  }
  if (subnet.prefix < 8 || subnet.prefix > 28) {
    return [
      { path: subnetPath, message: `/${subnet.prefix} is not a usable size`, hint: 'take a prefix from /8 to /28' },
    ];
  }

  const findings: Finding[] = [];
  const holders = new Map<string, string>();
  const gateway = network.gateway ?? subnet.firstHost;
  const claims: [address: string, holder: string, path: Path][] = [
    [gateway, "the network's gateway", ['network', 'gateway']],
    ...Object.entries(redis.nodes).map(([name, { ip }]): [string, string, Path] => [
      ip,
      name,
      ['redis', 'nodes', name, 'ip'],
    ]),
  ];
  for (const [address, holder, path] of claims) {
    if (!isAddress(address)) continue;
    const refusal = addressRefusal(subnet, address);
    if (refusal !== undefined) findings.push({ path, ...refusal });
    const other = holders.get(address);
    if (other !== undefined) {
      findings.push({
        path,
        message: `address ${address} is used twice: ${other} has it too`,
        hint: 'give each its own',
      });
    }
    holders.set(address, holder);
  }
  if (findings.length === 0 && freePart(subnet, [...holders.keys()]) === undefined) {
    const message = `the nodes leave no free block in ${subnet.text} for automatic addresses`;
    findings.push({ path: subnetPath, message, hint: 'take a larger subnet, or put the nodes next to each other' });
  }
  return findings;
}

function addressRefusal(subnet: Block, address: string): Omit<Finding, 'path'> | undefined {
  if (!contains(subnet, address)) {
    return {
      message: `address ${address} is outside the subnet ${subnet.text}`,
      hint: 'change network.subnet or the address',
    };
  }
  if (address === subnet.network || address === subnet.broadcast) {
    return {
      message: `address ${address} is the ${address === subnet.network ? 'network' : 'broadcast'} address of ${subnet.text}`,
    };
  }
  return undefined;
}

function checkPorts({ redis }: SpecDocument): Finding[] {
  const findings: Finding[] = [];
  const holders = new Map<string, string>();
  for (const [name, { ports, host }] of Object.entries(redis.nodes)) {
    for (const [kind, port] of Object.entries(ports)) {
      if (port === undefined) continue;
      const path = ['redis', 'nodes', name, 'ports', kind];
      const place = host === undefined ? `${port}` : `${port} of ${host}`;
      const other = holders.get(place);
      if (other === undefined) holders.set(place, `${name}.${kind}`);
      else
        findings.push({
          path,
          message: `host port ${place} is used twice: ${other} has it too`,
          hint: 'give each its own',
        });
    }
  }
  return findings;
}

function checkNodeCount({ redis }: SpecDocument): Finding[] {
  const path = ['redis', 'nodes'];
  const count = Object.keys(redis.nodes).length;
  const problem = findShapeProblem(count, redis.replicas);
  if (problem !== undefined) return [{ path, ...problem }];
  const most = 1000;
  if (count > most)
    return [{ path, message: `${count} nodes are more than the ${most} that Redis Cluster is made for` }];
  return [];
}

/** What keeps `nodeCount` nodes from being a cluster in which each primary has `replicas` replicas. */
export function findShapeProblem(nodeCount: number, replicas: number): Omit<Finding, 'path'> | undefined {
  const perPrimary = replicas + 1;
  if (nodeCount % perPrimary !== 0) {
    const message = `${nodeCount} nodes can't be divided into primaries with ${replicas} replica(s) each`;
    return { message, hint: `the number of nodes must be a multiple of ${perPrimary}` };
  }
  const primaryCount = nodeCount / perPrimary;
  if (primaryCount < 3) {
    const message = `${nodeCount} node(s) with ${replicas} replica(s) each make ${primaryCount} primaries`;
    return { message, hint: `a Redis Cluster needs at least 3 primaries: ${3 * perPrimary} nodes` };
  }
  return undefined;
}

function checkMemory({ redis }: SpecDocument): Finding[] {
  const path = ['redis', 'maxmemory'];
  const limit = parseByteSize(redis.memory);
  const smallestLimit = 6 * 1024 ** 2;
  if (limit < smallestLimit) {
    return [{ path: ['redis', 'memory'], message: `${redis.memory} is less than the 6mb that the engine asks for` }];
  }
  if (parseByteSize(redis.maxmemory) === 0) {
    return [
      { path, message: 'maxmemory 0 means no limit, and the container has one', hint: 'take half of redis.memory' },
    ];
  }
  if (parseByteSize(redis.maxmemory) < limit) return [];
  const message = `maxmemory ${redis.maxmemory} does not fit into the container's ${redis.memory}`;
  return [{ path, message, hint: 'Redis needs room beside its data: take half of redis.memory' }];
}

function checkTls({ tls, secrets }: SpecDocument): Finding[] {
  const findings: Finding[] = [];
  const find = (key: string, message: string, hint: string): void => {
    findings.push({ path: ['tls', key], message, hint });
  };
  if (tls.enabled === false) {
    if (!tls.plain)
      find('plain', 'with TLS off and the plain port closed, nothing would listen', 'remove one of the two');
    if (tls.cluster === true)
      find('cluster', 'the bus can only be encrypted where TLS is on', 'remove tls.enabled: false');
    if (tls.clientAuth !== 'no')
      find('clientAuth', 'a client can only be asked for a certificate where TLS is on', 'remove tls.enabled: false');
  }
  if (!tls.plain && tls.cluster === false) {
    find(
      'cluster',
      'replication needs the plain port that tls.plain: false closes',
      'remove tls.cluster: the bus is encrypted then, too',
    );
  }
  if (tls.issuer === 'vault' && secrets.provider !== 'vault') {
    find(
      'issuer',
      'the certificates are to come from Vault, and secrets names none',
      'set secrets.provider: vault, with its address',
    );
  }
  if (tls.issuer !== 'files') return findings;
  if (tls.ca.includes('{node}'))
    find('ca', 'clients know one authority for all nodes', 'put all of them into one file');
  if ((tls.clientCertificate === undefined) !== (tls.clientKey === undefined)) {
    const given = tls.clientKey === undefined ? 'clientCertificate' : 'clientKey';
    find(given, 'clientCertificate and clientKey go together', 'give both, or none');
  } else if (tls.clientAuth === 'yes' && !tls.plain && tls.clientCertificate === undefined) {
    find(
      'clientAuth',
      'this program has no certificate to show to the nodes',
      'give tls.clientCertificate and tls.clientKey',
    );
  }
  return findings;
}
