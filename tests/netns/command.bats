#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# [gate] command: a firewall in front of the host, which a program of the administrator's opens. Here it is a ruleset on the
# other side of the cable, with a program that misbehaves as it is told.
bats_require_minimum_version 1.5.0
load ../lib/suite

setup_file() {
	rig_up
	mkdir -m 0755 "$RIG_DIR/cloud"
	# "open" and "close" do first what $RIG_DIR/cloud/open.do and close.do say.
	cat >"$RIG_DIR/cloud/gate" <<-SH
		#!/bin/bash
		echo "\$*" >>'$RIG_DIR/cloud/calls'
		env >'$RIG_DIR/cloud/env.'"\$3"
		cd '$RIG_DIR/cloud'
		cloud() { ip netns exec '$RIG_CA' nft "\$@"; }
		ours() { cloud -a list chain inet cloud out | sed -nE 's/.*"'"\${ACMEGATE_TAG:-acmegate:[0-9a-f]*}"'" # handle ([0-9]+)/\1/p'; }
		host_is_shut() { [ "\$(nft list ruleset | grep -c acmegate)" = 0 ] || exit 1; }
		[ ! -e "\$3.do" ] || . "./\$3.do"
		case \$3 in
		open) [ -n "\$(ours)" ] || cloud insert rule inet cloud out tcp dport "\$ACMEGATE_PORT" accept comment "\"\$ACMEGATE_TAG\"" ;;
		close) for handle in \$(ours); do cloud delete rule inet cloud out handle "\$handle"; done ;;
		esac
	SH
	chmod 0755 "$RIG_DIR/cloud/gate"
}

setup() {
	RIG_GATE="command = $RIG_DIR/cloud/gate sg-1 a+b"
	rm -rf "$RIG_STATE" "$RIG_DIR"/cloud/{calls,*.do,env.*}
	rig_policy_drop | rig_nft -
	# Packets from the CA's side meet the cloud's firewall before the host's.
	rig_ca nft 'table inet cloud { chain out { type filter hook output priority 10; tcp dport 80 drop; }; }'
}

teardown() {
	[ -n "${BATS_TEST_COMPLETED:-}" ] || printf '%s\n' "${output:-}" "$(cat "$RIG_DIR/out" "$RIG_DIR/cloud/calls")"
	rig_ca nft flush ruleset
	rig_end_of probe
	rig_pebble_stop
}

does() { printf '%s\n' "$2" >"$RIG_DIR/cloud/$1.do"; }
calls() { paste -sd ' ' "$RIG_DIR/cloud/calls" | sed 's/sg-1 a+b //g'; }
cloud_called() { [ "$(calls)" = "$1" ]; }
cloud_rules() { rig_ca nft list chain inet cloud out | grep -c 'acmegate:' || true; }
cloud_closed() { [ "$(cloud_rules)" = 0 ]; }
all_closed() { cloud_closed && [ "$(rig_ours)" = 0 ]; }
dies() {
	killed=$EPOCHREALTIME
	kill -s KILL "$@"
}
all_die() {
	local victims
	mapfile -t victims < <(ip netns pids "$RIG_HOST")
	killed=$EPOCHREALTIME
	rig_kill_at_once "${victims[@]}"
	rig_until 30 rig_idle
}
# bash has opened these for itself
program_env() { grep -vE '^(PWD|OLDPWD|SHLVL|_)=' "$RIG_DIR/cloud/env.$1" | sort; }

