# shellcheck shell=bash disable=SC2154 # options.sh assigns the options' variables
# The model and, unless --baseline_config is none, its baseline: their names, and how a stage runs for both at once.

stem() { local file=${1##*/} && echo "${file%.*}"; }

# models: directories under $expdir, the baseline last; configs: their training configurations.
name_models() {
    models=("${tag:-$(stem "$train_config")}")
    configs=("$train_config")
    [[ ${models[0]} =~ ^[A-Za-z0-9_][A-Za-z0-9._-]*$ ]] ||
        fail "--tag must be a plain name of letters, digits, '.', '_' and '-', not '${models[0]}'"
    if [ "$baseline_config" != none ]; then
        if [ -n "$tag" ]; then models+=("${tag}_single"); else models+=("$(stem "$baseline_config")"); fi
        configs+=("$baseline_config")
        [ "${models[0]}" != "${models[1]}" ] ||
            fail "the model and its baseline would both be $expdir/${models[0]}: say --baseline_config none, or --tag NAME"
    fi
    [[ " ${models[*]} " != *" stats "* ]] || fail "$expdir/stats is for the statistics of stage 4, not for a model: say --tag NAME"
    [[ " ${models[*]} " != *" shared "* ]] || fail "$expdir/shared is for what trainings share, not for a model: say --tag NAME"
}

running=() # process ids of the jobs that run side by side

# Starts a command as a job: bash heeds signals while it waits for a job, and only then.
start() {
    "$@" &
    running+=($!)
}

# Runs a command, and fails as it does; a signal to this script ends it.
attend() {
    start "$@"
    wait "${running[0]}" || return
    running=()
}

# Runs `$1 <model> <its training configuration>` for every model, side by side, and fails if one fails.
# Where there are two, each line that they print starts with the model's name.
for_each_model() {
    local i output lines=() status failed=0
    if [ ${#models[@]} -eq 1 ]; then
        attend "$1" "${models[0]}" "${configs[0]}"
        return
    fi
    for i in "${!models[@]}"; do
        exec {output}> >(exec sed -u "s/^/[${models[i]}] /")
        lines+=($!)
        start "$1" "${models[i]}" "${configs[i]}" >&"$output" 2>&1
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

# Prints the process ids of a job and of all that it started.
job_tree() {
    local child
    echo "$1"
    for child in $(pgrep -P "$1"); do job_tree "$child"; done
}

# Ends the jobs with all that they started, and exits with status $1.
stop_jobs() {
    local job
    for job in ${running[@]+"${running[@]}"}; do
        # shellcheck disable=SC2046 # one word for each process
        kill $(job_tree "$job") 2>/dev/null || true
    done
    exit "$1"
}
