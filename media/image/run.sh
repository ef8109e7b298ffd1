#!/bin/bash
# Runs one phase: run.sh PHASE. Everything of the build lies in the directory of this script, which is gone after a stop.
set -Eeuo pipefail
trap 'echo "line $LINENO of ${BASH_SOURCE[0]##*/} failed: $BASH_COMMAND" >&2' ERR
build=$(cd "$(dirname "$0")" && pwd)
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 HOME=/root
set -a
# What the host says about mirrors, proxies and certificates; written by the builder.
. "$build/environment"
set +a
. "$build/lib.sh"
. "$build/sources.sh"
cd /root
case $1 in
script | command-*) exec bash "$build/$1" ;;
*) . "$build/$1.sh" ;;
esac
