#!/bin/bash
# Installs what building and testing need and this machine lacks, on Debian 12: packages by apt (sudo where not root),
# and Node 22 as the npm package `node` into build/tools where PATH has none from 20.19 on.
#
#   packaging/install-deps.sh build   compilers and libraries: what `make run` needs
#   packaging/install-deps.sh web     Node and what builds the phone app
#   packaging/install-deps.sh test    all of those, and what the tests and the linters need
#   packaging/install-deps.sh bench   those, the load generator, and what makes a poor line
#
# Says nothing when nothing is missing. B is the build folder (default: build).
set -euo pipefail
cd "$(dirname "$0")/.."

level=${1:-build}
build=${B:-build}

BUILD_PACKAGES="gcc make libc6-dev pkg-config gawk libmicrohttpd-dev libgnutls28-dev libcurl4-gnutls-dev libsqlite3-dev
 libmbedtls-dev libjansson-dev libargon2-dev libinih-dev libzstd-dev libxslt1-dev libqrencode-dev curl ca-certificates procps"
TEST_PACKAGES="clang-14 clang-format-14 clang-tidy-14 cppcheck shellcheck libcmocka-dev openssl sqlite3 nodejs npm
 libclang-rt-14-dev fiu-utils faketime e2fsprogs mount chromium fonts-noto-cjk
 fonts-noto-core"

missing() {
	local p
	for p in "$@"; do
		# awk: any awk will do, gawk is asked for only where there is none
		[ "$p" = gawk ] && command -v awk >/dev/null && continue
		# Node and npm may come from elsewhere than Debian's packages
		[ "$p" = nodejs ] && command -v node >/dev/null && continue
		[ "$p" = npm ] && command -v npm >/dev/null && continue
		dpkg-query -W -f='${Status}' "$p" 2>/dev/null | grep -q '^install ok installed' || echo "$p"
	done
}

install_packages() {
	local want sudo=
	# shellcheck disable=SC2086 # the lists are words
	want=$(missing $1)
	[ -n "$want" ] || return 0
	[ "$(id -u)" = 0 ] || sudo=sudo
	echo "installing: $(echo "$want" | tr '\n' ' ')"
	$sudo apt-get update -qq
	# shellcheck disable=SC2086
	$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $want >/dev/null
}

node_is_new() {
	"$1" -e 'const [a, b] = process.versions.node.split(".").map(Number);
		process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' 2>/dev/null
}

install_node() {
	if command -v node >/dev/null && node_is_new node; then return 0; fi
	if node_is_new "$build/tools/node_modules/.bin/node"; then return 0; fi
	echo "installing: node 22 into $build/tools"
	mkdir -p "$build/tools"
	npm install --prefix "$build/tools" --no-audit --no-fund --loglevel=error node@22
}

# What FOLDER/package-lock.json names, exactly.
install_modules() {
	local folder=$1 stamp=$1/node_modules/.package-lock.json
	if [ -e "$stamp" ] && [ ! "$folder/package-lock.json" -nt "$stamp" ]; then return 0; fi
	echo "installing: the tools of $folder/package-lock.json"
	PATH="$PWD/$build/tools/node_modules/.bin:$PATH" npm ci --prefix "$folder" --no-audit --no-fund --loglevel=error
}

case $level in
build) install_packages "$BUILD_PACKAGES" ;;
web)
	install_packages "nodejs npm"
	install_node
	install_modules gateway/web
	;;
test | bench)
	[ "$level" = test ] || TEST_PACKAGES="$TEST_PACKAGES wrk iproute2 util-linux"
	install_packages "$BUILD_PACKAGES $TEST_PACKAGES"
	install_node
	install_modules gateway/web
	install_modules tests
	;;
*)
	echo "usage: install-deps.sh build|web|test|bench" >&2
	exit 2
	;;
esac
