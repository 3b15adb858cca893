# shellcheck shell=bash disable=SC2034
# What long commands are started with: nothing runs them here, a scheduler's command runs them elsewhere,
# e.g. train_cmd="srun --gres=gpu:1 --cpus-per-task=4".
train_cmd=${train_cmd:-}
decode_cmd=${decode_cmd:-}
