#!/usr/bin/env bash
# Makes .venv at the root of the repository from tools/requirements.lock. Calling it again costs nothing;
# a call that was killed is made up for by the next one. PYTHON=... chooses the interpreter (3.12 or 3.13).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

uv_version=0.13.9
needed_gb=8
uv=.uv/bin/uv
log=.uv/setup.log
lock=tools/requirements.lock

# Says why an interpreter cannot be used, or prints the path of the one that it was started from.
probe='import sys, sysconfig, os, ctypes, ensurepip, ssl, venv
if not (3, 12) <= sys.version_info[:2] <= (3, 13): sys.exit("it is Python %d.%d" % sys.version_info[:2])
if not os.path.exists(sysconfig.get_paths()["include"] + "/Python.h"): sys.exit("it comes without Python.h")
print(os.path.realpath(getattr(sys, "_base_executable", sys.executable)))'

# pyenv's python3.12 on the PATH fails unless that version is chosen: its own interpreters are looked at too.
find_python() {
    local candidate candidates=("${PYTHON:-}")
    [ -n "${PYTHON:-}" ] || candidates=(.venv/bin/python python3.12 python3.13 python3
        "${PYENV_ROOT:-${HOME:-}/.pyenv}"/versions/3.1[23].*/bin/python3.1[23] .uv/python/*/bin/python3.1[23])
    for candidate in "${candidates[@]}"; do
        "$candidate" -c "$probe" 2>/dev/null && return
    done
    return 1
}

why_no_python() {
    if [ -n "${PYTHON:-}" ]; then
        echo "PYTHON=$PYTHON cannot be used: $("$PYTHON" -c "$probe" 2>&1 | tail -n 1)"
    else
        echo "no python3.12, python3.13 or python3 on the PATH or of pyenv can be used, and uv could not get one; the end of $log:"
        tail -n 2 $log
    fi
}

free_gb() {
    local kilobytes
    { read -r _ && read -r _ _ _ kilobytes _; } < <(df -Pk .)
    echo $((kilobytes / 1024 / 1024))
}

fingerprint() { cat $lock setup.py | cksum; }

up_to_date() {
    local sum used
    [ -x .venv/bin/python ] && { read -r sum && read -r used; } 2>/dev/null <.venv/stamp || return
    [ "$sum" = "$(fingerprint)" ] && { [ -z "${PYTHON:-}" ] || [ "$used" = "$(find_python)" ]; }
}

# What uv can be installed with: it need not be the interpreter of the environment.
any_python() {
    local candidate has_pip='import sys, importlib.util as util
sys.exit(sys.version_info < (3, 8) or not (util.find_spec("pip") or util.find_spec("ensurepip")))'
    for candidate in "${python:-python3}" python3 python "${PYENV_ROOT:-${HOME:-}/.pyenv}"/versions/3.*/bin/python3; do
        "$candidate" -c "$has_pip" 2>/dev/null && echo "$candidate" && return
    done
    echo "there is no Python 3.8 or later with pip to install uv with" >&2
    return 1
}

# Installs uv for this script alone.
install_uv() {
    local any
    [ "$($uv --version 2>/dev/null | cut -d ' ' -f 2)" != $uv_version ] || return 0
    any=$(any_python) && rm -rf .uv/pip && {
        "$any" -m pip install --retries 1 --target .uv/pip uv==$uv_version ||
            { "$any" -m venv --clear .uv/pip && .uv/pip/bin/python -m pip install --retries 1 uv==$uv_version; }
    } && mkdir -p .uv/bin && ln -sf ../pip/bin/uv $uv
}

# Asks uv for an interpreter, where neither the PATH nor pyenv has one.
get_python() {
    [ -z "${PYTHON:-}" ] && echo "set-up: there is no Python 3.12 or 3.13 here; asking uv for one" &&
        install_uv >>$log 2>&1 && $uv python install --no-bin --install-dir .uv/python 3.12 >>$log 2>&1
}

packages_in_reach() { install_uv && $uv pip install --dry-run --no-deps --python "$python" --target .uv/none -r $lock; }

check() {
    local problems=()
    command -v c++ >/dev/null ||
        problems+=("C++ compiler: there is no c++ on the PATH, and pyworld must be compiled (Debian: apt install g++)")
    [ -x .venv/bin/python ] || [ "$(free_gb)" -ge $needed_gb ] ||
        problems+=("disk: $(free_gb) GB are free at $PWD; $needed_gb GB are needed")
    if ! python=$(find_python) && ! { get_python && python=$(find_python); }; then
        problems+=("Python: $(why_no_python)
  3.12 or 3.13 is needed, with its venv module and C headers. Get it with one of these and call $0 again:
  apt install python3-venv python3-dev (Debian 13, Ubuntu 24.04); pyenv install 3.12;
  conda create -y -p .uv/conda python=3.12, then PYTHON=.uv/conda/bin/python $0")
    elif ! packages_in_reach >>$log 2>&1; then
        problems+=("network: the package index cannot be reached or lacks a package; the end of $log:
  $(tail -n 2 $log)")
    fi
    [ ${#problems[@]} -eq 0 ] && return
    printf 'error: the set-up cannot start\n' >&2
    printf -- '- %s\n' "${problems[@]}" >&2
    exit 2
}

# .venv/incomplete lies there while packages are installed: what a kill leaves behind is not built upon.
# A rename comes before the deletion because half an environment could look like a whole one.
discard_unless_sound() {
    if [ -e .venv/incomplete ] || [ "$(.venv/bin/python -c "$probe" 2>/dev/null)" != "$python" ]; then
        mkdir -p .uv/old && { [ ! -e .venv ] || mv .venv .uv/old/$$; } && rm -rf .uv/old &&
            $uv venv --python "$python" --prompt espnet_mtl .venv
    fi
}

install() {
    discard_unless_sound && touch .venv/incomplete && rm -f .venv/stamp &&
        $uv pip install --compile-bytecode --python .venv/bin/python --no-deps --build-constraints $lock -r $lock &&
        $uv pip install --python .venv/bin/python --no-deps --no-build-isolation --editable . &&
        printf '%s\n' "$(fingerprint)" "$python" >.venv/stamp.new &&
        rm .venv/incomplete && mv .venv/stamp.new .venv/stamp
}

if up_to_date; then exit; fi
mkdir -p .uv
if command -v flock >/dev/null; then
    exec 9>.uv/lock
    flock 9
    if up_to_date; then exit; fi
fi
echo "set-up: checking what is needed"
: >$log
check
echo "set-up: installing into $PWD/.venv with $python: 1 to 2 minutes, more where some 3 GB are still to be downloaded (tail -f $PWD/$log)"
if ! install >>$log 2>&1; then
    printf 'error: the set-up failed; call it again to go on. The end of %s:\n' "$PWD/$log" >&2
    tail -n 15 $log >&2
    exit 1
fi
echo "set-up: done in $SECONDS s"
