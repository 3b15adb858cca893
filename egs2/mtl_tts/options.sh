# shellcheck shell=bash disable=SC2154 # the options' variables are assigned from the table below
# The options of run.sh: their table, --help, parsing and checks (all before the set-up).

# name|default|meaning
options=(
    "stage|1|first stage to run"
    "stop_stage|9|last stage to run"
    "corpus|demo|corpus, or several joined, e.g. ljspeech+nemo: demo is made on the spot, the others are where db.sh says"
    "corpus_conf||settings, e.g. \"key=value key=value\" (of several: corpus.key=value); they override local/<corpus>.yaml"
    "max_dropped|0.05|largest share of utterances to lose in stages 1 and 2"
    "allow_pipes|false|true: stage 2 runs commands (pipes) in wav.scp, as Kaldi does; for lists of your own only"
    "train_config|conf/train_fastspeech2.yaml|training configuration of the model"
    "baseline_config|conf/train_fastspeech2_single.yaml|training configuration of the model it is compared with; none: no such model"
    "train_args||further options for training, e.g. \"--max_epoch 5\"; they override the configuration"
    "inference_config|conf/decode.yaml|decoding configuration; its name names the directory of the decoded speech"
    "inference_args||further options for decoding; they override the configuration"
    "token_type|phn|phn, char or bpe"
    "init_model||pretrained model to fine-tune, with more speakers, emotions, languages: a packed one, exp/<tag>, URL or user/repo"
    "teacher_dumpdir||durations by a teacher: a directory with <set>/durations (espnet_mtl.bin.teacher); they replace others"
    "whisper||stage 7: word error rate by this Whisper model: a directory of faster-whisper, or a size to download, e.g. small"
    "pack_args||further options for stage 8, e.g. \"--onnx false\""
    "tag||name of the model; default: the training configuration's name (and the baseline's its own, else <tag>_single)"
    "datadir|data|directory of stage 1"
    "dumpdir|dump|directory of stages 2 to 4"
    "expdir|exp|directory of statistics, models and decoded speech"
    "ngpu|0|number of GPUs for training and decoding, on each machine"
    "num_nodes|1|number of machines for stage 5; train_cmd in cmd.sh starts it on each, or else Slurm's srun"
    "num_splits|1|stage 5: parts of the train set, of which one is in memory at a time; for millions of utterances"
    "nj|$(nproc)|number of parallel processes in stages 1 to 3"
    "scheduler||Dask cluster for stages 1 to 3, 6 and 7, instead of processes here: tcp://host:port, or a YAML (docs/cluster.md)"
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

# Gives every option's variable its default.
set_defaults() {
    local option name default
    for option in "${options[@]}"; do
        IFS='|' read -r name default _ <<<"$option"
        printf -v "$name" %s "$default"
    done
}

given=() # the names of those on the command line

parse_options() {
    local name
    while [ $# -gt 0 ]; do
        [ "$1" != --help ] || { usage && exit; }
        name=${1#--}
        [[ $1 =~ ^--[a-z_]+$ && " ${options[*]%%|*} " == *" $name "* ]] || fail "unknown option '$1': see $0 --help"
        [[ $# -gt 1 && ($name == *_args || $2 != --*) ]] || fail "option --$name needs a value"
        printf -v "$name" %s "$2"
        given+=("$name")
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

# A directory whose whole path ESPnet's options and Kaldi's tables can hold (check_places in espnet_mtl/system/paths.py).
place() { # name
    local path unfit=$'[][,|\001-\037\177]|: | #|[[:space:]]$'
    path=$(realpath -m -- "${!1}"; printf .) # the dot keeps line breaks at the end
    path=${path%$'\n'.}
    ! [[ $path =~ $unfit ]] || fail "--$1 ${path@Q}: there must be no , [ ] | line break, or space beside : or # in it: tables read that otherwise"
}

check_options() {
    number stage 1 9
    number stop_stage 1 9
    ((stage <= stop_stage)) || fail "--stage $stage comes after --stop_stage $stop_stage"
    number ngpu 0 64
    number num_nodes 1 1024
    number num_splits 1 1024
    number nj 1 1024
    choice token_type phn char bpe
    choice skip_upload true false
    choice allow_pipes true false
    config_file train_config
    config_file inference_config
    [[ -z $scheduler || $scheduler == *://* ]] || config_file scheduler
    [ "$baseline_config" = none ] || config_file baseline_config
    [[ $corpus =~ ^[A-Za-z0-9_]+(\+[A-Za-z0-9_]+)*$ ]] || fail "--corpus must be the name of a corpus, or several joined by +, not '$corpus'"
    [[ $max_dropped =~ ^(0?\.[0-9]+|0|1(\.0*)?)$ ]] || fail "--max_dropped must be a share from 0 to 1, not '$max_dropped'"
    [[ -n $datadir && -n $dumpdir && -n $expdir ]] || fail "--datadir, --dumpdir and --expdir must not be empty"
    place datadir
    place dumpdir
    place expdir
    [ "$skip_upload" = true ] || ((stop_stage < 9)) || [ -n "$hf_repo" ] || fail "--skip_upload false needs --hf_repo user/name"
}
