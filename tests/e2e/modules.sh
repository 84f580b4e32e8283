# shellcheck shell=bash
#
# What tests take from the npm registry. Versions are pinned by npm/package-lock.json; they
# are installed once, into npm-modules beside the logs. Sourced after lib.sh.

MODULES=${E2E_NPM_MODULES:-$BUILD/tests/e2e/npm-modules}

# install_modules: false when npm cannot; $T/npm tells why.
install_modules() {
	cmp -s "$E2E/npm/package-lock.json" "$MODULES/installed" && return
	mkdir -p "$MODULES" &&
		cp "$E2E/npm/package.json" "$E2E/npm/package-lock.json" "$MODULES/" &&
		npm ci --prefix "$MODULES" --ignore-scripts --no-audit --no-fund >"$T/npm" 2>&1 &&
		cp "$E2E/npm/package-lock.json" "$MODULES/installed"
}
