# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# What the scripts share: words for the user, the cache, one step at a time.
# Sourced, never run. The caller has set -euo pipefail.

# Our own messages and sort orders must not depend on the user's language.
export LC_ALL=C

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
CARP_CACHE=$(realpath -m "${CARP_CACHE:-$HOME/.cache/carp}")
SUITE=trixie
SERIES=7.3
# Where the kernel's source is in the build tree, whatever the cache is called:
# make writes this path into its outputs.
SRC=/usr/src/linux

say() { echo "carp: $*" >&2; }
die() { echo "carp: $*" >&2; exit 1; }

# usage SCRIPT ARGS...: prints the head comment of the script when asked to.
usage() {
	case ${2:-} in
	-h | --help)
		sed -n '4,/^[^#]/{/^#/!d;s/^# \{0,1\}//;p;}' "$1"
		exit 0
		;;
	esac
}

need_root() { [ "$(id -u)" = 0 ] || die "must be run as root (it makes a Debian tree and chroots into it)"; }

need_space() {
	local want=$1 free
	mkdir -p "$CARP_CACHE" 2>/dev/null || die "cannot create the cache $CARP_CACHE"
	free=$(df -Pk "$CARP_CACHE" | awk 'NR == 2 { print int($4 / 1024) }')
	[ "$free" -ge "$want" ] ||
		die "disk full: this step needs $want MiB in $CARP_CACHE and $free MiB are free (set CARP_CACHE to use another disk)"
}

hash_of() { cat "$@" | sha256sum | cut -c1-12; }

# words FILE: a list with one entry a line; # starts a comment.
words() { sed 's/#.*//' "$1" | xargs -n1; }

# diagnose LOG: the usual reasons, in words.
diagnose() {
	if grep -qiE "no space left on device|don't have enough free space" "$1"; then
		echo "disk full while writing to $CARP_CACHE"
	elif grep -qiE 'could not resolve|failed to fetch|connection (refused|failed|timed out)|could not connect|unable to connect|network is unreachable|temporary failure resolving' "$1"; then
		echo "no network: the Debian mirror of this machine's apt configuration does not answer"
	elif grep -qiE 'unable to locate package|no installation candidate' "$1"; then
		echo "a package is missing from the mirror"
	fi
}

# step NAME TARGET MIB HINT COMMAND...
#
# Makes TARGET, once. COMMAND gets the name of a new, empty directory beside
# TARGET, which is renamed to TARGET when COMMAND has succeeded, so that an
# interrupted step leaves nothing half done. Two makes that want the same step
# wait for each other. Never call it in a condition: that would switch off
# errexit inside COMMAND.
step() {
	local name=$1 target=$2 mib=$3 hint=$4
	shift 4
	[ ! -e "$target" ] || return 0
	need_space "$mib"
	(
		part=$target.part log=$CARP_CACHE/$name.log ticker='' why='' rc=0
		exec 9>"$CARP_CACHE/.lock-$name"
		flock -n 9 || { say "$name: another make is at it, waiting"; flock 9; }
		[ ! -e "$target" ] || exit 0
		rm -rf --one-file-system "$part"
		say "$name: $hint"
		SECONDS=0
		# shellcheck disable=SC2154 # rc is set above
		trap 'kill $ticker 2>/dev/null; rm -rf --one-file-system "$part"' EXIT
		trap 'exit 130' INT TERM HUP
		while sleep 20; do
			say "$name: $SECONDS s: $(tail -n1 "$log" | tr -d '\r' | cut -c1-90)"
		done 9>&- &
		ticker=$!
		mkdir "$part"
		set +e
		(set -e; "$@" "$part") >"$log" 2>&1
		rc=$?
		set -e
		if [ $rc != 0 ]; then
			why=$(diagnose "$log")
			[ -n "$why" ] || tail -n 15 "$log" >&2
			die "$name failed${why:+: $why} (log: $log)"
		fi
		mv "$part" "$target"
		say "$name: done in $SECONDS s"
	)
}

first_archive() {
	# shellcheck disable=SC2016 # apt's own variables
	apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Label: Debian' |
		awk '!/^cdrom:/ && !n++'
}

