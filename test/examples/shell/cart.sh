#!/bin/sh
# redis-cluster run -- ./cart.sh
set -eu
export REDISCLI_AUTH="$(cat "$REDIS_PASSWORD_FILE")"
first=${REDIS_CLUSTER_NODES%%,*}
redis-cli -h "${first%:*}" -p "${first#*:}" cluster info | grep cluster_state
