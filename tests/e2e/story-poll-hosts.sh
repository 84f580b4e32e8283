#!/usr/bin/env bash
# The cases of story-poll, with three hosts, HAProxy and one Redis as its two gateways.
. "$(dirname "$0")/lib.sh"
begin story-poll-hosts 72
. "$E2E/as-hosts.sh"
stands_for gateway 1 3
stands_for gateway-2 2
. "$E2E/story-poll.sh"
