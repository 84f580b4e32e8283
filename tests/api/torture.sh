#!/bin/sh
# All case files again, with the store and the servers failing on purpose.
exec tests/api/driver --torture "${srcdir:-.}"/tests/api/*.case
