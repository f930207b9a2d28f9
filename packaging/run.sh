#!/bin/bash
# A county and a village box on this machine, for trying out and for the demo and the tests.
#
#   packaging/run.sh start|stop|run|status            both
#   packaging/run.sh start-county|stop-county         the county alone
#   packaging/run.sh start-gateway|stop-gateway       the box's three daemons
#   packaging/run.sh pids                             writes run.json anew
#
# XINKE_COUNTY_HOST (default 127.0.0.1) is the address that the county's servers bind to and the box calls.
# XINKE_RUN_DIR (default build/run) holds everything: databases, keys, the development CA, run.json. XINKE_PORT_BASE
# (default 8440) gives the ports: +0 sync, +1 API, +2 public, +3 gateway, +4 setup. XINKE_BIN (default build) has the
# programs. Several run side by side with another folder and base. Accounts get random passwords, kept in run.json (0600).
set -euo pipefail
cd "$(dirname "$0")/.."

bin=$(realpath "${XINKE_BIN:-build}")
mkdir -p "${XINKE_RUN_DIR:-build/run}"
run=$(realpath "${XINKE_RUN_DIR:-build/run}")
base=${XINKE_PORT_BASE:-8440}
county_host=${XINKE_COUNTY_HOST:-127.0.0.1}
station=${XINKE_STATION:-652323101200} # 红山村便民服务站, 大丰镇
schema=$(realpath schema)
web=$(realpath -m build/web) # the phone app, where `make web` has built it
umask 077

county_conf=$run/county.conf
box_conf=$run/gateway.conf
sync_conf=$run/sync.conf
print_conf=$run/print.conf
sync_url=https://$county_host:$base
api_url=https://$county_host:$((base + 1))
public_url=https://$county_host:$((base + 2))
gateway_url=https://127.0.0.1:$((base + 3))
setup_url=http://127.0.0.1:$((base + 4))

say() { echo "xinke: $*" >&2; }

# --- processes -----------------------------------------------------------------------------------------------------

pid_of() { cat "$run/$1.pid" 2>/dev/null || true; }

# A pid file alone proves nothing: the number may be another program's by now.
alive() {
	local pid
	pid=$(pid_of "$1")
	[ -n "$pid" ] && [ -d "/proc/$pid" ] && grep -qz "$run/" "/proc/$pid/cmdline" 2>/dev/null
}

launch() {
	local name=$1
	shift
	setsid "$@" >>"$run/$name.log" 2>&1 </dev/null &
	echo $! >"$run/$name.pid"
}

end() {
	local name=$1 pid
	if alive "$name"; then
		pid=$(pid_of "$name")
		kill "$pid" 2>/dev/null || true
		for _ in $(seq 150); do
			alive "$name" || break
			sleep 0.1
		done
		if alive "$name"; then
			say "$name does not stop, killing it"
			kill -9 "$pid" 2>/dev/null || true
		fi
	fi
	rm -f "$run/$name.pid"
}

wait_for() {
	local name=$1 url=$2 ca=$3
	for _ in $(seq 150); do
		curl -fsS --max-time 2 --cacert "$ca" "$url" >/dev/null 2>&1 && return 0
		sleep 0.1 # first: a child that has not become the daemon yet does not look like one
		if ! alive "$name"; then break; fi
	done
	say "$name did not start; the end of $run/$name.log:"
	tail -n 5 "$run/$name.log" >&2
	return 1
}

# --- accounts ------------------------------------------------------------------------------------------------------

# The password at the end of a command's output, into one JSON line {"role","name","password"} of FILE.
keep_account() {
	local line
	read -r line
	printf '{"role":"%s","name":"%s","password":"%s"}\n' "$2" "$3" "${line##* }" >>"$1"
}

accounts() {
	[ -s "$1" ] || { printf '[]'; return; }
	printf '[%s]' "$(paste -sd, "$1")"
}

# --- county --------------------------------------------------------------------------------------------------------

county() { "$bin/xinke-county" -c "$county_conf" "$@"; }

init_county() {
	cat >"$county_conf" <<-EOF
		[paths]
		data = county
		[http]
		bind = $county_host
		names = localhost,$county_host
		sync_port = $base
		api_port = $((base + 1))
		public_port = $((base + 2))
		[sync]
		url = $sync_url
		[public]
		url = $public_url
	EOF
	say "making the county: keys, development CA, 66 items, 73 stations"
	county init --schema "$schema" >&2
	rm -f "$run/county.accounts"
	local spec
	for spec in head:xianzhang: centre:zhongxin: operator:yunwei: auditor:shenji: department:minzheng:民政局 \
		department:tuiyi:退役军人事务局; do
		IFS=: read -r role name office <<<"$spec"
		county account add "$name" --role "$role" ${office:+--office "$office"} | keep_account "$run/county.accounts" "$role" "$name"
	done
}

start_county() {
	alive county && return 0
	[ -e "$run/county/county.db" ] || init_county
	launch county "$bin/xinke-county" -c "$county_conf" serve
	wait_for county "$api_url/healthz" "$run/county/ca/root.crt"
	write_run
}

# --- box -----------------------------------------------------------------------------------------------------------

xinke() { "$bin/xinke" -c "$box_conf" "$@"; }

