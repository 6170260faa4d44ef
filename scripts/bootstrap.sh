#!/bin/sh
# From a fresh machine to a verified Redis Cluster: Node packages, container engine, image, then `up`. Ends with how long it took.
# On a terminal it asks before it installs anything system-wide; --yes answers for you.
set -eu
. "$(dirname "$0")/setup.sh"
npx tsx manage.ts up
spent up
say "· $total s to a verified cluster: $times"
