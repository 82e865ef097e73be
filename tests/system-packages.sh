#!/bin/sh
# What the tests need beside Python: a Chromium, the GOST engine of OpenSSL, and Pango for PDF files.
# Installed where that is allowed; otherwise one line says what is missing, and tests that need it are
# reported as skipped.

has_chromium() { command -v chromium || command -v chromium-browser || command -v google-chrome; }
has_gost() { openssl engine gost; }
has_pango() { ldconfig -p | grep -q libpangoft2; }

wanted=""
has_chromium >/dev/null || wanted="chromium fonts-dejavu-core"
has_gost >/dev/null 2>&1 || wanted="$wanted openssl libengine-gost-openssl"
has_pango || wanted="$wanted libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fonts-dejavu-core"
[ -z "$wanted" ] && exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    # shellcheck disable=SC2086 - several names
    { apt-get update && apt-get install --yes --no-install-recommends $wanted; } >/dev/null 2>&1
fi
has_chromium >/dev/null || echo "No Chromium: browser tests are skipped. Debian: apt-get install chromium"
has_gost >/dev/null 2>&1 || echo "No GOST engine: its tests are skipped. Debian: apt-get install libengine-gost-openssl"
has_pango || echo "No Pango: tests of PDF files are skipped. Debian: apt-get install libpango-1.0-0 libpangoft2-1.0-0"
exit 0
