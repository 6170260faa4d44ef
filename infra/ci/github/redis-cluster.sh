#!/usr/bin/env bash
# The program: of the npm package where the project has it, else of the checkout that this action is in.
set -euo pipefail
if [ -e node_modules/redis-cluster-as-code ]; then exec npx redis-cluster "$@"; fi
root=$(cd "$(dirname "$0")/../../.." && pwd)
[ -e "$root/node_modules" ] || (cd "$root" && npm ci --include=dev --no-audit --no-fund --loglevel=error >&2)
exec "$root/node_modules/.bin/tsx" "$root/manage.ts" "$@"
