#!/usr/bin/env bash
# From a corpus to a packed multi-task text-to-speech model; ./run.sh --help lists stages and options.
# shellcheck disable=SC2154 # the options' variables are assigned from the table below
set -efuo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

stages=(
    "prepare data: corpus to train, dev and test directories"
    "prepare audio: resample, trim, level"
    "extract features: mel, F0, energy, durations"
    "token list, label tables, statistics"
    "train"
    "decode the test set"
    "evaluate, report"
    "pack for espnet_model_zoo"
    "upload (only with --skip_upload false)"
)

# name|default|meaning
options=(
    "stage|1|first stage to run"
    "stop_stage|9|last stage to run"
    "corpus|demo|corpus, or several joined, e.g. ljspeech+nemo: demo is made on the spot, the others are where db.sh says"
    "corpus_conf||settings, e.g. \"key=value key=value\" (of several: corpus.key=value); they go before local/<corpus>.yaml"
    "max_dropped|0.05|largest share of utterances to lose in stages 1 and 2"
    "train_config|conf/train_fastspeech2.yaml|training configuration of the model"
    "baseline_config|conf/train_fastspeech2_single.yaml|training configuration of the model it is compared with; none: no such model"
    "train_args||further options for training, e.g. \"--max_epoch 5\"; they go before the configuration"
    "inference_config|conf/decode.yaml|decoding configuration; its name names the directory of the decoded speech"
    "inference_args||further options for decoding"
    "token_type|phn|phn, char or bpe"
    "init_model||trained model to go on from, with more speakers, emotions, languages: a packed one, exp/<tag>, URL or user/repo"
    "teacher_dumpdir||durations by a teacher: a directory with <set>/durations (espnet_mtl.bin.teacher); they go before others"
    "tag||name of the model; default: the training configuration's name (and the baseline's its own, else <tag>_single)"
    "datadir|data|directory of stage 1"
    "dumpdir|dump|directory of stages 2 to 4"
    "expdir|exp|directory of statistics, models and decoded speech"
    "ngpu|0|number of GPUs for training and decoding"
    "nj|$(nproc)|number of parallel processes in stages 1 to 3"
    "skip_upload|true|true or false"
    "hf_repo||Hugging Face repository (user/name) for stage 9"
)

usage() {
    local option name default meaning number
    printf 'Usage: %s [--option value]...\nRelative paths are relative to %s.\n\nStages:\n' "$0" "$PWD"
    for number in "${!stages[@]}"; do printf '  %d  %s\n' $((number + 1)) "${stages[number]}"; done
    printf '\nOptions:\n'
    for option in "${options[@]}"; do
        IFS='|' read -r name default meaning <<<"$option"
        printf '  --%-17s %s%s\n' "$name" "$meaning" "${default:+ [$default]}"
    done
    printf '  --%-17s %s\n' help "print this"
}

fail() {
    printf 'error: %s\n' "$1" >&2
    exit 2
}

set_defaults() {
    local option name default
    for option in "${options[@]}"; do
        IFS='|' read -r name default _ <<<"$option"
        printf -v "$name" %s "$default"
    done
}

