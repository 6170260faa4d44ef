import { inPython, source } from './source.ts';
import { isMapped, type Library, type Place, type Reach } from './reach.ts';

export const redisPy: Library = {
  language: 'Python, redis-py',
  note: (reach) => {
    if (reach.tls !== undefined) return 'Needs redis 6 or later: before, it takes a certificate of any name.';
    return `Needs redis ${isMapped(reach) ? '4.5.5' : '4.1'} or later.`;
  },
  code: (reach) => source`
${reach.passwordFile === undefined ? ['import os'] : []}
from redis.cluster import ClusterNode, RedisCluster

${addresses(reach)}
${password(reach)}

${isMapped(reach) ? [MAPPED_CLUSTER] : []}
cluster = ${isMapped(reach) ? 'Cluster' : 'RedisCluster'}(
    startup_nodes=[
        ${reach.nodes.map((node) => `ClusterNode(${place(node)}),`)}
    ],
    ${isMapped(reach) ? MAPPED_ARGUMENTS : []}
    password=password,
    ${tls(reach)}
    decode_responses=True,
)
cluster.set("hello:redis-py", "world")
print(cluster.get("hello:redis-py"))
cluster.close()
`,
};

function addresses(reach: Reach): string[] {
  if (!isMapped(reach)) return [];
  const entries = reach.map.map(({ announced, found }) => `    (${place(announced)}): (${place(found)}),`);
  return ['# What the nodes announce, and where this host finds them.', 'addresses = {', ...entries, '}'];
}

const MAPPED_CLUSTER = `class Cluster(RedisCluster):
    # redis-py itself doesn't map the address in an ASK redirect.
    def get_node(self, host=None, port=None, node_name=None):
        if node_name is not None:
            host, port = node_name.rsplit(":", 1)
        return super().get_node(*addresses.get((host, int(port)), (host, int(port))))
`;

const MAPPED_ARGUMENTS = [
  'address_remap=lambda address: addresses.get(address, address),',
  '# The address in a redirect is not mapped: ask for the whole table again, which is.',
  'reinitialize_steps=1,',
];

function place({ host, port }: Place): string {
  return `${inPython(host)}, ${port}`;
}

function password({ passwordFile }: Reach): string[] {
  if (passwordFile === undefined) return ['password = os.environ["REDIS_PASSWORD"]'];
  return [
    `with open(${inPython(passwordFile)}, encoding="utf-8") as file:`,
    String.raw`    password = file.read().rstrip("\n")`,
  ];
}

function tls({ tls: files }: Reach): string[] {
  if (files === undefined) return [];
  const { ca, client } = files;
  return [
    'ssl=True,',
    `ssl_ca_certs=${inPython(ca)},`,
    'ssl_check_hostname=True,',
    ...(client === undefined
      ? []
      : [`ssl_certfile=${inPython(client.certificate)},`, `ssl_keyfile=${inPython(client.key)},`]),
  ];
}
