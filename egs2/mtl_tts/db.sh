# shellcheck shell=bash disable=SC2034
# Where the corpora are: fill in those you have, here or in the environment. `demo` needs none.
CREMA_D=${CREMA_D:-}
EMODB=${EMODB:-}
ESD=${ESD:-}
IEMOCAP=${IEMOCAP:-}
JL=${JL:-}
LJSPEECH=${LJSPEECH:-}
MELD=${MELD:-}
NEMO=${NEMO:-}
RAVDESS=${RAVDESS:-}
# The directory of your own metadata.csv (docs/data.md).
CSV=${CSV:-}
