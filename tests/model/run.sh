#!/usr/bin/env bash
# Checks the models with spin: each with its rules (no error may be found), and without each rule (one must be).
# run.sh [--large]: sizes of minutes and gigabytes instead of seconds. Exit 0: all as expected.
set -euo pipefail
cd "$(dirname "$0")"

for tool in spin gcc; do
  command -v "$tool" >/dev/null || { echo "tests/model needs $tool: apt-get install $tool" >&2; exit 1; }
done

# model | definitions | holds, or fails
small() {
  cat <<'TABLE'
ring|-DCI=3 -DCO=2 -DK=1|holds
ring|-DCI=2 -DCO=3|holds
ring|-DCI=2 -DCO=1 -DN=3 -DW=3 -DK=1|holds
ring|-DLITERAL|fails
ring|-DNO_TAKE_BACK|fails
ring|-DCI=2 -DIMPATIENT|fails
ring|-DNO_CAS|fails
ring|-DEARLY_PUBLISH|fails
tee_join|-DWT=1 -DWJ=2 -DN=2|holds
tee_join|-DWT=2 -DWJ=1 -DN=2|holds
tee_join|-DNO_TEE_RULE|fails
tee_join|-DNO_JOIN_RULE|fails
tee_join|-DCLAIMED_FIRST|fails
sink_cell||holds
park|-DM=1|holds
park|-DM=2 -DK=0|holds
park|-DNO_SECOND_LOOK|fails
park|-DM=1 -DPOLITE_LAUNCHER|fails
park|-DM=1 -DNO_ROUSE|fails
park|-DNO_LAST_WAKE|fails
wake||holds
wake|-DNO_WAKER_FENCE|fails
wake|-DNO_SLEEPER_FENCE|fails
wake|-DNO_SECOND_LOOK|fails
overflow||holds
overflow|-DFREE_FIRST|fails
overflow|-DNO_CLEANING|fails
overflow|-DLATE_HEADER|fails
end||holds
end|-DTRUST_EXIT|fails
end|-DFIRST_EDGE|fails
end|-DEARLY_END|fails
check||holds
check|-DNO_SECOND_READ|fails
check|-DJUDGE_FREE|fails
limits||holds
limits|-DCHECK_FIRST|fails
limits|-DSETTLED_FIRST|fails
limits|-DGIVE_BACK_FIRST|fails
limits|-DTRUST_CELL|fails
marks|-DR=2|holds
marks|-DSTAGE -DK=2|holds
TABLE
  local mutation
  for mutation in ONE_COPY KEEP_WRITTEN FREE_EARLY JOURNAL_LATE KEEP_TAIL TURN_IN_PLACE TURN_PENDING FORGET_PENDING SILENT; do
    echo "sink_cell|-D$mutation|fails"
  done
  for mutation in MANY_IN_FLIGHT SAME_GENERATION LATE_GENERATION KEEP_NEWER CUT_UNSYNCED LINE_FIRST LINE_UNSYNCED \
    NAME_CURRENT MAX_OF_HELD NO_REPAIR COMPACT_ALL SEAL_COMPACTS FORGET_PENDING FORGET_ISSUED TRUST_LINE TRUST_SEAL \
    TRUST_NAME ONE_STATE; do
    echo "marks|-DSTAGE -DK=2 -D$mutation|fails"
  done
}
large() {
  cat <<'TABLE'
ring|-DCI=3 -DCO=2 -DN=4|holds
ring|-DCI=3 -DCO=2 -DN=6|holds
ring|-DCI=2 -DCO=3 -DN=6|holds
ring|-DCI=3 -DCO=1 -DN=3 -DW=3|holds
ring|-DCI=3 -DCO=1 -DN=5 -DW=3|holds
tee_join|-DWT=1 -DWJ=2|holds
tee_join|-DWT=1 -DWJ=2 -DK=2|holds
tee_join|-DWT=2 -DWJ=1 -DK=2|holds
sink_cell|-DN=5 -DK=3|holds
park|-DM=1 -DK=2|holds
park|-DM=2 -DK=1|holds
park|-DM=2 -DK=2|holds
park|-DM=1 -DW=3 -DK=0|holds
overflow|-DN=6 -DK=3|holds
end|-DW=3|holds
limits|-DW=3|holds
marks|-DK=2|holds
marks|-DR=4 -DK=1|holds
marks|-DSTAGE -DR=4 -DK=3|holds
TABLE
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# check MODEL DEFINITIONS EXPECTED: one line; exit 0 when it is as expected.
check() {
  local model=$1 definitions=$2 expected=$3 folder outcome states seconds level=-O1
  [[ $expected == holds ]] || level=-O0 limits='-m100000 -w18'  # found before more is won back
  folder=$(mktemp -d "$work/XXXXXX")
  cp "$model.pml" "$folder"
  cd "$folder"
  # shellcheck disable=SC2086  # words on purpose
  spin $definitions -a "$model.pml" >spin.log || { cat spin.log; return 1; }
  gcc -w $level -DSAFETY -DCOLLAPSE -DVECTORSZ=2048 -o pan pan.c
  # shellcheck disable=SC2086
  ./pan $limits >pan.log 2>&1 || true
  if ! grep -q 'errors: ' pan.log || grep -qE 'max search depth too small|out of memory|truncated' pan.log; then
    outcome=unfinished
  elif grep -q 'errors: 0' pan.log; then
    outcome=holds
  else
    outcome=fails
  fi
  times >times.log  # of all commands so far: processor time, since the rows run side by side
  seconds=$(awk -F '[ms ]' 'NR == 2 {printf "%.1f", $1 * 60 + $2 + $4 * 60 + $5}' times.log)
  states=$(awk '/states, stored/ {print $1; exit}' pan.log)
  printf '%-10s %-34s %-6s %12s states %6s s  %s\n' "$model" "$definitions" "$outcome" "$states" \
    "$seconds" "$(grep -m1 '^pan:[0-9]' pan.log | cut -d' ' -f2- | cut -c1-60 || true)"
  if [[ $outcome != "$expected" ]]; then
    echo "  expected: $expected"
    return 1
  fi
}

if [[ ${1:-} == --check ]]; then  # from xargs, below
  limits=$2
  IFS='|' read -r model definitions expected <<<"$3"
  check "$model" "$definitions" "$expected"
  exit
fi

table=small
limits='-m100000 -w22'  # depth of the search, 2^n entries of its table
jobs=$(nproc)
if [[ ${1:-} == --large ]]; then
  table=large
  limits='-m4000000 -w25'
  jobs=1  # memory
fi
$table | xargs -d '\n' -P "$jobs" -n 1 ./run.sh --check "$limits" || { echo "a model did not behave as expected" >&2; exit 1; }