init_box() {
	cat >"$box_conf" <<-EOF
		[paths]
		data = box
		web = $web
		[http]
		bind = 127.0.0.1
		port = $((base + 3))
		names = xinke.internal,localhost,127.0.0.1
		[setup]
		bind = 127.0.0.1
		port = $((base + 4))
	EOF
	cat >"$sync_conf" <<-EOF
		[paths]
		data = box
		keys = courier
		[sync]
		poll_s = 5
		backoff_max_s = 5
	EOF
	alive county || { say "the first start of a box needs the county: make start-county"; return 1; }
	say "making the box of station $station and enrolling it"
	"$bin/xinke-gateway" -c "$box_conf" init >&2
	local uri
	uri=$(county enrol-code "$station" | sed -n 's/.*\(xinke-enrol:[^ ]*\).*/\1/p')
	xinke enroll --sync-config "$sync_conf" "$uri"
	rm -f "$run/box.accounts"
	local role
	for role in clerk lead technician; do
		xinke staff add "$role" --role "$role" --keep | keep_account "$run/box.accounts" "$role" "$role"
	done
	: >"$run/box.ready"
}

# Without a receipt printer (printer.device) papers are pages for a browser.
write_print_conf() {
	[ -e "$print_conf" ] || cat >"$print_conf" <<-EOF
		[paths]
		socket = box/print.sock
		papers = $schema/papers
	EOF
}

start_gateway() {
	if [ ! -e "$run/box.ready" ]; then
		rm -rf "$run/box" "$run/courier"
		init_box
	fi
	write_print_conf
	alive print || launch print "$bin/xinke-print" -c "$print_conf" run
	alive gateway || launch gateway "$bin/xinke-gateway" -c "$box_conf" run
	wait_for gateway "$gateway_url/healthz" "$run/box/root.crt"
	alive sync || launch sync "$bin/xinke-sync" -c "$sync_conf" run
	for _ in $(seq 100); do # the first exchange brings the catalog; later starts have it
		xinke status --json 2>/dev/null | grep -q '"feed": *[1-9]' && break
		sleep 0.1
	done
	write_run
}

write_run() {
	cat >"$run/run.json.new" <<-EOF
		{"bin":"$bin",
		"county":{"sync_url":"$sync_url","api_url":"$api_url","public_url":"$public_url","ca":"$run/county/ca/root.crt",
		"config":"$county_conf","accounts":$(accounts "$run/county.accounts")},
		"gateway":{"url":"$gateway_url","setup_url":"$setup_url","ca":"$run/box/root.crt","config":"$box_conf",
		"station":"$station","level":"village","db":"$run/box/xinke.db","accounts":$(accounts "$run/box.accounts")},
		"pids":{"county":$(pid_json county),"gateway":$(pid_json gateway),"sync":$(pid_json sync),"print":$(pid_json print)}}
	EOF
	mv "$run/run.json.new" "$run/run.json"
}

pid_json() { if alive "$1"; then pid_of "$1"; else echo null; fi; }

# --- what is printed -----------------------------------------------------------------------------------------------

token_of() { # NAME PASSWORD URL CA
	curl -fsS --cacert "$4" -H 'Content-Type: application/json' -d "{\"name\":\"$1\",\"password\":\"$2\"}" \
		"$3/api/v1/sessions" | sed -n 's/.*"token":"\([^"]*\)".*/\1/p'
}

print_accounts() {
	sed 's/{"role":"\([^"]*\)","name":"\([^"]*\)","password":"\([^"]*\)"}/    \1: \2  \3/' "$1"
}

print_all() {
	local password token
	password=$(sed -n 's/.*"name":"clerk","password":"\([^"]*\)".*/\1/p' "$run/box.accounts")
	token=$(token_of clerk "$password" "$gateway_url" "$run/box/root.crt" || true)
	cat <<-EOF

		county    $api_url   public pages $public_url   boxes $sync_url
		$(print_accounts "$run/county.accounts")
		box       $gateway_url   setup $setup_url   station $station
		$(print_accounts "$run/box.accounts")
		files     $run/run.json

		Take a case (the session lasts 15 idle minutes):
		curl -sS --cacert $run/box/root.crt -H 'Authorization: Bearer $token' -H "Idempotency-Key: \\"\$(cat /proc/sys/kernel/random/uuid)\\"" -H 'Content-Type: application/json' -d '{"item":"652323-001","applicant":{"kind":"person","name":"阿依古丽·买买提","id_type":"citizen_id","id_number":"652323198506151237","phone":"13899991234","address":"大丰镇红山村"},"agent":null,"materials":[{"name":"居民身份证","form":"copy","copies":1}],"channel":"window","note":""}' $gateway_url/api/v1/cases
	EOF
}

stop_all() {
	end sync
	end gateway
	end print
	end county
	write_run
}

run_all() {
	trap 'stop_all; exit 0' INT TERM
	start_county
	start_gateway
	print_all
	echo
	echo "Ctrl-C stops both."
	local seconds=0
	while [ "$seconds" -lt 3 ]; do
		sleep 1
		if fallen county || fallen gateway || fallen sync; then seconds=$((seconds + 1)); else seconds=0; fi
	done
	say "a daemon has ended by itself; see $run/*.log"
	stop_all
	return 1
}

# Ended by itself: its pid file is there, it is not. One that was stopped on purpose (make stop-county) has no file; while
# one is being stopped or started both can be so for a moment.
fallen() { [ -e "$run/$1.pid" ] && ! alive "$1"; }

case ${1:-} in
start)
	start_county
	start_gateway
	print_all
	;;
stop) stop_all ;;
run) run_all ;;
start-county) start_county ;;
stop-county)
	end county
	write_run
	;;
start-gateway) start_gateway ;;
stop-gateway)
	end sync
	end gateway
	end print
	write_run
	;;
pids) write_run ;; # run.json again, with the processes of now
status) for d in county gateway sync print; do if alive $d; then echo "$d runs ($(pid_of $d))"; else echo "$d is stopped"; fi; done ;;
*)
	echo "usage: run.sh run|start|stop|status|start-county|stop-county|start-gateway|stop-gateway" >&2
	exit 2
	;;
esac
