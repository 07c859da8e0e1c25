# shellcheck shell=bash
# The verbs of packaging/dev that do more than enter the environment; sourced by it, with its functions and variables.

# check [--all]: formatting, layering, scripts, clang-tidy. Tidy looks at what changed since the branch left its upstream
# (where nothing did: at the last commit), with --all at everything; what was clean before is not looked at twice.
verb_check() {
    local all='' failed=()
    case ${1:-} in
        '') ;;
        --all) all=1 ;;
        *) die "check knows only --all, not \"$1\"" ;;
    esac
    cd "$top"
    git rev-parse --git-dir >/dev/null 2>&1 || die "check needs the repository that git cloned; this folder is none"
    local file sources=() shells=() pythons=()
    while IFS= read -r -d '' file; do
        [ -f "$file" ] && [ ! -L "$file" ] || continue
        case $file in
            *.cpp | *.h) sources+=("$file") ;;
            *.sh) shells+=("$file") ;;
            *.py) pythons+=("$file") ;;
            *.* | LICENSE) ;;
            *)
                case $(head -c 64 "$file" | head -n 1 | tr -d '\0') in
                    '#!'*python3*) pythons+=("$file") ;;
                    '#!'*bash* | '#!'*/sh*) shells+=("$file") ;;
                esac
                ;;
        esac
    done < <(git ls-files -z)

    say "check: formatting of ${#sources[@]} files"
    [ ${#sources[@]} -eq 0 ] || (enter clang-format-19 --dry-run -Werror "${sources[@]}") >&2 ||
        failed+=("formatting (clang-format-19 -i FILE mends it)")

    say "check: layering"
    (enter packaging/check-layers) >&2 || failed+=(layering)

    say "check: ${#shells[@]} shell and ${#pythons[@]} python scripts"
    for file in "${shells[@]}"; do
        bash -n "$file" || failed+=("$file")
    done
    [ ${#pythons[@]} -eq 0 ] || (enter python3 -c 'import ast, sys
for name in sys.argv[1:]:
    ast.parse(open(name, encoding="utf-8").read(), name)' "${pythons[@]}") >&2 || failed+=("python scripts")

    local changed=() nothing=''
    if [ -z "$all" ]; then
        local base name
        base=$(git merge-base HEAD '@{upstream}' 2>/dev/null || git merge-base HEAD origin/HEAD 2>/dev/null || git rev-parse HEAD)
        if git diff --quiet "$base" -- && [ -z "$(git ls-files -o --exclude-standard -- '*.cpp' '*.h')" ]; then
            base=$(git rev-parse -q --verify HEAD~1 || git rev-parse HEAD)
        fi
        while IFS= read -r -d '' name; do # a header is looked at through the source of the same name
            file=${name%.*}.cpp
            [ ! -f "$file" ] || changed+=("$file")
        done < <(git diff -z --name-only --diff-filter=d "$base" -- '*.cpp' '*.h'; git ls-files -z -o --exclude-standard -- '*.cpp' '*.h')
        [ ${#changed[@]} -gt 0 ] || nothing=1
    fi
    if [ -n "$nothing" ]; then
        say "check: clang-tidy has nothing new to look at"
    else
        # The compile commands and what moc writes come from the build.
        [ -n "${SB_NO_BUILD:-}" ] || build release
        say "check: clang-tidy over ${all:+all files}${changed[0]:+${#changed[@]} changed files}"
        (enter packaging/check-tidy "build/release" "${changed[@]}") || failed+=(clang-tidy)
    fi

    if [ ${#failed[@]} -gt 0 ]; then
        printf 'signalbox: check failed: %s\n' "${failed[@]}" >&2
        exit 1
    fi
    say "check: all is well"
}

# tally FILE: what came of the attacks of tests/security that ran.
tally() {
    [ -s "$1" ] || return 0
    local tried proved
    tried=$(cut -f1 "$1" | sort -u | wc -l)
    proved=$(grep -c 'succeeds without' "$1" || true)
    say "test: $tried attacks refused; $proved of them shown to succeed when their one defence is off"
}

# test [REGEX]: everything with GCC, everything with Clang and the sanitizers for memory and undefined behaviour, and what
# has the label "threads" with ThreadSanitizer; REGEX picks tests by name.
verb_test() {
    local preset pick names found='' status=0
    cd "$top"
    for preset in release asan tsan; do
        pick=()
        [ $# -eq 0 ] || pick=(-R "$1")
        say "test: building $preset"
        if [ "$preset" = tsan ]; then
            pick+=(-L threads)
            build tsan build.ninja # only what is run is built, and CMake knows what that is
        else
            build "$preset"
        fi
        mapfile -t names < <(SB_PRESET=$preset enter ctest --test-dir "build/$preset" -N "${pick[@]}" | sed -n 's/^ *Test *#[0-9]*: //p')
        [ ${#names[@]} -gt 0 ] || continue
        found=1
        [ "$preset" != tsan ] || build tsan "${names[@]}"
        say "test: running with $preset"
        rm -f "build/$preset/tests/attacks.txt"
        (SB_PRESET=$preset enter ctest --test-dir "build/$preset" -j2 --output-on-failure --no-tests=error "${pick[@]}") || status=1
        [ "$preset" = tsan ] || tally "build/$preset/tests/attacks.txt"
    done
    [ -n "$found" ] || die "no test has a name like \"${1:-}\""
    [ $status = 0 ] || die "some tests failed; what they printed is above"
}

# fuzz [SECONDS [NAME]]: each fuzz target for so long (60), or the one of that name; fails on what breaks it.
verb_fuzz() {
    local seconds=${1:-60} pick=(-L fuzz)
    [[ $seconds =~ ^[1-9][0-9]*$ ]] || die "fuzz needs a number of seconds, not \"$seconds\""
    [ $# -lt 2 ] || pick=(-R "^fuzz_$2\$")
    cd "$top"
    build asan
    SB_PRESET=asan SB_FUZZ_SECONDS=$seconds enter ctest --test-dir build/asan -j2 --output-on-failure --no-tests=error "${pick[@]}"
}

# run [ARG …]: the window; where there is no display, the tour in the terminal.
verb_run() {
    build release
    if [ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ]; then
        enter signalbox "$@"
    else
        say "there is no display here, so this is the tour in the terminal; with one, the window opens"
        local home=()
        case ${1:-} in
            --home) home=(--home "${2:?--home needs a folder}") ;;
            --home=*) home=("$1") ;;
        esac
        enter signalbox-node "${home[@]}" tour
    fi
}

# shots DIR: the real window goes through the tour; a picture of the window and of every panel, light and dark.
verb_shots() {
    [ $# -eq 1 ] || die "shots needs the folder for the pictures"
    mkdir -p "$1"
    local folder
    folder=$(cd "$1" && pwd)
    build release
    local theme
    for theme in light dark; do
        say "shots: $theme"
        (enter env QT_QPA_PLATFORM=offscreen SIGNALBOX_TOUR_FAST=1 "$top/build/release/tests/window-shots" "$theme" "$folder") ||
            die "the window could not be driven through the tour"
    done
    say "shots: $(find "$folder" -name '*.png' | wc -l) pictures in $folder"
}

# bench [NAME …]: figures as JSON lines; without names all of them.
verb_bench() {
    build release
    SB_BUILD_DIR=$top/build/release enter "$top/packaging/bench/run" "$@"
}
