# shellcheck shell=bash disable=SC2034
# Where the corpora are: fill in those you have, here or in the environment. `demo` needs none.
LJSPEECH=${LJSPEECH:-}
ESD=${ESD:-}
IEMOCAP=${IEMOCAP:-}
