#!/usr/bin/env bash
# Runs every test, or those that pytest's arguments choose: tools/test.sh test/data -k kaldi
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
tools/setup.sh
export OMP_NUM_THREADS=1 MKL_NUM_THREADS=1
exec .venv/bin/python -m pytest -n 2 --dist loadfile "$@"
