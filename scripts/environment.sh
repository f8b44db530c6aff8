# Read by scripts/demo and scripts/test: makes the virtual environment .venv of this checkout, or brings it up to date.
# Works with the bash of macOS (3.2) too.

# Prints the name of a Python of version 3.11 or later.
find_python() {
    local name
    for name in python3.13 python3.12 python3.11 python3 python; do
        if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$name"
            return
        fi
    done
    echo "ceos needs Python 3.11 or later, and none is on the PATH; install one and run this again." >&2
    return 1
}

# make_environment: leaves a .venv with pip; one that was made for something else keeps what is in it.
make_environment() {
    local python output clear=""
    if .venv/bin/python -c 'import pip' 2>/dev/null; then return; fi
    # A .venv whose Python is gone, or that came from another machine, is of no use to anybody.
    .venv/bin/python -c '' 2>/dev/null || clear=--clear
    python=$(find_python)
    if ! output=$("$python" -m venv $clear .venv 2>&1); then
        echo "$output" >&2
        echo "$python cannot make virtual environments; on Debian and Ubuntu, install the package python3-venv." >&2
        return 1
    fi
}

# prepare [EXTRA]: installs this checkout, editable, with an optional extra. Does nothing when that was done before and
# neither the requirements nor the place of the checkout have changed.
prepare() {
    local extra=${1:-} size=150 stamp wanted started=$SECONDS quiet=-qq
    if [ "$extra" = dev ]; then size=600; fi
    stamp=.venv/ceos-installed${extra:+-$extra}
    wanted=$(pwd && cat pyproject.toml setup.cfg)
    if .venv/bin/python -c '' 2>/dev/null && [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then return; fi
    make_environment
    echo "Installing ceos${extra:+ with what its tests need} into .venv, about $size MB; the first time takes a minute or more." >&2
    rm -f .venv/ceos-installed*
    # On a terminal pip shows what it downloads and how far it has come.
    if [ -t 2 ]; then quiet=; fi
    .venv/bin/python -m pip install $quiet --disable-pip-version-check --no-compile --editable ".${extra:+[$extra]}" >&2
    # With the extra goes everything that is needed without it.
    echo "$wanted" | tee .venv/ceos-installed >"$stamp"
    echo "Installed in $((SECONDS - started)) s." >&2
}
