# shellcheck shell=bash
# The environment of every stage: run.sh sources it, and so can a shell in this directory.
MTL_TTS_ROOT=$(cd ../.. && pwd)
"$MTL_TTS_ROOT/tools/setup.sh" || return
# shellcheck source=/dev/null
. "$MTL_TTS_ROOT/.venv/bin/activate"

export PYTHONPATH=$MTL_TTS_ROOT${PYTHONPATH:+:$PYTHONPATH}
export PYTHONUNBUFFERED=1
# Processes work in parallel, and a second thread makes training of the demo only 13 % faster.
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
export MKL_NUM_THREADS=${MKL_NUM_THREADS:-$OMP_NUM_THREADS}