@test "the program opens before the host does, and closes after it; its environment is what the manual says" {
	rig_probe_options=(-b)
	# As seen from outside, both are open or none is: how slow the program is does not count.
	does open 'host_is_shut; sleep 1; echo "about to open"'
	does close 'host_is_shut; sleep 0.5'
	rig_pebble
	rig_config one.test
	rig_before
	run -0 rig_acmegate --debug renew-now
	rig_after
	rig_certificate one.test one.test
	rig_was_open 4 1
	[[ $output == *"runs $RIG_DIR/cloud/gate sg-1 a+b open"*"$RIG_DIR/cloud/gate ended after "*"runs $RIG_DIR/cloud/gate sg-1 a+b close"* ]]
	rig_open_at_most 0.4
	[ "$(calls)" = 'open close' ]
	cloud_closed
	[[ $output == *'command: about to open'* ]]
	[ "$(program_env open | sed 's/:[0-9a-f]\{16\}$/:T/')" = "ACMEGATE_ACTION=open
ACMEGATE_PORT=80
ACMEGATE_SECONDS=60
ACMEGATE_TAG=acmegate:T
LC_ALL=C
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" ]
	[ "$(program_env close | sed s/=close/=open/)" = "$(program_env open)" ]
}

@test "a window on port 443: the program is told so" {
	rig_probe_arguments[0]=443
	rig_ca nft add rule inet cloud out tcp dport 443 drop
	rig_pebble
	RIG_CERTIFICATE='challenge = tls-alpn-01' rig_config one.test
	rig_before
	run -0 rig_acmegate renew-now
	rig_after
	rig_certificate one.test one.test
	rig_was_open 4 1
	rig_was_open 6 1
	[ "$(calls)" = 'open close' ]
	[ "$(program_env open | grep PORT)" = ACMEGATE_PORT=443 ]
	[ "$(program_env close | grep PORT)" = ACMEGATE_PORT=443 ]
	cloud_closed
}

@test "the program alone, and plan runs nothing" {
	rig_nft - </dev/null
	RIG_BACKEND='command' rig_config one.test
	run -0 rig_acmegate plan
	[[ $output == *"ACMEGATE_TAG=acmegate:"*" ACMEGATE_PORT=80 ACMEGATE_SECONDS=60 $RIG_DIR/cloud/gate sg-1 a+b open"* ]]
	[ ! -e "$RIG_DIR/cloud/calls" ]
	# The line opens, and what is left of it is closed with any tag.
	line=$(grep -m 1 ^ACMEGATE_TAG <<<"$output")
	rig_host sh -c "$line"
	[ "$(cloud_rules)" = 1 ]
	rig_host env ACMEGATE_TAG= "$RIG_DIR/cloud/gate" sg-1 a+b close
	cloud_closed
	rig_pebble
	run -0 rig_acmegate renew-now
	[[ $output != *'ruleset unchanged'* ]]
	rig_certificate one.test one.test
	cloud_closed
	# Another backend by name does not run it.
	RIG_BACKEND=nftables rig_config one.test
	run -0 rig_acmegate plan
	[[ $output != *ACMEGATE* ]]
}

@test "a program that fails, hangs or dies while it opens leaves nothing open anywhere" {
	RIG_GATE+=$'\nmax_open = 6'
	rig_pebble
	rig_config one.test
	while IFS=: read -r expected what text; do
		does open "$what"
		rig_before
		run rig_acmegate renew-now
		[ "$status" -eq "$expected" ]
		[[ $output == *"open: $RIG_DIR/cloud/gate $text"* ]]
		rig_after
		rig_never_open
		all_closed
		[[ $(calls) == *'open close' ]]
		run -0 rig_acmegate recover
		[[ $output != *'earlier run'* ]]
	done <<-'TABLE'
		1:exit 3:ended with status 3
		75:exit 75:ended with status 75
		1:cloud insert rule inet cloud out tcp dport 80 accept comment "\"$ACMEGATE_TAG\""; exit 1:ended with status 1
		1:trap "" TERM HUP INT; sleep 60:did not end within 3 seconds and was killed
		1:kill -s KILL $$:died of signal 9
	TABLE
}

@test "if the host cannot be opened after the program has opened, both are closed" {
	rig_host iptables-nft -A INPUT -p tcp --dport 80 -j DROP
	mkdir -p "$RIG_DIR/bin"
	cp /usr/sbin/xtables-nft-multi "$RIG_DIR/bin/iptables-nft"
	printf '#!/bin/sh\ncase $* in *-I*) exit 4 ;; esac\nexec %s/bin/iptables-nft "$@"\n' "$RIG_DIR" >"$RIG_DIR/fake"
	chmod 0755 "$RIG_DIR/fake"
	rig_pebble
	rig_config one.test
	rig_before
	run ip netns exec "$RIG_HOST" unshare -m sh -c "mount --bind '$RIG_DIR/fake' /usr/sbin/xtables-nft-multi; exec \"\$@\"" sh \
		timeout 60 "$RIG_ACMEGATE" -c "$RIG_CONF" renew-now
	[ "$status" -ne 0 ]
	[[ $output == *'iptables-nft -w 5'* ]]
	[ "$(calls)" = 'open close' ]
	cloud_closed
	rig_after
	rig_never_open
}

@test "every command begins with close until that succeeds, and the journal stays armed until then" {
	# Twice no, and then yes.
	does close 'echo x >>tries; [ "$(wc -l <tries)" -gt 2 ] || exit 75'
	rm -f "$RIG_DIR/cloud/tries"
	rig_pebble
	rig_config one.test
	run -0 rig_acmegate renew-now
	[ "$(calls)" = 'open close close close' ]
	cloud_closed
	does close 'echo "no luck"; exit 1'
	rig_pebble # anew: it knows one authorization in a hundred again
	rig_before
	run -1 rig_acmegate renew-now
	[[ $output == *'every command of acmegate tries again'* ]]
	rig_after
	[ "$(cloud_rules)" = 1 ]
	# The watchdog goes on trying, and lets others have their turn. Here it is to leave that to them.
	watchdog=$(pgrep -x acmegate-watch --ns "$(ip netns pids "$RIG_HOST" | head -n 1)" --nslist net)
	kill -s KILL "$watchdog"
	rig_until 30 rig_idle
	for command in plan recover renew; do
		run -1 rig_acmegate "$command"
		[[ $output == *'command: no luck'*"closing what an earlier run left open: close: $RIG_DIR/cloud/gate ended with status 1"* ]]
	done
	# The configuration forgets the program.
	RIG_GATE='' rig_config one.test
	run -1 rig_acmegate plan
	[[ $output == *'an earlier run opened by [gate] command, which'*'does not name any more'* ]]
	rig_config one.test
	does close ''
	run -0 rig_acmegate plan
	[[ $output == *'it is closed now'* || $output == *'rules are removed now'* ]]
	cloud_closed
	rm "$RIG_DIR/cloud/calls"
	run -0 rig_acmegate recover
	[ ! -e "$RIG_DIR/cloud/calls" ]
}

@test "with an unreadable journal the program closes without a tag" {
	rig_window
	all_die
	head -c 1024 /dev/urandom >"$RIG_STATE/journal"
	run -0 rig_acmegate recover
	[ "$(program_env close | grep TAG)" = ACMEGATE_TAG= ]
	all_closed
}

@test "the gate is killed in the window: the watchdog runs the program" {
	rig_probe_options=(-b)
	does close 'grep -q "^SigIgn:[[:space:]]*0*$" /proc/self/status || echo deaf >>calls'
	rig_window
	[ "$(cloud_rules)" = 1 ]
	dies "$(rig_gate)"
	rig_until 30 rig_idle
	rig_closed_after "$killed" 0.050
	all_closed
	[ "$(calls)" = 'open close' ]
	grep -q 'the watchdog has closed the port' "$RIG_DIR/out"
}

@test "the gate is killed while the program opens: the program opens nothing afterwards" {
	# Children of the program outlive it, in its session or in one of their own: acmegate ends them.
	does open '( until [ -e go ]; do sleep 0.05; done; cloud insert rule inet cloud out tcp dport 80 accept comment "\"$ACMEGATE_TAG\""
		echo late >>late ) & setsid sh -c "until [ -e go ]; do sleep 0.05; done; echo late >>late" & echo >begun; wait; sleep 5'
	rm -f "$RIG_DIR"/cloud/{begun,go}
	rig_pebble
	rig_config one.test
	rig_before
	rm -f "$RIG_DIR/out"
	ip netns exec "$RIG_HOST" "$RIG_ACMEGATE" -c "$RIG_CONF" renew-now >"$RIG_DIR/out" 2>&1 3>&- &
	pid=$!
	rig_until 30 [ -e "$RIG_DIR/cloud/begun" ]
	dies "$(rig_gate)"
	rig_until 30 cloud_called 'open close'
	# A child that is left goes on now, and has its time.
	touch "$RIG_DIR/cloud/go"
	rig_until 30 rig_idle
	[ "$(calls)" = 'open close' ]
	[ ! -e "$RIG_DIR/cloud/late" ]
	all_closed
	rig_after
	rig_never_open
}

