#!/bin/sh
# Builds the kernels with the toolchain's clang and runs their checks.
set -eu
cd "$(dirname "$0")/../.."
swift=$(command -v swift)
clang=$(dirname "$(readlink -f "$swift")")/clang
[ -x "$clang" ] || clang=clang
folder=$PWD/.build/kernels
mkdir -p "$folder"
for source in Sources/CKernels/*.c Tests/Kernels/*.c; do
  object=$folder/$(basename "$source" .c).o
  [ "$object" -nt "$source" ] || "$clang" -O2 -std=c11 -Wall -Wextra -ISources/CKernels -ISources/CKernels/include -c "$source" -o "$object"
done
cd "$folder"
for check in elementwise_check kernels_check attention_check; do
  objects=
  for object in *.o; do case $object in *_check.o) ;; *) objects="$objects $object" ;; esac; done
  "$clang" $objects $check.o -lm -lpthread -o $check
  echo "$check"
  ./$check
done
