#!/usr/bin/env bash
# The cases of story-state, with three hosts, HAProxy and one Redis as its gateway.
. "$(dirname "$0")/lib.sh"
begin story-state-hosts 71
. "$E2E/as-hosts.sh"
stands_for gateway 1 2 3
. "$E2E/story-state.sh"
