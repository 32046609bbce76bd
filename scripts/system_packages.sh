#!/bin/sh
# What the codecs beside G.711 are made of: libopus, libgsm, libspeex, libspandsp (G.722). And what the interop and browser
# tests need from the system: SIPp, baresip, Linphone, Chromium with a font for Cyrillic; and Kamailio and rtpengine, which
# the benchmarks measure beside us. Nothing of it is started as a service.
# As root on Debian it installs what is missing, once; elsewhere it names it, and those tests skip with that reason.
set -eu

missing=""
need() { # need PACKAGE FILE-OR-COMMAND
    [ -e "$2" ] || command -v "$2" >/dev/null 2>&1 || missing="$missing $1"
}
need sip-tester sipp
need baresip-core baresip
need linphone-cli linphonec
need chromium chromium
need kamailio kamailio
need rtpengine-daemon rtpengine
library() { # library PACKAGE SONAME
    ldconfig -p 2>/dev/null | grep -q "[[:space:]]$2 " || missing="$missing $1"
}
library libopus0 libopus.so.0
library libgsm1 libgsm.so.1
library libspeex1 libspeex.so.1
library libspandsp2 libspandsp.so.2
need fonts-dejavu-core /usr/share/fonts/truetype/dejavu/DejaVuSans.ttf
[ -n "$missing" ] || exit 0

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "Some tests will be skipped. On Debian they need: sudo apt-get install$missing" >&2
    exit 0
fi

# Debian starts a service when its package is installed, unless this says no (invoke-rc.d(8)): 101 is "not allowed".
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
    trap 'rm -f "$policy"' EXIT
fi

export DEBIAN_FRONTEND=noninteractive
echo "Installing for the tests:$missing" >&2
install() { apt-get install -y -qq --no-install-recommends $missing >/dev/null 2>&1; }
install || { apt-get update -qq >/dev/null 2>&1 && install; } || echo "Could not install$missing; some tests will be skipped." >&2
