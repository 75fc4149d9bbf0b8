#!/usr/bin/env bash
# The kubernetes runner and a Kubernetes work pool on a real cluster, where the tool that brings one up stands beside
# the checkout; else says so. The shorter tests; all of them: make test-kubernetes. Arguments go to pytest.
set -euo pipefail
cd "$(dirname "$0")/.."

tool=../shared/tools/kubernetes

without() { echo "No cluster is here ($1): the kubernetes runner is not tested on one"; exit 0; }

[ -x "$tool/up.sh" ] || without "no tool beside the checkout"
[ "$(id -u)" = 0 ] || without "its tool needs root"
. .ci/docker_ready.sh

make images ENGINES="stub house"
trap '"$tool/down.sh" --purge' EXIT
said=$("$tool/up.sh" 2>&1) || { echo "$said" | tail -20; without "it does not come up"; }
make test-kubernetes ARGS="-m 'kubernetes and not proof' --durations=10 $*"
