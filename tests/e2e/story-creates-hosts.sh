#!/usr/bin/env bash
# The cases of story-creates, with three hosts, HAProxy and one Redis as its two gateways.
. "$(dirname "$0")/lib.sh"
begin story-creates-hosts 70
. "$E2E/as-hosts.sh"
stands_for gateway-1 1 3
stands_for gateway-2 2
. "$E2E/story-creates.sh"