@test "everything is killed in the window: recovery runs the program" {
	rig_probe_options=(-b)
	rig_window
	all_die
	rig_closed_after "$killed" 0.050
	[ "$(cloud_rules)" = 1 ]
	does open 'exit 1'
	run -0 rig_acmegate recover
	all_closed
	[ "$(calls)" = 'open close' ]
}

@test "a program that prints without end fills no log" {
	does open 'yes | head -c 100000000'
	rig_pebble
	rig_config one.test
	rig_acmegate renew-now >"$RIG_DIR/out" 2>&1
	[ "$(wc -l <"$RIG_DIR/out")" -lt 300 ]
	all_closed
}

# --- the programs that come with acmegate -------------------------------------------------------------------------------------

# An aws that knows one security group, and misbehaves as $AWS_FAKE says.
fake_aws() {
	mkdir -p "$RIG_DIR/bin"
	cat >"$RIG_DIR/bin/aws" <<-'PY'
		#!/usr/bin/python3
		import json, os, sys
		args, path, fake = sys.argv[1:], os.environ["AWS_STATE"], os.environ.get("AWS_FAKE", "").split()
		state = json.load(open(path)) if os.path.exists(path) else {"rules": {}, "next": 1, "calls": 0}
		state["calls"] += 1
		def save(): json.dump(state, open(path, "w"))
		def error(code, call):
		    save()
		    sys.exit(print(f"\nAn error occurred ({code}) when calling the {call} operation: no", file=sys.stderr) or 254)
		def value(option): return args[args.index(option) + 1]
		def values(option):
		    rest = args[args.index(option) + 1:]
		    return rest[:next((i for i, word in enumerate(rest) if word.startswith("--")), len(rest))]
		assert os.environ["AWS_REGION"] == "eu-test-1" and args[args.index("ec2") - 6:args.index("ec2")][:2] == ["--output", "text"]
		command = args[args.index("ec2") + 1]
		if f"garbage-{command}" in fake: sys.exit(print("<html>captive portal</html>"))
		if f"throttle-{command}" in fake: error("RequestLimitExceeded", command)
		if f"denied-{command}" in fake: error("UnauthorizedOperation", command)
		if command.startswith("authorize"):
		    assert value("--group-id") == "sg-1"
		    permission, = json.loads(value("--ip-permissions"))
		    assert (permission["IpProtocol"], permission["FromPort"], permission["ToPort"]) == ("tcp", 80, 80)
		    cidr = (permission.get("IpRanges") or permission.get("Ipv6Ranges"))[0]
		    cidr = cidr.get("CidrIp") or cidr.get("CidrIpv6")
		    if any(rule["cidr"] == cidr for rule in state["rules"].values()): error("InvalidPermission.Duplicate", command)
		    if "half" in fake and ":" in cidr: error("UnauthorizedOperation", command)
		    kind, tag = value("--tag-specifications").split(",Tags=[{Key=acmegate,Value=")
		    assert kind == "ResourceType=security-group-rule"
		    state["rules"]["sgr-0a%d" % state["next"]] = {"cidr": cidr, "tag": tag[:-2], "since": state["calls"]}
		    state["next"] += 1
		elif command.startswith("describe"):
		    group, tag = values("--filters")
		    assert group == "Name=group-id,Values=sg-1"
		    seen = [name for name, rule in state["rules"].items() if rule["tag"] and
		            (tag == "Name=tag-key,Values=acmegate" or tag == "Name=tag:acmegate,Values=" + rule["tag"]) and
		            ("late" not in fake or state["calls"] > rule["since"] + 2)]
		    if "warning" in fake: print("a warning: this is old", file=sys.stderr)
		    print("rules\t" + "\t".join(seen) if seen else "rules")
		elif command.startswith("revoke"):
		    for name in values("--security-group-rule-ids"):
		        if name not in state["rules"]: error("InvalidSecurityGroupRuleId.NotFound", command)
		        if "stubborn" not in fake: del state["rules"][name]
		save()
	PY
	printf '#!/bin/sh\n' >"$RIG_DIR/bin/sleep"
	chmod 0755 "$RIG_DIR/bin/aws" "$RIG_DIR/bin/sleep"
	export AWS_STATE=$RIG_DIR/aws.json
	rm -f "$AWS_STATE"
}
# ec2 FAULTS ACTION, with the tag $tag
ec2() {
	env PATH="$RIG_DIR/bin:$PATH" AWS_FAKE="$1" ACMEGATE_TAG="$tag" ACMEGATE_PORT=80 "$RIG_ROOT/units/hooks/command/ec2" sg-1 eu-test-1 "$2"
}
group() { jq -c '[.rules[] | .cidr + " " + .tag]' "$AWS_STATE"; }

