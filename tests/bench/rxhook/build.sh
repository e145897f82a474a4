#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Builds rxhook.ko for a kernel, as out/KERNEL/rxhook.ko beside this script, where
# the guest sees it too.
#
#   build.sh [stock|debug]
set -euo pipefail
. "$(dirname "$0")/../../../scripts/lib.sh"
usage "$0" "$@"

flavour=${1:-stock}
kernel=$("$ROOT/scripts/setup-kernel" "$flavour")
here=tests/bench/rxhook
out=$here/out/$flavour
mkdir -p "$ROOT/$out"
read -ra args <"$kernel/make-args"
KERNEL_DIR=$kernel in_tree make -s -C "$SRC" "${args[@]}" \
	M="/carp/$here" MO="/carp/$out" modules
