#!/bin/sh
# Builds the kernels with the toolchain's clang and runs their checks.
set -eu
cd "$(dirname "$0")/../.."
. Tests/Kernels/clang.sh
build "$PWD/.build/kernels"
cd .build/kernels
for check in $checks; do
  # shellcheck disable=SC2086
  "$clang" $objects "$check.o" -lm -lpthread -o "$check"
  echo "$check"
  ./"$check" >"$check.out" || { cat "$check.out"; exit 1; }
  cat "$check.out"
done
# Benchmarks that nobody runs here must still compile.
cd ../..
for source in bench/kernels/*.c; do
  "$clang" -std=c11 -Wall -Wextra -Werror -ISources/CKernels/include -fsyntax-only "$source"
done
