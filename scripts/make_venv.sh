#!/bin/sh
# Makes a virtual environment with the program (editable), its tools and the foreign phones of the tests.
#   make_venv.sh PYTHON FOLDER
set -eu
python=$1
folder=$2

if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    echo "Dzvin needs Python 3.11 or later; \"$python\" is not. Try: make PYTHON=python3.12 …" >&2
    exit 1
fi

# Debian keeps what `venv` needs in a package of its own.
if ! "$python" -c 'import ensurepip' 2>/dev/null && [ ! -x "$folder/bin/pip" ]; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        apt-get install -y -qq python3-venv >/dev/null || { apt-get update -qq && apt-get install -y -qq python3-venv >/dev/null; }
    else
        echo "Python's venv is missing; on Debian: sudo apt-get install python3-venv" >&2
        exit 1
    fi
fi

[ -x "$folder/bin/python" ] || "$python" -m venv "$folder"
echo "Installing into $folder; the first time takes a minute or two." >&2
install() { "$folder/bin/python" -m pip install --quiet --disable-pip-version-check --editable "$1"; }
if ! install ".[dev,interop]"; then
    echo "The foreign phones of the tests cannot be installed here; going on without them." >&2
    install ".[dev]"
fi

# pip hides what the build said.
ls pbx/media/*.so >/dev/null 2>&1 ||
    echo "Warning: no C compiler here, so the media engine runs interpreted, for at most 100 calls at once." >&2
[ -d web_panel/static ] || echo "Warning: the panel's pages could not be built; see: pip install -v -e ." >&2
