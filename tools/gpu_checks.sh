#!/usr/bin/env bash
# What only a GPU can show, in less than 8 minutes: the tests that are skipped without one, then the benchmark,
# whose figures go to a file (default: gpu.json).
set -euo pipefail
output=$(realpath -m "${1:-gpu.json}")
cd "$(dirname "$0")/.."
export OMP_NUM_THREADS=4
timeout 240 .venv/bin/pytest -q test/test_gpu.py
timeout 240 .venv/bin/python tools/benchmark.py gpu >"${output}.part"
mv "${output}.part" "${output}"
cat "${output}"
