#!/bin/sh
# The kernels on another processor: compiled for aarch64, where the vectors become NEON, and run under
# qemu-user. Their digests must be those of this machine, which run.sh has left in .build/kernels.
# Installs what it needs where it may; where it may not, says so and passes.
set -eu
cd "$(dirname "$0")/../.."
linker=aarch64-linux-gnu-gcc
if ! command -v $linker >/dev/null 2>&1 || ! command -v qemu-aarch64 >/dev/null 2>&1; then
  packages="gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user"
  sudo=
  [ "$(id -u)" = 0 ] || sudo="sudo -n"
  echo "aarch64: installing $packages"
  # shellcheck disable=SC2086
  if ! { command -v apt-get && $sudo apt-get update -qq &&
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y $packages; } >/dev/null 2>&1; then
    echo "aarch64: NOT CHECKED, because $packages can't be installed here"
    exit 0
  fi
fi
. Tests/Kernels/clang.sh
if ! "$clang" --print-targets 2>/dev/null | grep -q aarch64; then
  echo "aarch64: NOT CHECKED, because this clang does not compile for it"
  exit 0
fi
build "$PWD/.build/kernels-aarch64" --target=aarch64-linux-gnu -isystem /usr/aarch64-linux-gnu/include
cd .build/kernels-aarch64
for check in $checks; do
  # Whether kernels stop in time says nothing about bits, and takes minutes here.
  [ "$check" != stop_check ] || continue
  # shellcheck disable=SC2086
  $linker $objects "$check.o" -static -lm -lpthread -o "$check"
  echo "$check on aarch64"
  qemu-aarch64 "./$check" nofork >"$check.out" || { cat "$check.out"; exit 1; }
  for machine in . ../kernels; do
    grep -oE '\b[0-9a-f]{16}\b' "$machine/$check.out" | sort -u >"$machine/$check.digest"
  done
  cat "$check.digest"
  cmp "$check.digest" "../kernels/$check.digest"
done
