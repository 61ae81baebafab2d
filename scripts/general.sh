#!/bin/sh
# Trains a general network from nothing, with the defaults of ptyx pretrain, or resumes that.
#
#   sh scripts/general.sh PATTERNS DIRECTORY
set -eu

patterns=$1 run=$2
ptyx=${PTYX:-bin/ptyx}

step=24 # patterns, see ptyx pretrain --help
round=24576 # patterns between two saved states
if [ "$patterns" -lt "$round" ]; then
	round=$((patterns / step * step))
	patterns=$round
fi
echo "$patterns simulated patterns: about $((patterns / 16000 + 1)) minutes on two cores." \
	"Ctrl-C saves the state, and the same command resumes."
if [ -e "$run/config.yaml" ]; then
	"$ptyx" pretrain --resume "$run" --patterns "$patterns"
else
	"$ptyx" pretrain --output-dir "$run" --patterns "$patterns" --round "$round" --seed 0 --device cpu
fi
"$ptyx" inspect "$run/model.onnx"
