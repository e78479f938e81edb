#!/bin/sh
# The command as a user runs it: exit statuses, streams, arguments, pictures in a pipe.
set -u
cd "$(dirname "$0")/.."
attn=$PWD/.build/release/attn
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0
failed=0

# check NAME STATUS STDOUT-PATTERN STDERR-PATTERN COMMAND...
check() {
  name=$1 status=$2 out=$3 err=$4
  shift 4
  "$@" >"$work/out" 2>"$work/err" </dev/null
  got=$?
  if [ "$got" -eq "$status" ] && grep -qE -- "$out" "$work/out" && grep -qE -- "$err" "$work/err"; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    echo "FAILED: $name: status $got, wanted $status"
    sed 's/^/  out: /' "$work/out" | head -n 5
    sed 's/^/  err: /' "$work/err" | head -n 5
  fi
}
cat >"$work/ok.attn" <<'EOF'
# Says how many.
arg count = 3        ## how many
arg loud = false     ## whether to shout
arg name = "x.txt"   ## a file
print("{count} {loud} {name}")
EOF
cat >"$work/bad.attn" <<'EOF'
x = zeros(2, 3)
x @ x
EOF
printf '1 +\n' >"$work/syntax.attn"
mkdir "$work/folder"

# A pattern needs a line to match: where a stream is to be empty, the command ends it with one.
check "an expression" 0 '^2$' '' sh -c "$attn -e '1 + 1'; echo >&2"
check "its error goes to stderr" 1 '^-$' 'add: the shapes' sh -c "$attn -e 'zeros(2) + zeros(3)'; s=\$?; echo -; exit \$s"
check "version" 0 '^attn [0-9]' '' sh -c "$attn --version; echo >&2"
check "verbose version" 0 'instruction set' '' sh -c "$attn --version --verbose; echo >&2"
check "help" 0 'attn run FILE' '' sh -c "$attn --help; echo >&2"
check "a script" 0 '^3 false x.txt$' '' sh -c "$attn run $work/ok.attn; echo >&2"
check "a script without run" 0 '^3 false x.txt$' '' sh -c "$attn $work/ok.attn; echo >&2"
check "its parameters" 0 '^5 true y.txt$' '' sh -c "$attn run $work/ok.attn --count 5 --loud --name=y.txt; echo >&2"
check "its help" 0 '--count +how many +default 3' '' sh -c "$attn run $work/ok.attn --help; echo >&2"
check "a wrong parameter" 2 '^-$' 'did you mean --count' sh -c "$attn run $work/ok.attn --cuont 5; s=\$?; echo -; exit \$s"
check "a wrong kind" 2 '^-$' 'takes a whole number' sh -c "$attn run $work/ok.attn --count many; s=\$?; echo -; exit \$s"
check "a failing script" 1 '^-$' 'bad.attn:2:1: error: matmul: the inner sizes differ' sh -c "$attn run $work/bad.attn; s=\$?; echo -; exit \$s"
check "a mistake in the text" 1 '^-$' 'syntax.attn:1:4: error: expected an expression' sh -c "$attn run $work/syntax.attn; s=\$?; echo -; exit \$s"
check "a missing script" 2 '^-$' 'there is no file' sh -c "$attn run $work/none.attn; s=\$?; echo -; exit \$s"
check "a folder as a script" 2 '^-$' 'is a folder' sh -c "$attn run $work/folder; s=\$?; echo -; exit \$s"
check "a wrong option" 2 '^-$' 'isa' sh -c "$attn --isa pentium -e 1; s=\$?; echo -; exit \$s"
check "no escape codes in a pipe" 0 '^0 = ' '' sh -c "$attn -e 'heatmap(eye(3))' | grep -v '$(printf '\033')'; echo >&2"
check "colours on demand" 0 "$(printf '\033')\\[" '' sh -c "$attn --color always -e 'heatmap(eye(3))'; echo >&2"
check "tests that hold" 0 '^[0-9]+ passed, 0 failed' '' sh -c "$attn test Tests/Scripts; echo >&2"
check "no test found" 2 '^-$' 'no test found' sh -c "$attn test $work/folder; s=\$?; echo -; exit \$s"
printf '1 + 1\n#> 3\n' >"$work/differs.attn"
check "a test that differs" 1 '0 passed, 1 failed' '' sh -c "$attn test $work/differs.attn; s=\$?; echo >&2; exit \$s"
check "no update where CI is set" 2 '^-$' 'CI is set' sh -c "CI=1 $attn test --update $work/differs.attn; s=\$?; echo -; exit \$s"
check "an update" 0 'updated' '' sh -c "CI= $attn test --update $work/differs.attn && $attn test $work/differs.attn; s=\$?; echo >&2; exit \$s"
check "a new script is recorded" 0 '^#> 2$' '' sh -c "echo '1 + 1' >$work/new.attn; CI= $attn test --record $work/new.attn && cat $work/new.attn; echo >&2"
check "recording leaves what is recorded" 1 '^#> 3$' '' sh -c "printf '1 + 1\n#> 3\n' >$work/old.attn; CI= $attn test --record $work/old.attn; s=\$?; cat $work/old.attn; echo >&2; exit \$s"
check "what an update would write" 1 '    \+ 2: #> 2' '' sh -c "$attn test --diff $work/old.attn; s=\$?; echo >&2; exit \$s"
check "a sandbox" 1 '^-$' 'may read and write only in its own folder' sh -c "echo 'text(\"/etc/hostname\")' >$work/out.attn; $attn run --sandbox $work/out.attn; s=\$?; echo -; exit \$s"
check "tests have one by themselves" 1 'may read and write only in its own folder' '' sh -c "$attn test $work/out.attn; s=\$?; echo >&2; exit \$s"
check "unless it is taken away" 0 ' passed, 0 failed' '' sh -c "printf 'x = text(\"/etc/hostname\")\n' >$work/out.attn; $attn test --no-sandbox $work/out.attn; echo >&2"

