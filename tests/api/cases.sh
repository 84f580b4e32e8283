#!/bin/sh
# All case files, a TAP line each.
exec tests/api/driver "${srcdir:-.}"/tests/api/*.case
