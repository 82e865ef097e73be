#!/bin/sh
# What the tests need beside Python: a Chromium. Installed where that is allowed; otherwise one line
# says what is missing, and the tests that need it are reported as skipped.

find_chromium() { command -v chromium || command -v chromium-browser || command -v google-chrome; }

find_chromium >/dev/null && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    { apt-get update && apt-get install --yes --no-install-recommends chromium fonts-dejavu-core; } \
        >/dev/null 2>&1
fi
find_chromium >/dev/null || echo "No Chromium found: browser tests will be skipped. Debian, Ubuntu: apt-get install chromium"
exit 0