parse_options() {
    local name
    while [ $# -gt 0 ]; do
        [ "$1" != --help ] || { usage && exit; }
        name=${1#--}
        [[ $1 =~ ^--[a-z_]+$ && " ${options[*]%%|*} " == *" $name "* ]] || fail "unknown option '$1': see $0 --help"
        [[ $# -gt 1 && ($name == *_args || $2 != --*) ]] || fail "option --$name needs a value"
        printf -v "$name" %s "$2"
        shift 2
    done
}

number() { # name, least, most
    if ! [[ ${!1} =~ ^(0|[1-9][0-9]{0,5})$ ]] || ((${!1} < $2 || ${!1} > $3)); then
        fail "--$1 must be a number from $2 to $3, not '${!1}'"
    fi
}

choice() { # name, valid values
    [[ " ${*:2} " == *" ${!1} "* && ${!1} != *" "* ]] || fail "--$1 must be one of ${*:2}, not '${!1}'"
}

config_file() { # name
    [ -f "${!1}" ] || fail "--$1: $PWD/${!1} does not exist"
}

check_options() {
    number stage 1 9
    number stop_stage 1 9
    ((stage <= stop_stage)) || fail "--stage $stage comes after --stop_stage $stop_stage"
    number ngpu 0 64
    number nj 1 1024
    choice token_type phn char bpe
    choice skip_upload true false
    config_file train_config
    config_file inference_config
    [ "$baseline_config" = none ] || config_file baseline_config
    [[ $corpus =~ ^[A-Za-z0-9_]+(\+[A-Za-z0-9_]+)*$ ]] || fail "--corpus must be the name of a corpus, or several joined by +, not '$corpus'"
    [[ $max_dropped =~ ^(0?\.[0-9]+|0|1)$ ]] || fail "--max_dropped must be a share from 0 to 1, not '$max_dropped'"
    [[ -n $datadir && -n $dumpdir && -n $expdir ]] || fail "--datadir, --dumpdir and --expdir must not be empty"
    [ "$skip_upload" = true ] || ((stop_stage < 9)) || [ -n "$hf_repo" ] || fail "--skip_upload false needs --hf_repo user/name"
}

stem() { local file=${1##*/} && echo "${file%.*}"; }

# models: directories under $expdir, the baseline last; configs: their training configurations.
name_models() {
    models=("${tag:-$(stem "$train_config")}")
    configs=("$train_config")
    [[ ${models[0]} =~ ^[A-Za-z0-9_][A-Za-z0-9._-]*$ ]] ||
        fail "--tag must be a plain name of letters, digits, '.', '_' and '-', not '${models[0]}'"
    [ "$baseline_config" = none ] && return
    if [ -n "$tag" ]; then models+=("${tag}_single"); else models+=("$(stem "$baseline_config")"); fi
    configs+=("$baseline_config")
    [ "${models[0]}" != "${models[1]}" ] ||
        fail "the model and its baseline would both be $expdir/${models[0]}: say --baseline_config none, or --tag NAME"
}

banner() { printf '%(%F %T)T %s\n' -1 "$1"; }

# True if stage $1 is to run; says so.
runs() {
    ((stage <= $1 && $1 <= stop_stage)) || return
    banner "stage $1: ${stages[$1 - 1]}"
}

# Runs `$1 <model> <its training configuration>` for every model, side by side, and fails if one fails.
# Where there are two, each line that they print starts with the model's name.
for_each_model() {
    local i output lines=() status failed=0
    if [ ${#models[@]} -eq 1 ]; then
        ("$1" "${models[0]}" "${configs[0]}")
        return
    fi
    for i in "${!models[@]}"; do
        exec {output}> >(exec sed -u "s/^/[${models[i]}] /")
        lines+=($!)
        "$1" "${models[i]}" "${configs[i]}" >&"$output" 2>&1 &
        running+=($!)
        exec {output}>&-
    done
    for i in "${!models[@]}"; do
        status=0
        wait "${running[i]}" || status=$?
        wait "${lines[i]}" || true
        ((status == 0)) || { echo "error: ${models[i]} failed with status $status" >&2 && failed=$status; }
    done
    running=()
    return "$failed"
}

stop_jobs() {
    [ ${#running[@]} -eq 0 ] || kill "${running[@]}" 2>/dev/null
    exit "$1"
}

# The words of *_cmd, *_args and corpus_conf are split on purpose (SC2086); exec lets stop_jobs reach the command itself.
# shellcheck disable=SC2086
prepare_data() {
    python -m espnet_mtl.bin.stages.prepare_data --corpus "$corpus" --output "$datadir" --train_config "$train_config" \
        --max_dropped "$max_dropped" --nj "$nj" --corpus_conf $corpus_conf
}

# shellcheck disable=SC2086
train() { # model, its training configuration
    exec $train_cmd python -m espnet_mtl.bin.stages.train --train_config "$2" --dump "$dumpdir/raw" \
        --token_list "$dumpdir/token_list" --tables "$dumpdir/tables" --stats "$expdir/stats" \
        --output "$expdir/$1" --token_type "$token_type" "${base[@]}" --ngpu "$ngpu" -- $train_args
}

# shellcheck disable=SC2086
decode() { # model
    exec $decode_cmd python -m espnet_mtl.bin.stages.decode --exp "$expdir/$1" --dump "$dumpdir/raw" \
        --inference_config "$inference_config" --ngpu "$ngpu" -- $inference_args
}

# shellcheck disable=SC2086
evaluate() {
    $decode_cmd python -m espnet_mtl.bin.stages.evaluate --exp "$expdir/${models[0]}" --dump "$dumpdir/raw" \
        --inference_config "$inference_config" ${models[1]:+--baseline "$expdir/${models[1]}"}
}

pack() { # model
    exec python -m espnet_mtl.bin.stages.pack --exp "$expdir/$1" --inference_config "$inference_config"
}

upload() {
    local model=$expdir/${models[0]}
    rm -rf "$model/upload"
    python -m zipfile -e "$model/${models[0]}.zip" "$model/upload"
    hf upload "$hf_repo" "$model/upload" .
}

where_to_look() {
    local model=$expdir/${models[0]} report voice=
    report=$model/$(stem "$inference_config")/test/report/index.html
    [ "$corpus" != demo ] || voice=" --speaker f2 --emotion happy"
    [ ! -f "$report" ] || printf 'Listen and compare: %s\n' "$(realpath "$report")"
    [ ! -f "$model/${models[0]}.zip" ] || printf 'Say something else: %s -m espnet_mtl.bin.synthesize --model %s --text "Good morning."%s --output a.wav\n' \
        "$(command -v python)" "$(realpath "$model/${models[0]}.zip")" "$voice"
}

set_defaults
parse_options "$@"
check_options
name_models
set -a
. ./db.sh
set +a
. ./cmd.sh
. ./path.sh

SECONDS=0
running=()
trap 'stop_jobs 130' INT
trap 'stop_jobs 143' TERM
signal=(--train_config "$train_config")
base=(${init_model:+--init_model "$init_model"})
# shellcheck disable=SC2086 # the words of train_args are split on purpose
python -m espnet_mtl.bin.stages.check_config "${configs[@]}" "${base[@]}" -- $train_args
if runs 1; then prepare_data; fi
if runs 2; then python -m espnet_mtl.bin.stages.prepare_audio --data "$datadir" --output "$dumpdir/raw" "${signal[@]}" --max_dropped "$max_dropped" --nj "$nj"; fi
if runs 3; then
    python -m espnet_mtl.bin.stages.extract_features --dump "$dumpdir/raw" "${signal[@]}" --nj "$nj" --token_type "$token_type" \
        --token_list "$dumpdir/token_list" "${base[@]}" ${teacher_dumpdir:+--teacher_dumpdir "$teacher_dumpdir"}
fi
if runs 4; then
    python -m espnet_mtl.bin.stages.collect_stats --dump "$dumpdir/raw" --token_list "$dumpdir/token_list" \
        --tables "$dumpdir/tables" --stats "$expdir/stats" --token_type "$token_type" "${signal[@]}" "${base[@]}"
fi
if runs 5; then for_each_model train; fi
if runs 6; then for_each_model decode; fi
if runs 7; then evaluate; fi
if runs 8; then for_each_model pack; fi
if [ "$skip_upload" = false ] && runs 9; then upload; fi
banner "done in $((SECONDS / 60)) min $((SECONDS % 60)) s"
where_to_look
