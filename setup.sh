# What ./demo and ./check share: a Python, the virtual environment, and Debian's packages. Sourced, not run.
# shellcheck shell=bash

root=$(cd -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")" && pwd)
venv=$root/.venv

fail() { # WHAT HINT
    printf 'error: %s\nhint: %s\n' "$1" "$2" >&2
    exit 2
}

note() {
    printf 'note: %s\n' "$1" >&2
}

# As root, whatever of these Debian packages is missing. None of their services is started or will be at boot:
# the tests run servers of their own, and a remote desktop is nothing to open by the way.
install_packages() { # PACKAGE...
    local policy=/usr/sbin/policy-rc.d status=0
    note "installing $*"
    if [[ ! -e $policy ]]; then
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod 755 "$policy"
        # shellcheck disable=SC2064  # the path is known now, and local
        trap "rm -f '$policy'" EXIT
    else
        policy=
    fi
    export DEBIAN_FRONTEND=noninteractive
    apt-get -qq update || true # another repository that fails is no reason to stop
    apt-get -qq install -y --no-install-recommends "$@" </dev/null >/dev/null || status=$?
    if [[ -n $policy ]]; then
        rm -f "$policy"
        trap - EXIT
    fi
    if [[ " $* " == *" xrdp "* ]] && command -v systemctl >/dev/null; then
        systemctl --quiet disable xrdp.service xrdp-sesman.service &>/dev/null || true
    fi
    return "$status"
}

can_install() {
    ((EUID == 0)) && command -v apt-get >/dev/null
}

# The first Python on PATH that is new enough. A shim that cannot run does not count.
find_python() {
    local name
    for name in python3 python3.14 python3.13 python3.12 python3.11; do
        if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$name"
            return
        fi
    done
    return 1
}

has_venv() { # PYTHON
    "$1" -c 'import ensurepip, venv' 2>/dev/null
}

make_venv() {
    local python
    if ! python=$(find_python); then
        can_install && install_packages python3 python3-venv || true
        python=$(find_python) || fail "no Python 3.11 or newer was found" "install python3 (Debian 12 and later have one)"
    fi
    if ! has_venv "$python"; then
        can_install && install_packages python3-venv || true
        has_venv "$python" || fail "$python cannot make virtual environments" "as root: apt-get install python3-venv"
    fi
    "$python" -m venv --clear "$venv"
}

# Whether there is an environment with a pip, made for this place: the scripts in it hold their path.
usable_venv() {
    [[ -f $venv/bin/pip && $(head -n 1 "$venv/bin/pip") == "#!$venv/bin/"* ]] &&
        "$venv/bin/python" -m pip --version &>/dev/null
}

# The environment with the package and, for `dev`, what checks it. A stamp in it says what it was made from.
set_up() { # [dev]
    local wanted lock stamp=$venv/.stamp
    wanted="$root $(sha256sum <"$root/pyproject.toml")"
    exec {lock}<"$root/pyproject.toml"
    flock "$lock" # two of these commands may have been started at once
    if ! grep -qxF -e "$wanted${1:+ $1}" -e "$wanted dev" "$stamp" 2>/dev/null; then
        usable_venv || make_venv
        note "installing rdp-probe${1:+ and what checks it} into $venv"
        rm -f "$stamp"
        "$venv/bin/python" -m pip install -qq --disable-pip-version-check --editable "$root${1:+[$1]}" ||
            fail "pip could not install rdp-probe" "its message is above; it needs to reach a package index"
        printf '%s\n' "$wanted${1:+ $1}" >"$stamp"
    fi
    exec {lock}<&-
}
