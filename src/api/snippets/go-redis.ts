import { inGo, source } from './source.ts';
import { addressOf, isMapped, type Library, type Reach } from './reach.ts';

export const goRedis: Library = {
  language: 'Go, go-redis',
  note: () => 'Needs github.com/redis/go-redis/v9.',
  code: (reach) => source`
package main

import (
	"context"
	${reach.tls === undefined ? [] : ['"crypto/tls"', '"crypto/x509"']}
	"fmt"
	${isMapped(reach) ? ['"net"'] : []}
	"os"
	${reach.passwordFile === undefined ? [] : ['"strings"']}

	"github.com/redis/go-redis/v9"
)

${addresses(reach)}
func main() {
	${password(reach)}
	${security(reach)}
	cluster := redis.NewClusterClient(&redis.ClusterOptions{
		Addrs: []string{
			${reach.nodes.map((node) => `${inGo(addressOf(node))},`)}
		},
		${options(reach)}
	})
	defer cluster.Close()

	ctx := context.Background()
	must(cluster.Set(ctx, "hello:go-redis", "world", 0).Result())
	fmt.Println(must(cluster.Get(ctx, "hello:go-redis").Result()))
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}
`,
};

function password({ passwordFile }: Reach): string[] {
  if (passwordFile === undefined) return ['password := os.Getenv("REDIS_PASSWORD")'];
  return [String.raw`password := strings.TrimRight(string(must(os.ReadFile(${inGo(passwordFile)}))), "\r\n")`];
}

function addresses(reach: Reach): string[] {
  if (!isMapped(reach)) return [];
  return [
    '// What the nodes announce, and where this host finds them.',
    'var addresses = map[string]string{',
    ...reach.map.map(({ announced, found }) => `\t${inGo(addressOf(announced))}: ${inGo(addressOf(found))},`),
    '}\n',
  ];
}

/** A Dialer of one's own has to do TLS, too: go-redis reads TLSConfig only in its own. */
function options(reach: Reach): string[] {
  if (isMapped(reach)) return ['Password: password,', DIALER];
  return reach.tls === undefined ? ['Password: password,'] : ['Password:  password,', 'TLSConfig: config,'];
}

const DIALER = `Dialer: func(ctx context.Context, network, address string) (net.Conn, error) {
	if found, ok := addresses[address]; ok {
		address = found
	}
	return dialer.DialContext(ctx, network, address)
},`;

function security(reach: Reach): string[] {
  const { tls } = reach;
  if (tls === undefined) return isMapped(reach) ? ['dialer := &net.Dialer{}'] : [];
  const [begin, end] = isMapped(reach)
    ? ['dialer := &tls.Dialer{Config: &tls.Config{', '}}']
    : ['config := &tls.Config{', '}'];
  const { ca, client } = tls;
  if (client === undefined) return [...roots(ca), `${begin}RootCAs: authorities${end}`];
  return [
    ...roots(ca),
    `certificate := must(tls.LoadX509KeyPair(${inGo(client.certificate)}, ${inGo(client.key)}))`,
    begin,
    '\tRootCAs:      authorities,',
    '\tCertificates: []tls.Certificate{certificate},',
    end,
  ];
}

function roots(ca: string): string[] {
  return ['authorities := x509.NewCertPool()', `authorities.AppendCertsFromPEM(must(os.ReadFile(${inGo(ca)})))`];
}
