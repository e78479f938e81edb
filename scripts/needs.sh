#!/bin/sh
# Checks for what attn needs to build; installs libedit's headers where it may.
set -eu

if ! command -v swift >/dev/null 2>&1; then
  echo "attn needs a Swift 6 toolchain: https://www.swift.org/install/linux/" >&2
  exit 1
fi
version=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9]*\).*/\1/p' | head -n 1)
if [ "${version:-0}" -lt 6 ]; then
  echo "attn needs Swift 6 or later, and this is Swift ${version:-unknown}" >&2
  exit 1
fi

[ "$(uname)" = Linux ] || exit 0
if [ -f /usr/include/histedit.h ]; then exit 0; fi

install="apt-get install -y libedit-dev"
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  echo "installing libedit-dev"
  apt-get update -qq && DEBIAN_FRONTEND=noninteractive $install >/dev/null
elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
  echo "installing libedit-dev"
  sudo apt-get update -qq && sudo DEBIAN_FRONTEND=noninteractive $install >/dev/null
else
  echo "attn needs libedit's headers. Type: sudo $install" >&2
  exit 1
fi
