#!/bin/sh
# All case files again, with each large block of memory refused in turn.
exec tests/api/short_driver --short "${srcdir:-.}"/tests/api/*.case
