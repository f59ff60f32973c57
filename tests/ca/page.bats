#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# `acmegate status --html`: whole pages, from ledgers that tests/lib/forge has written, in a real browser without a network. It is started once,
# for all of them. The way from a CA's answer to the page is in status.bats.
bats_require_minimum_version 1.5.0
load ../lib/suite

teardown_file() { rm -rf "$RIG_DIR"; }

# html NAME <LINES: the page of these ledgers (tests/lib/forge) and of the certificates in $names, each with the names behind its own
html() {
	local line name
	RIG_STATE=$RIG_DIR/$1.state
	for line in "${names[@]}"; do
		read -r name line <<<"$line"
		printf '[certificate %s]\nnames = %s\n' "$name" "${line// /$'\n  '}"
	done | RIG_CONF=$RIG_DIR/$1.conf rig_config
	"$RIG_BUILD/tests/lib/forge" "$RIG_DIR/$1.conf" && "$RIG_ACMEGATE" -c "$RIG_DIR/$1.conf" status --html - >"$RIG_DIR/$1.html"
}

# Texts that a CA or a command line may bring: markup, ends of it, quotes, a bidi override, controls, bytes that are no UTF-8.
hostile() { printf '"><script>alert(1)</script>]]>--></style><img src=x onerror=alert(2)> \u202e\u2066 gnissim \u200b\a\xff\xc0\xaf\xed\xa0\x80\e[31m '\''&#39; <!--'; }
repeat() { printf "%0$2d" 0 | sed "s/0/$1/g"; }

make_few() {
	names=('mail mail.example.org smtp.example.org imap.example.org' 'www.example.org www.example.org' 'vpn vpn.example.org'
		'buecher xn--bcher-kva.example.org 2001:db8:4:5:6:7:8:9 192.0.2.17' 'new new.example.org' 'broken broken.example.org')
	html few <<-'END'
		live mail -29.5 60.5
		ari mail 25 31
		live www.example.org -71.5 18.5
		failed www.example.org -0.02 2 4 connection 203.0.113.7: Fetching http://www.example.org/.well-known/acme-challenge/5x: Timeout
		live vpn -91.5 -1.5
		failed vpn -3 3 3 rejectedIdentifier Cannot issue for "vpn.example.org": forbidden by policy
		failed vpn -2 3 3 rejectedIdentifier Cannot issue for "vpn.example.org": forbidden by policy
		live buecher -1 5.5
		window -340 412 1 1 mail
		window -160 95000 4 2 certbot renew --standalone
		window -75 0 1 8 www.example.org|the ruleset could not be read
		window -1 288 1 1 buecher
	END
	echo nonsense >"$RIG_STATE/ledger/broken"
	html few </dev/null
}

make_hostile() {
	local i long text
	long=$(repeat x 63).$(repeat x 63).$(repeat y 63).$(repeat z 56).test text=$(hostile)
	names=("a-very-long-name-of-32-letters-x $long $(for i in {1..60}; do printf 'n%d.example.org ' "$i"; done)"
		'hostile 2001:db8:1234:5678:9abc:def0:1234:5678' "nobreak $long")
	{
		echo "live a-very-long-name-of-32-letters-x -9.5 80.5"
		printf 'failed hostile -0.01 2 4 <script>alert(3)</script> %s\n' "$text"
		echo "failed nobreak -1 3 3 malformed $(repeat w 255)"
		for i in {1..64}; do
			printf 'window -%d.3 %d %d %d ' $((365 - i * 5)) $((i * i * i * 2)) $((i % 6)) $((i % 9))
			if ((i % 7)); then echo "client$i"; else printf '%s|%s\n' "$text" "$text"; fi
		done
	} | html hostile
}

# As long as it gets: each certificate fails, and each text is of quotes, which become five letters each.
make_most() {
	local i quotes
	quotes=$(repeat '"' 255) names=()
	for i in {1..100}; do names+=("host$i.example.org host$i.example.org www.host$i.example.org mail.host$i.example.org"); done
	{
		for i in {1..100}; do
			echo "live host$i.example.org -$((60 + i % 20)).5 $((29 - i % 20)).5"
			echo "failed host$i.example.org -0.$i 3 4 connection $quotes"
		done
		for i in {1..64}; do echo "window -$((365 - i * 5)).3 $((200 + i * 7)) 1 $((1 + i % 2)) $quotes|$quotes"; done
	} | html most
}

setup_file() {
	export PATH=/usr/sbin:/usr/bin:/sbin:/bin:$PATH
	RIG_DIR=$(mktemp -d "${TMPDIR:-/tmp}/acmegate-page.XXXXXX")
	chmod 0755 "$RIG_DIR"
	mkdir "$RIG_DIR/pki"
	touch "$RIG_DIR/pki/ca.pem" # rig_config names it
	export RIG_DIR names
	make -s -C "$RIG_BUILD" tests/lib/forge
	names=('one one.example.org')
	html first </dev/null
	printf 'live one -9.5 80.5\nwindow -10 300 1 1 one\n' | html one
	# a host with hooks alone, and more windows than a chart has room for
	names=()
	for i in {1..270}; do echo "window -$((360 - i)).7 $((300 + i)) 3 1 certbot"; done | html hooks
	make_few
	make_hostile
	make_most
	forbidden >"$RIG_DIR/forbidden.html"
	ugly >"$RIG_DIR/ugly.html"
	if browser >/dev/null; then
		# Each page counts its own faults; a browser that is not there, or dies, is another one.
		unshare -n python3 "$RIG_ROOT/tests/lib/browser.py" "$RIG_DIR"/{first,one,hooks,few,hostile,most,forbidden,ugly}.html >"$RIG_DIR/faults" 2>&1 || true
	fi
}

# The page "few" with what its policy forbids, and without policy but with what nobody can read.
forbidden() {
	sed 's,</main>,<script>alert(1)</script><img src="http://192.0.2.1/x"/><p style="color:red">inline</p><a href="http://192.0.2.1/">away</a>&,
		s,class="facts",id="certificates" &,' "$RIG_DIR/few.html"
}
ugly() {
	sed 's,<meta http-equiv[^>]*>,,; s,</style>,main{width:1500px}header p{opacity:1;color:#999}.lead{position:absolute;top:2rem}&,' "$RIG_DIR/few.html"
}

# seen PAGE: what the browser has told of it
seen() { sed -n "s/^$1.html: //p" "$RIG_DIR/faults"; }

browser() { command -v chromium-headless-shell || command -v chromium; }
with_browser() { browser >/dev/null || skip 'no page was laid out: Chromium is not here (Debian: chromium-headless-shell, or chromium)'; }

@test "in a browser: nothing overlaps, nothing is too wide or hard to read, at three widths, dark and on paper; no message, no request" {
	with_browser
	run grep -vE '^(forbidden|ugly).html: ' "$RIG_DIR/faults"
	[ "$output" = '' ]
}

@test "the browser tells pages with faults from those without" {
	with_browser
	run -0 seen forbidden
	[[ $output == *'element script'* ]]
	[[ $output == *'element a'* ]]
	[[ $output == *'attribute style'* ]]
	[[ $output == *'attribute src'* ]]
	[[ $output == *'id certificates twice'* ]]
	[[ $output == *'console: Applying inline style violates'* ]]
	[[ $output == *'request: http://192.0.2.1/x'* ]]
	run -0 seen ugly
	for view in 360 800 1400 dark print; do
		[[ $output == *"$view: it is 1"*' wide'* ]]
	done
	[[ $output == *'360: outside the window: '* ]]
	[[ $output == *'800: overlap with '* ]]
	[[ $output == *'800: contrast 2.'* ]]
}

# ask PAGE EXPRESSION: of the parsed page: all (text), elements(NAME), css, policy
ask() {
	python3 - "$RIG_DIR/$1.html" "$2" <<'END'
import base64, hashlib, html.parser, json, re, sys
import xml.etree.ElementTree as tree
source = open(sys.argv[1], "rb").read().decode()
page = tree.fromstring(source.replace("<!DOCTYPE html>", "", 1))
everything = "".join(page.find("body").itertext())
elements = lambda name: [element for element in page.iter(name)]
text = lambda element: "".join(element.itertext())
print(eval(sys.argv[2]))
END
}

@test "it is well-formed, and HTML without an error" {
	local page
	for page in first one hooks few hostile most; do
		[ "$(ask "$page" 'len(elements("h1"))')" = 1 ]
	done
	# what is only to be used elsewhere is not drawn
	[ "$(ask few '[child.tag for svg in elements("svg") if svg.get("class") == "symbols" for child in svg]')" = "['defs']" ]
	python3 -c 'import html5lib' 2>/dev/null || skip 'HTML is not checked: html5lib is not here (Debian: python3-html5lib)'
	python3 - "$RIG_DIR"/{first,one,hooks,few,hostile,most}.html <<'END'
import html5lib, sys
for name in sys.argv[1:]:
    html5lib.HTMLParser(strict=True).parse(open(name, "rb"), transport_encoding="utf-8")
END
}

@test "whatever a CA or a command line says is text, and what nobody would see is seen" {
	[ "$(ask hostile '{element.tag for element in page.iter()} & {"script", "img", "a", "link", "iframe", "object", "form"} or "none"')" = none ]
	[ "$(ask hostile '[name for element in page.iter() for name in element.attrib if name.startswith("on") or name in ("style", "src")]')" = '[]' ]
	[ "$(ask hostile 'everything.count("\"><script>alert(1)</script>]]>--></style><img src=x onerror=alert(2)>")')" -ge 11 ]
	[ "$(ask hostile '"<script>alert(3)</script>" in everything')" = True ]
	[ "$(ask hostile '"[U+202E][U+2066] gnissim [U+200B][U+0007]\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd[U+001B][31m" in everything')" = True ]
	[ "$(ask hostile 're.findall("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]", source)')" = '[]' ]
}

@test "the policy is strict, and has the hash of the one style" {
	[ "$(ask few 'len(elements("style"))')" = 1 ]
	ask few '[meta.get("content") for meta in elements("meta") if meta.get("http-equiv")]' >"$RIG_DIR/policy"
	hash=$(ask few 'base64.urlsafe_b64encode(hashlib.sha256(elements("style")[0].text.encode()).digest()).decode()')
	[ "$(cat "$RIG_DIR/policy")" = "[\"default-src 'none'; style-src 'sha256-$hash'; base-uri 'none'; form-action 'none'\"]" ]
}

@test "100 certificates that all fail with the longest texts are 200 kB at most" {
	[ "$(ask most 'len(elements("table")[0].findall("tbody/tr"))')" = 100 ]
	[ "$(stat -c %s "$RIG_DIR/most.html")" -le 200000 ]
	[ "$(stat -c %s "$RIG_DIR/few.html")" -le 25000 ]
}

@test "its figures are those of --json" {
	local page
	for page in first one few most; do
		"$RIG_ACMEGATE" -c "$RIG_DIR/$page.conf" status --json >"$RIG_DIR/$page.json" || [ $? -ne 2 ]
		python3 - "$RIG_DIR/$page.json" "$RIG_DIR/$page.html" <<'END'
import json, sys
import xml.etree.ElementTree as tree
status = json.load(open(sys.argv[1]))
page = tree.fromstring(open(sys.argv[2], encoding="utf-8").read().replace("<!DOCTYPE html>", "", 1))
text = lambda element: "".join(element.itertext())
tables = {name: [row for table in page.iter("table") if table.get("class") == name for row in table.findall("tbody/tr")]
          for name in ("certificates", "windows")}
figures = [float(data.get("value")) for data in page.iter("data")]
exposure = status["exposure"]
assert figures == [exposure["seconds_365d"], exposure["windows_365d"], exposure["longest_seconds_365d"]][: len(figures)], (figures, exposure)
assert len(figures) == (3 if exposure["windows"] else 0)
assert len(tables["certificates"]) == len(status["certificates"]), tables["certificates"]
for row, certificate in zip(tables["certificates"], status["certificates"]):
    cells = {cell.get("class").split()[0]: text(cell) for cell in row.findall("td")}
    assert row.find("th").text == certificate["name"]
    assert cells["state"] == certificate["state"], (cells, certificate)
    assert cells["until"].split()[0] == (certificate["not_after"] or "-")[:10]
    if certificate["failures"]:
        assert f"failed {certificate['failures']} time" in cells["next"], cells
    else:
        assert cells["next"] == (certificate["error"] or certificate["next"]["why"]), (cells, certificate)
assert len(tables["windows"]) == min(len(status["windows"]), 40), len(tables["windows"])
for row, window in zip(tables["windows"], status["windows"]):
    cells = {cell.get("class"): text(cell) for cell in row.findall("td")}
    assert float(cells["length"]) == window["seconds"], (cells, window)
    assert cells["asker"].startswith(window["for"]), (cells, window)
failed = [certificate for certificate in status["certificates"] if certificate["failures"]]
articles = {article.get("id")[2:]: text(article) for article in page.iter("article")}
others = [certificate for certificate in status["certificates"] if certificate["state"] in ("expired", "unknown") and not certificate["failures"]]
assert len(articles) == min(len(failed) + len(others), 24)
for certificate in failed[:20]:
    if certificate["name"] in articles:
        assert certificate["last"]["result"] in articles[certificate["name"]]
        assert certificate["last"]["problem"]["detail"] in articles[certificate["name"]]
END
	done
}

@test "its charts show what its tables say: the bars, the moments on them, the windows by time and length" {
	local page
	for page in one few most; do
		"$RIG_ACMEGATE" -c "$RIG_DIR/$page.conf" status --json >"$RIG_DIR/$page.json" || [ $? -ne 2 ]
		python3 - "$RIG_DIR/$page.json" "$RIG_DIR/$page.html" <<'END'
import datetime, json, sys
import xml.etree.ElementTree as tree
status = json.load(open(sys.argv[1]))
page = tree.fromstring(open(sys.argv[2], encoding="utf-8").read().replace("<!DOCTYPE html>", "", 1))
moment = lambda text: datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
percent = lambda element, name: float(element.get(name).rstrip("%"))
about = lambda a, b, what: abs(a - b) < 0.5 or sys.exit(f"{what}: {a}, not {b}")
now = moment(next(page.iter("time")).get("datetime"))
at_now = {grid.get("id"): percent([line for line in grid if line.get("class") == "now"][0], "x1") for grid in page.iter("g")
          if grid.get("id")}
rows = [row for table in page.iter("table") if table.get("class") == "certificates" for row in table.findall("tbody/tr")]
for row, certificate in zip(rows, status["certificates"]):
    chart = [cell for cell in row if cell.get("class") == "chart"][0].find("svg")
    bars = {bar.get("class"): bar for bar in chart.findall("rect")}
    if not certificate["not_after"]:
        assert not bars, bars
        continue
    begin, end = moment(certificate["not_before"]), moment(certificate["not_after"])
    x, width = percent(bars["life"], "x"), percent(bars["life"], "width")
    place = lambda when: x + width * (when - begin) / (end - begin)
    about(place(now), at_now["grid"], "now")
    left = [bar for name, bar in bars.items() if name in ("good", "wait", "bad")]
    assert len(left) == (end > now)
    for bar in left:
        about(percent(bar, "x"), at_now["grid"], "what is left begins")
        about(percent(bar, "x") + percent(bar, "width"), x + width, "what is left ends")
    about(percent([use for use in chart if use.get("class") == "next"][0], "x"), place(max(now, moment(certificate["next"]["at"]))), "next")
    if certificate["ari"]:
        about(percent(bars["ari"], "x"), place(moment(certificate["ari"]["start"])), "renewal information")
year = [svg for svg in page.iter("svg") if svg.get("class") == "year"][0]
marks = year.findall("use")[1:]
assert len(marks) == len(status["windows"]), (len(marks), len(status["windows"]))
for mark, window in zip(marks, reversed(status["windows"])):
    assert mark.get("href") == "#" + mark.get("class") and (mark.get("class") == "gate") == (window["closed_by"] == "gate")
    about(percent(mark, "x"), at_now["months"] * (1 - (now - moment(window["begun"])) / (365 * 86400)), "window")
heights = sorted((window["seconds"], -percent(mark, "y")) for mark, window in zip(marks, reversed(status["windows"])))
assert [y for _, y in heights] == sorted(y for _, y in heights), heights
END
	done
}

# status FILE: of the page "one", as somebody with umask 077
status_html() { (umask 077 && "$RIG_ACMEGATE" -c "$RIG_DIR/one.conf" status --html "$1"); }

@test "without a certificate of its own a host has its windows; where they are many, each mark is the longest of a day" {
	[ "$(ask hooks 'text(elements("h1")[0])')" = 'No certificate is configured here' ]
	[ "$(ask hooks 'len(elements("table"))')" = 2 ]
	[ "$(ask hooks '{use.get("href") for svg in elements("svg") if svg.get("class") == "year" for use in svg.findall("use")[1:]}')" = "{'#day'}" ]
	[ "$(ask hooks 'sum(len(svg.findall("use")) - 1 for svg in elements("svg") if svg.get("class") == "year")')" -ge 269 ]
	[ "$(ask hooks '"Port 80 was open 118 s in 365 days, in 270 windows, longest 570 ms; nothing is known before 20" in everything')" = True ]
	run -0 "$RIG_ACMEGATE" -c "$RIG_DIR/hooks.conf" status --metrics
	[[ $output == *'acmegate_window_open_seconds_total 117.585'* ]]
	run -2 "$RIG_ACMEGATE" -c "$RIG_DIR/hooks.conf" status --html - nobody
	[[ $output == *'there is no [certificate NAME] section'* ]]
}

@test "the file is written beside its place and renamed: for all to read, a link is replaced and not followed" {
	mkdir "$RIG_DIR/www"
	echo other >"$RIG_DIR/other"
	ln -s ../other "$RIG_DIR/www/page.html"
	echo stale >"$RIG_DIR/www/.page.html.new"
	run -0 status_html "$RIG_DIR/www/page.html"
	[ "$output" = '' ]
	[ "$(cat "$RIG_DIR/other")" = other ]
	[ "$(stat -c '%a %F' "$RIG_DIR/www/page.html")" = '644 regular file' ]
	[ "$(ls -A "$RIG_DIR/www")" = page.html ]
	diff <(sed 's/[0-9-]* [0-9:]* UTC//g; s/datetime="[^"]*"//; s/[0-9.]*%//g' "$RIG_DIR/www/page.html") \
		<(sed 's/[0-9-]* [0-9:]* UTC//g; s/datetime="[^"]*"//; s/[0-9.]*%//g' "$RIG_DIR/one.html")
	(cd "$RIG_DIR/www" && status_html here.html && [ -s here.html ])
}

@test "what cannot be written is told with its status, and the old page stays" {
	mkdir -p "$RIG_DIR/old"
	echo old >"$RIG_DIR/old/page.html"
	run -1 status_html "$RIG_DIR/nowhere/page.html"
	[[ $output == *"the directory of $RIG_DIR/nowhere/page.html: No such file or directory"* ]]
	run -2 status_html "$RIG_DIR/old/"
	[[ $output == *'expected the name of a file'* ]]
	rig_programs
	run -1 setpriv --reuid 65534 --regid 65534 --clear-groups "$RIG_DIR/programs/acmegate" -c "$RIG_DIR/one.conf" status --html "$RIG_DIR/old/page.html"
	[[ $output == *".page.html.new, which is to be written beside $RIG_DIR/old/page.html: Permission denied"* ]]
	run -2 "$RIG_ACMEGATE" -c "$RIG_DIR/one.conf" status --html "$RIG_DIR/old/page.html" nobody
	[[ $output == *'has no [certificate nobody]'* ]]
	run -2 "$RIG_ACMEGATE" -c "$RIG_DIR/one.conf" status --json --html "$RIG_DIR/old/page.html"
	run -2 "$RIG_ACMEGATE" -c "$RIG_DIR/one.conf" status --html
	run -1 bash -c '"$0" -c "$1" status --html - >/dev/full' "$RIG_ACMEGATE" "$RIG_DIR/one.conf"
	[[ $output == *'standard output: No space left on device'* ]]
	[ "$(cat "$RIG_DIR/old/page.html")" = old ]
	[ "$(ls -A "$RIG_DIR/old")" = page.html ]
}
