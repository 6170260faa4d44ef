package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"strings"

	"github.com/redis/go-redis/v9"
)

func main() {
	options := &redis.ClusterOptions{
		Addrs:    strings.Split(os.Getenv("REDIS_CLUSTER_NODES"), ","),
		Password: os.Getenv("REDIS_PASSWORD"),
	}
	if ca := os.Getenv("REDIS_TLS_CA_FILE"); ca != "" {
		pem, _ := os.ReadFile(ca)
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(pem)
		options.TLSConfig = &tls.Config{RootCAs: roots}
	}
	cluster := redis.NewClusterClient(options)
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var words []any
		for _, word := range strings.Fields(lines.Text()) {
			words = append(words, word)
		}
		if answer, err := cluster.Do(context.Background(), words...).Result(); err != nil {
			fmt.Println("ERR", strings.ReplaceAll(err.Error(), "\n", " "))
		} else {
			fmt.Println(answer)
		}
	}
}
