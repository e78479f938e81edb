# For the scripts beside it: the toolchain's clang, and the kernels and their checks compiled with it.
swift=$(command -v swift)
clang=$(dirname "$(readlink -f "$swift")")/clang
[ -x "$clang" ] || clang=clang

# build FOLDER FLAG...: sets `checks`, the names of the programs, and `objects`, what they are linked with.
build() {
  folder=$1
  shift
  mkdir -p "$folder"
  checks=
  objects=
  headers=$(find Sources/CKernels Tests/Kernels -name '*.h' -newer "$folder/built" 2>/dev/null || echo all)
  for source in Sources/CKernels/*/*.c Tests/Kernels/*.c; do
    name=$(basename "$source" .c)
    case $name in
    *_check) checks="$checks $name" ;;
    *) objects="$objects $name.o" ;;
    esac
    [ -z "$headers" ] && [ "$folder/$name.o" -nt "$source" ] ||
      "$clang" "$@" -O2 -std=c11 -Wall -Wextra -Werror -ISources/CKernels -ISources/CKernels/include \
        -c "$source" -o "$folder/$name.o"
  done
  touch "$folder/built"
}
