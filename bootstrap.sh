#!/bin/sh
# Makes .venv: uv, the pinned requirements and cumulo itself, editable. `make` runs it when it must.
# Needs Python 3.11 or newer and a package index; without pip and venv, root on Debian as well.
set -eu
cd "$(dirname "$0")"

fail() {
    echo "bootstrap: $1" >&2
    exit 1
}

# Debian splits venv's pip out of Python; pip alone does as well.
install_uv() {
    "$python" -m pip install --quiet --disable-pip-version-check --root-user-action=ignore \
        --target "$cache" "uv==$uv_version" ||
        { "$python" -m venv "$cache" && "$cache/bin/pip" install --quiet "uv==$uv_version"; }
}

# A bare Debian's Python has neither.
install_pip() {
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 1
    echo "bootstrap: installing python3-venv on this machine"
    export DEBIAN_FRONTEND=noninteractive
    apt-get install --yes -qq --no-install-recommends python3-venv >>"$cache.log" 2>&1 ||
        { apt-get update -qq && apt-get install --yes -qq --no-install-recommends python3-venv; } >>"$cache.log" 2>&1
}

python=
for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11}; do
    command -v "$candidate" >/dev/null 2>&1 || continue
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        python=$candidate
        break
    fi
done
[ -n "$python" ] || fail "${PYTHON:-python3} is no Python 3.11 or newer; install one, or name it: make PYTHON=/path/to/python3 up"

uv_version=0.13.9
cache=${XDG_CACHE_HOME:-$HOME/.cache}/cumulo/uv-$uv_version
uv=$(command -v uv || true)
if [ -z "$uv" ]; then
    uv=$cache/bin/uv
    if ! "$uv" --version >/dev/null 2>&1; then
        echo "bootstrap: installing uv $uv_version into $cache"
        rm -rf "$cache" && mkdir -p "$cache"
        install_uv >"$cache.log" 2>&1 ||
            { install_pip && install_uv >>"$cache.log" 2>&1; } ||
            { cat "$cache.log" >&2
              fail "uv could not be installed; check that pip reaches a package index, or install uv yourself"; }
    fi
fi

echo "bootstrap: making .venv from requirements.txt"
"$uv" venv --quiet --allow-existing --python "$python" .venv
"$uv" pip sync --quiet --python .venv/bin/python --require-hashes requirements.txt ||
    fail "the pinned requirements could not be installed; see the message above"
"$uv" pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation --editable . ||
    fail "cumulo itself could not be installed into .venv; see the message above"
touch .venv/.complete
