# shellcheck shell=bash
#
# What bench/run leaves in RESULTS: run.json with the rows and the machine, and latency.svg.

{
	jq -Rn --arg date "$(date -u +%F)" --arg cpu "$(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -n 1)" \
		--argjson cores "$(nproc)" --arg kernel "$(uname -r)" --argjson seconds "$seconds" \
		--argjson rounds "$rounds" '{date: $date, machine: {cpu: $cpu, cores: $cores, kernel: $kernel},
		rounds: $rounds, seconds: $seconds, rows: [inputs | split("\t") | {what: (.[0] | ltrimstr("  ")),
		measured: (.[1] | tonumber? // null), compared: (.[2] | tonumber? // null), unit: .[3],
		ratio: (.[4] | tonumber? // null), target: (.[5] | tonumber? // null), verdict: .[6]}]}' "$T/rows"
} >"$RESULTS/run.json"

# latency_svg NAME...: the latencies at 1 to 99.9 per cent, a line each, on a logarithmic scale.
latency_svg() {
	local name
	for name; do
		[ -s "$T/$name.latency" ] && echo "$name $(tail -n 1 "$T/$name.latency")"
	done | awk '
		function x(at) { return 60 + at * 6.4 }
		function y(us) { return 360 - 80 * log(us / 10) / log(10) }
		BEGIN {
			split("#1f77b4 #d62728 #2ca02c #9467bd #ff7f0e #8c564b", colours, " ")
			print "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 860 400\" font-family=\"sans-serif\" font-size=\"12\">"
			print "<rect width=\"860\" height=\"400\" fill=\"white\"/>"
			for (us = 10; us <= 100000; us *= 10) {
				printf "<line x1=\"60\" x2=\"700\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"#ddd\"/>", y(us), y(us)
				printf "<text x=\"55\" y=\"%.1f\" text-anchor=\"end\">%s</text>\n", y(us) + 4, us < 1000 ? us " us" : us / 1000 " ms"
			}
			for (at = 0; at <= 100; at += 25)
				printf "<text x=\"%.1f\" y=\"380\" text-anchor=\"middle\">%d %%</text>\n", x(at), at
		}
		{
			n++
			printf "<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"1.5\" points=\"", colours[n]
			for (i = 2; i <= NF; i++)
				printf "%.1f,%.1f ", x(i == NF ? 99.9 : i - 1), y($i < 10 ? 10 : $i)
			printf "\"/><text x=\"710\" y=\"%d\" fill=\"%s\">%s</text>\n", 40 + 18 * n, colours[n], $1
		}
		END { print "</svg>" }' >"$RESULTS/latency.svg"
}
latency_svg join-null join join-null-kept join-kept running create