@test "ec2 opens and closes what has its tag, and nothing else" {
	fake_aws
	tag=acmegate:0123456789abcdef
	run -0 ec2 '' open
	run -0 ec2 '' open
	[ "$(group)" = "[\"0.0.0.0/0 $tag\",\"::/0 $tag\"]" ]
	run -0 ec2 warning close
	run -0 ec2 '' close
	[ "$(group)" = '[]' ]
	# The administrator's own rule for IPv4 is neither doubled nor revoked.
	jq '.rules["sgr-own"] = { cidr: "0.0.0.0/0", tag: "", since: 0 }' "$AWS_STATE" >"$AWS_STATE.new"
	mv "$AWS_STATE.new" "$AWS_STATE"
	run -0 ec2 '' open
	[ "$(group)" = "[\"0.0.0.0/0 \",\"::/0 $tag\"]" ]
	tag=acmegate:ffffffffffffffff run -0 ec2 '' close
	[ "$(group)" = "[\"0.0.0.0/0 \",\"::/0 $tag\"]" ]
	tag='' run -0 ec2 '' close
	[ "$(group)" = '["0.0.0.0/0 "]' ]
}

@test "ec2 takes no API that is slow, refuses, throttles or answers nonsense for a closed group" {
	fake_aws
	tag=acmegate:0123456789abcdef
	run -1 ec2 half open
	run -0 ec2 late close
	[ "$(group)" = '[]' ]
	run -75 ec2 throttle-authorize-security-group-ingress open
	run -1 ec2 denied-authorize-security-group-ingress open
	[[ $output == *UnauthorizedOperation* ]]
	run -0 ec2 '' open
	for what in describe-security-group-rules revoke-security-group-ingress; do
		run -75 ec2 "throttle-$what" close
		run -1 ec2 "denied-$what" close
	done
	run -1 ec2 garbage-describe-security-group-rules close
	run -75 ec2 stubborn close
	run -75 ec2 garbage-revoke-security-group-ingress close
	run -0 ec2 '' close
	[ "$(group)" = '[]' ]
}

