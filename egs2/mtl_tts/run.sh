#!/usr/bin/env bash
# From a corpus to a packed multi-task text-to-speech model; ./run.sh --help lists stages and options.
# shellcheck disable=SC2154 # options.sh and models.sh assign variables by name
set -efuo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")"

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
. ./options.sh
. ./models.sh

banner() { printf '%(%F %T)T %s\n' -1 "$1"; }

# True if stage $1 is to run; says so.
runs() {
    ((stage <= $1 && $1 <= stop_stage)) || return
    banner "stage $1: ${stages[$1 - 1]}"
}

# The words of *_cmd, *_args and corpus_conf are split on purpose (SC2086).
# shellcheck disable=SC2086
check_configs() {
    local of=()
    ((stage == 1)) || [[ " ${given[*]} " != *" corpus "* ]] || of=(--data "$datadir" --corpus "$corpus")
    python -m espnet_mtl.bin.stages.check_config "${configs[@]}" --inference_config "$inference_config" "${init[@]}" \
        "${of[@]}" -- $train_args -- $inference_args
}

# shellcheck disable=SC2086
prepare_data() {
    python -m espnet_mtl.bin.stages.prepare_data --corpus "$corpus" --output "$datadir" --train_config "$train_config" \
        --max_dropped "$max_dropped" --token_type "$token_type" --nj "$nj" "${cluster[@]}" \
        --corpus_conf $corpus_conf
}

prepare_audio() {
    python -m espnet_mtl.bin.stages.prepare_audio --data "$datadir" --output "$dumpdir/raw" \
        --train_config "$train_config" --max_dropped "$max_dropped" --token_type "$token_type" --nj "$nj" "${cluster[@]}" \
        --allow_pipes "$allow_pipes"
}

extract_features() {
    python -m espnet_mtl.bin.stages.extract_features --dump "$dumpdir/raw" --train_config "$train_config" --nj "$nj" "${cluster[@]}" \
        --token_type "$token_type" --token_list "$dumpdir/token_list" "${init[@]}" \
        ${teacher_dumpdir:+--teacher_dumpdir "$teacher_dumpdir"}
}

collect_stats() {
    python -m espnet_mtl.bin.stages.collect_stats --dump "$dumpdir/raw" --train_config "$train_config" \
        --token_type "$token_type" --token_list "$dumpdir/token_list" --tables "$dumpdir/tables" \
        --stats "$expdir/stats" "${init[@]}"
}

# shellcheck disable=SC2086
train() { # model, its training configuration
    local nodes=()
    # A port for each model: two may train side by side
    ((num_nodes == 1)) || nodes=(--dist_launcher slurm --dist_master_port $((20000 + RANDOM % 20000)))
    exec $train_cmd python -m espnet_mtl.bin.stages.train --train_config "$2" --dump "$dumpdir/raw" \
        --token_list "$dumpdir/token_list" --tables "$dumpdir/tables" --stats "$expdir/stats" \
        --output "$expdir/$1" --token_type "$token_type" "${init[@]}" --ngpu "$ngpu" --num_splits "$num_splits" -- \
        "${nodes[@]}" $train_args
}

# shellcheck disable=SC2086
decode() { # model
    exec $decode_cmd python -m espnet_mtl.bin.stages.decode --exp "$expdir/$1" --dump "$dumpdir/raw" \
        --inference_config "$inference_config" --ngpu "$ngpu" "${cluster[@]}" -- $inference_args
}

# shellcheck disable=SC2086
evaluate() {
    $decode_cmd python -m espnet_mtl.bin.stages.evaluate --exp "$expdir/${models[0]}" --dump "$dumpdir/raw" \
        --inference_config "$inference_config" ${models[1]:+--baseline "$expdir/${models[1]}"} ${whisper:+--whisper "$whisper"} \
        "${cluster[@]}"
}

# shellcheck disable=SC2086
pack() { # model
    exec python -m espnet_mtl.bin.stages.pack --exp "$expdir/$1" --inference_config "$inference_config" $pack_args
}

upload() {
    local model=$expdir/${models[0]}
    rm -rf "$model/upload"
    python -m zipfile -e "$model/${models[0]}.zip" "$model/upload"
    hf upload "$hf_repo" "$model/upload" .
}

say_more() {
    local model=$expdir/${models[0]}
    [ ! -f "$model/config.yaml" ] ||
        python -m espnet_mtl.bin.stages.say_more --exp "$model" --inference_config "$inference_config"
}

set_defaults
parse_options "$@"
check_options
name_models
set -a
. ./db.sh
set +a
. ./cmd.sh
if ((num_nodes > 1)) && [ -z "$train_cmd" ]; then
    command -v srun >/dev/null || fail "--num_nodes $num_nodes: there is no srun: set train_cmd in cmd.sh to what starts stage 5 on each machine"
    train_cmd="srun --nodes=$num_nodes --ntasks-per-node=1 --gpus-per-node=$ngpu --kill-on-bad-exit=1"
fi
. ./path.sh

SECONDS=0
trap 'stop_jobs 129' HUP
trap 'stop_jobs 130' INT
trap 'stop_jobs 143' TERM
init=(${init_model:+--init_model "$init_model"})
cluster=(${scheduler:+--scheduler "$scheduler"})

attend check_configs
if runs 1; then attend prepare_data; fi
if runs 2; then attend prepare_audio; fi
if runs 3; then attend extract_features; fi
if runs 4; then attend collect_stats; fi
if runs 5; then for_each_model train; fi
if runs 6; then for_each_model decode; fi
if runs 7; then attend evaluate; fi
if runs 8; then for_each_model pack; fi
if [ "$skip_upload" = false ] && runs 9; then attend upload; fi
banner "done in $((SECONDS / 60)) min $((SECONDS % 60)) s"
say_more