# Files that take too long, crash or can't be read are theirs alone.
mkdir "$work/many"
for i in 1 2 3 4 5; do printf "x = randn(2, $i)\nshape(x)\n#> (2, $i)\n" >"$work/many/f$i.attn"; done
printf '1 + 1\n#> 2\nwhile true { 1 }\n' >"$work/many/slow.attn"
check "a time-out" 1 '^11 passed, 1 failed, 0 skipped$' '' sh -c "$attn test --timeout 1 $work/many; s=\$?; echo >&2; exit \$s"
check "says where it was" 1 'slow.attn:3: while true' '' sh -c "$attn test --timeout 1 $work/many; s=\$?; echo >&2; exit \$s"
check "a crash" 1 '^  crashed: Killed .signal 9.$' '' sh -c "$attn test $work/many/slow.attn & until pkill -KILL -P \$! 2>/dev/null; do sleep 0.1; done; wait \$!; s=\$?; echo >&2; exit \$s"
check "bytes that are no text" 1 'is not UTF-8 text' '' sh -c "printf 'x\377' >$work/many/slow.attn; $attn test $work/many; s=\$?; echo >&2; exit \$s"
rm "$work/many/slow.attn"
check "an interrupted run" 130 'passed, 0 failed' 'interrupted' sh -c "printf 'while true { 1 }' >$work/many/endless.attn; $attn test --jobs 2 $work/many & sleep 1.5; kill -INT \$!; wait \$!"
rm "$work/many/endless.attn"

# Parts, threads and reports.
check "shards hold every file once" 0 '^10$' '' sh -c "for k in 1 2 3; do $attn test --shard \$k/3 $work/many; done | awk '{n += \$1} END {print n}'; echo >&2"
check "a shard without files" 0 '^0 passed, 0 failed' '' sh -c "$attn test --shard 9/9 $work/many; echo >&2"
check "a wrong shard" 2 '^-$' 'shard' sh -c "$attn test --shard 4/3 $work/many; s=\$?; echo -; exit \$s"
check "a filter" 0 '^2 passed' '' sh -c "$attn test --filter f3 $work/many; echo >&2"
check "everywhere" 0 '^10 passed, 0 failed' '' sh -c "$attn test --everywhere $work/many; echo >&2"
check "any number of jobs" 0 '^10 passed, 0 failed' '' sh -c "$attn test --jobs 7 $work/many; echo >&2"
check "TAP" 1 '^not ok 1 - ' '' sh -c "printf '1\n#> 2\n' >$work/differs2.attn; $attn test --tap $work/differs2.attn; s=\$?; echo >&2; exit \$s"
check "JUnit" 0 'failures=.1.' '' sh -c "$attn test --junit $work/report.xml $work/differs2.attn; cat $work/report.xml; echo >&2"
check "annotations" 1 '^::error file=differs2.attn,line=1,' '' sh -c "GITHUB_ACTIONS=true GITHUB_WORKSPACE=$work $attn test $work/differs2.attn; s=\$?; echo >&2; exit \$s"