# An ssh to a router that is another namespace, with the chains of OpenWrt's fw4.
fake_router() {
	mkdir -p "$RIG_DIR/bin"
	# shellcheck disable=SC2016
	printf '#!/bin/bash\nset -e\n[[ $SSH_FAKE != down ]] || exit 255\n[[ ${*: -3:2} = "-- root@router" ]]\n
		[[ $SSH_FAKE != mute ]] || exec >/dev/null\n[[ $SSH_FAKE != broken ]] || { head -c 100 | %s "${@: -1}"; exit 0; }
		exec ip netns exec %s sh -c "${@: -1}"\n' "true" "$RIG_CA" >"$RIG_DIR/bin/ssh"
	chmod 0755 "$RIG_DIR/bin/ssh"
	rig_ca nft 'flush ruleset; table inet fw4 {
		chain dstnat { type nat hook prerouting priority dstnat; policy accept; }
		chain forward { type filter hook forward priority filter; policy drop; ct state established accept; }
		set acmegate_users { type ipv4_addr; }
	}'
	rig_ca nft -a list ruleset >"$RIG_DIR/router"
}
router() {
	env PATH="$RIG_DIR/bin:$PATH" SSH_FAKE="$1" ACMEGATE_TAG="$tag" ACMEGATE_PORT=80 ACMEGATE_SECONDS="${seconds:-60}" \
		"$RIG_ROOT/units/hooks/command/openwrt" root@router wan "${host4:-192.0.2.10}" "${host6:-2001:db8::10}" "$2"
}
router_as_before() { rig_ca nft -a list ruleset | cmp - "$RIG_DIR/router"; }

@test "openwrt opens and closes on the router, which closes by itself, too" {
	fake_router
	tag=acmegate:0123456789abcdef
	run -0 router '' open
	run -0 router '' open
	run -0 rig_ca nft list ruleset
	[ "$(grep -c "comment \"$tag\"" <<<"$output")" = 3 ]
	[[ $output == *'elements = { 80 timeout 1m'* && $output == *'dnat ip to 192.0.2.10'* ]]
	tag=acmegate:ffffffffffffffff run -0 router '' close
	run ! router_as_before
	run -0 router '' close
	run -0 router '' close
	router_as_before
	seconds=1 host6=- run -0 router '' open
	sleep 1.5
	run -0 rig_ca nft list set inet fw4 acmegate_0123456789abcdef
	[[ $output != *elements* ]]
	tag='' run -0 router '' close
	router_as_before
	# The router was booted: no table, no rule.
	rig_ca nft flush ruleset
	run -0 router '' close
}

@test "openwrt takes no unreachable router and no broken connection for closed" {
	fake_router
	tag=acmegate:0123456789abcdef
	run -0 router '' open
	run -75 router down close
	run -1 router mute close
	run -1 router broken close
	host4='192.0.2.1;reboot' run -2 router '' open
	# shellcheck disable=SC2016
	tag='$(reboot)' run -2 router '' close
	run -0 router '' close
	router_as_before
	rig_ca nft delete chain inet fw4 forward
	run -1 router '' open
	rig_ca nft list ruleset >"$RIG_DIR/now"
	run ! grep acmegate_0 "$RIG_DIR/now"
}
