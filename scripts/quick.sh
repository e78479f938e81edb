#!/bin/sh
# Builds the Swift tests, and runs those of the modules that differ from the last commit (of the last commit
# itself, where nothing does), or those that ONLY names: a few minutes, where `make test` takes twenty.
# FLAGS are those of `make build`, lest everything be built again.
set -eu
cd "$(dirname "$0")/.."
touched=$(git diff --name-only HEAD; git ls-files --others --exclude-standard)
[ -n "$touched" ] || touched=$(git diff --name-only HEAD~1 HEAD)
filter=${ONLY:-}
[ -z "$filter" ] || touched=
for path in $touched; do
  case $path in
  Sources/CKernels/*) suites='TensorsTests ReferenceTests' ;;
  Sources/Builtins/*) suites='BuiltinsTests ReferenceTests' ;;
  Sources/Values/*) suites='BuiltinsTests LanguageTests' ;;
  Sources/attn/* | Sources/CEditLine/*) suites=PromptTests ;;
  Tests/*Tests/*) suites=${path#Tests/} suites=${suites%%/*} ;;
  Sources/*) suites=${path#Sources/} suites=${suites%%/*}Tests ;;
  Package.swift | docs/architecture.md) suites=SupportTests ;;
  docs/builtins.md | docs/library.md) suites=BuiltinsTests ;;
  *) continue ;;
  esac
  for suite in $suites; do
    case "|$filter|" in *"|$suite\\.|"*) ;; *) filter="${filter:+$filter|}$suite\\." ;; esac
  done
done
if [ -z "$filter" ]; then
  echo 'no Swift source was touched'
  exit
fi
echo "$filter"
# shellcheck disable=SC2086
swift build ${FLAGS:--c release} --build-tests
# shellcheck disable=SC2086
swift test ${FLAGS:--c release} --skip-build --filter "$filter"
