#!/usr/bin/env bash
# Engines in containers: builds the images named (default: stub light demucs) and passes the tests that need Docker.
# The others, which take the longest to build: .ci/docker.sh pyannote rvc. Where Docker cannot be had, it says so and
# that is all.
set -euo pipefail
cd "$(dirname "$0")/.."

without() { echo "Docker is not here ($1): images and the docker runner are not tested"; exit 0; }

. .ci/docker_ready.sh

make images ENGINES="${*:-stub light demucs}"
make test-docker