# The Debian mirror that this machine itself uses.
mirror() {
	local uri
	uri=$(first_archive)
	if [ -z "$uri" ]; then
		# Which archive is Debian's is known from the lists only.
		apt-get -q update >&2
		uri=$(first_archive)
	fi
	# Cloud images name a local list of mirrors, which a chroot cannot see.
	uri=${uri%/}
	case $uri in
	mirror+file:*) uri=$(grep -om1 'https\?://[^[:space:]]*' "${uri#mirror+file:}") ;;
	esac
	[ -n "$uri" ] || die "no Debian mirror in this machine's apt configuration"
	echo "${uri%/}"
}

# debian LIST DIR: a minimal Debian in DIR, with the packages of LIST.
debian() {
	local uri keys=/usr/share/keyrings/debian-archive-keyring.gpg opts=() line
	uri=$(mirror)
	while read -r line; do
		opts+=(--aptopt="$line")
	done < <(apt-config dump --format '%F "%v";%n' Acquire::http::Proxy Acquire::https::Proxy)
	# Its own mount and process namespaces: whatever happens, no mount stays.
	unshare --mount --pid --fork --kill-child --mount-proc \
		mmdebstrap --mode=root --variant=apt --format=directory --skip=output/dev \
		--include="$(words "$1" | paste -sd,)" "${opts[@]}" \
		--dpkgopt='path-exclude=/usr/share/man/*' \
		--dpkgopt='path-exclude=/usr/share/doc/*' \
		--dpkgopt='path-exclude=/usr/share/info/*' \
		--dpkgopt='path-exclude=/usr/share/locale/*' \
		"$SUITE" "$2" \
		"deb [signed-by=$keys] $uri $SUITE main" \
		"deb [signed-by=$keys] $uri $SUITE-backports main"
}

tree_dir() { echo "$CARP_CACHE/tree-$(hash_of "$ROOT/scripts/tree.packages")"; }

# in_tree COMMAND...: runs it in the build tree, with the checkout at /carp, the
# cache at /cache and the kernel $KERNEL_DIR at /usr/src/linux. The mounts live
# in a namespace of their own and end with the command.
in_tree() {
	# shellcheck disable=SC2016 # expanded by the inner shell
	TREE=$(tree_dir) ROOT=$ROOT CARP_CACHE=$CARP_CACHE KERNEL_DIR=${KERNEL_DIR:-} \
		unshare --mount --pid --fork --kill-child sh -euc '
			# The tree asks and trusts whom the machine asks and trusts.
			for file in /etc/resolv.conf /etc/ssl/certs/ca-certificates.crt; do
				[ ! -e $file ] || cmp -s $file "$TREE$file" || cp -f $file "$TREE$file"
			done
			mount --rbind /dev "$TREE/dev"
			mount -t proc proc "$TREE/proc"
			mount -t tmpfs tmpfs "$TREE/tmp"
			mount --bind "$ROOT" "$TREE/carp"
			mount --bind "$CARP_CACHE" "$TREE/cache"
			[ -z "$KERNEL_DIR" ] || mount --bind "$KERNEL_DIR/src" "$TREE/usr/src/linux"
			env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp LC_ALL=C TERM="${TERM:-dumb}" \
				CARGO_HOME=/cache/cargo ${http_proxy:+http_proxy="$http_proxy"} \
				${https_proxy:+https_proxy="$https_proxy"} chroot "$TREE" "$@" || exit $?' in_tree "$@"
}

# tree_path FILE: how a file of the checkout or the cache is called in the tree.
tree_path() {
	case $1 in
	"$CARP_CACHE"/*) echo "/cache/${1#"$CARP_CACHE"/}" ;;
	"$ROOT"/*) echo "/carp/${1#"$ROOT"/}" ;;
	esac
}

# make_image DIR FILE [OPTION...]: a read-only disk. It is not compressed:
# unpacking is what an emulated CPU is slowest at.
make_image() {
	in_tree mksquashfs "$(tree_path "$1")" "$(tree_path "$2")" "${@:3}" \
		-noI -noD -noF -noX -noappend -quiet -no-progress
}
