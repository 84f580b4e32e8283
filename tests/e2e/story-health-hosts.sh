#!/usr/bin/env bash
# The cases of story-health, with three hosts, HAProxy and one Redis as its gateway.
. "$(dirname "$0")/lib.sh"
begin story-health-hosts 73
. "$E2E/as-hosts.sh"
stands_for gateway 1 2 3
. "$E2E/story-health.sh"