check "a script from a pipe" 0 '^3 false x.txt$' '' sh -c "$attn <$work/ok.attn; echo >&2"
check "an expression from a pipe" 0 '^2$' '' sh -c "echo 1+1 | $attn; echo >&2"
check "a failing script from a pipe" 1 '^-$' 'stdin:2:1: error: matmul' sh -c "cat $work/bad.attn | $attn; s=\$?; echo -; exit \$s"
check "a mistake in a text from a pipe" 1 '^-$' 'stdin:1:4: error: expected' sh -c "$attn <$work/syntax.attn; s=\$?; echo -; exit \$s"
check "no input at all" 0 '^-$' '' sh -c "$attn; s=\$?; echo -; echo >&2; exit \$s"
check "no prompt and no codes in a pipe" 0 '^0 = ' '' sh -c "echo 'heatmap(eye(3))' | TERM=xterm $attn | grep -v '$(printf '\033')\|attn>'; echo >&2"

# Ctrl-C in a training loop: the model so far, the rest of the script, and exit 130.
cat >"$work/long.attn" <<'EOF'
corpus = char_tokenizer("abcdefgh" .repeat_text(200))
gpt = GPT(vocab: corpus.vocab, context: 32, width: 64, heads: 2, layers: 2)
gpt = train(gpt, corpus.batches(size: 8, context: 32), steps: 1000000)
print("went on")
EOF
check "an interruption" 130 '^went on$' '' timeout 60 sh -c "$attn run $work/long.attn & sleep 2; kill -INT \$!; wait \$!; s=\$?; echo >&2; exit \$s"

# A gradient keeps of the forward pass what its derivatives read, and nothing else: twelve rounds over
# 16 MB, of which so many megabytes are live at the most. A matrix that nothing is wanted for keeps none.
keeps() {
  cat >"$work/keeps.attn" <<EOF
w = randn(64, 64) / 8.0; x = randn(65536, 64); one = ones(64)
fn f(x) { for i in 0..12 { x = $1 }; sum(x) }
grad(f, x);
EOF
  check "memory of $1" 0 '^kept$' '' sh -c "$attn run --profile $work/keeps.attn 2>&1 |
    awk '/at the most/ { for (i = 1; i < NF; i++) if (\$i == \"most\") print (\$(i + 1) < $2 ? \"kept\" : \$0) }'; echo >&2"
}
for round in 'x + x @ w' 'x - x @ w' '(x @ w) / 2.0' 'concat([x, x @ w])[65536..]'; do keeps "$round" 140; done
for round in 'exp(x @ w)' 'tanh(x @ w)' 'relu(x @ w)' 'x + gelu(x @ w)' 'x + layer_norm(x)' 'x + (x @ w) ^ 3.0' \
  '2.0 ^ (x @ w)' 'layer_norm(x @ w)' 'maximum(x @ w, one)'; do keeps "$round" 310; done

# A profile shows what took long, not the library's definitions.
cat >"$work/profiled.attn" <<'EOF'
x = randn(300, 300)
y = x
for i in 0..200 { y = tanh(x @ y) }
print(map([1], x -> x))
EOF
check "a profile" 0 '^rest$' '' sh -c "$attn run --profile $work/profiled.attn 2>&1 |
  awk '/fn sort_by/ { shown = 1 } / tanh\$/ && /%/ { tanh = 1 } /^… and [0-9]+ more\$/ { rest = 1 } END { if (rest && tanh && !shown) print \"rest\" }'; echo >&2"

# The examples.
check "the main example" 0 '^holdout loss [0-9.]+ after 20 steps$' '' sh -c "$attn run examples/train_gpt.attn --steps 20 --every 10 --length 20 --out $work/gpt.safetensors; echo >&2"
check "attn in a Swift program" 0 '^w has 3 × 3 numbers of f32$' '' sh -c ".build/release/embed; echo >&2"

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
