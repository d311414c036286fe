# What bin/run and bin/test share: find Python, make the venv, install the checkout into it.
# shellcheck shell=sh
# Expects $top, the checkout. PYTHON names another Python, VENV another place for the venv.

VENV=${VENV:-$top/.venv}

say() { printf '%s\n' "$*"; }
stop() {
    printf '%s\n' "$*" >&2
    exit 1
}

misuse() {
    printf '%s\n' "$1" "See: $0 --help" >&2
    exit 2
}

# answer ARGUMENTS: what --help and --version ask, without installing or starting anything. Where the script runs
# $module, and that is installed, its options follow.
answer() {
    case ${1:-} in
    -h | --help)
        sed -n -e 1d -e '/^#/!q' -e 's/^# \{0,1\}//p' "$0"
        [ -z "${module:-}" ] || [ ! -x "$VENV/bin/python" ] || (cd "$top" && say && "$VENV/bin/python" -m "$module" "$1")
        ;;
    --version) say "longwave $(sed -n 's/^__version__ = "\(.*\)"/\1/p' "$top/chat/__init__.py")" ;;
    *) return 0 ;;
    esac
    exit
}

# The command that installs system packages here.
package_command() {
    sudo=sudo
    [ "$(id -u)" != 0 ] || sudo=
    for manager in 'apt-get:apt install' 'dnf:dnf install' 'zypper:zypper install' 'pacman:pacman -S' \
        'apk:apk add'; do
        if command -v "${manager%%:*}" >/dev/null; then
            say "${sudo:+$sudo }${manager#*:} $*"
            return
        fi
    done
    say "brew install $*"
}

# Set $python to a Python that is new enough, and $python_is to its version and home. The one that the venv was made
# with comes first; it must be called by its own name, because the venv may have to be made anew.
find_python() {
    found=''
    set -- "$(readlink -f "$VENV/bin/python" 2>/dev/null || :)" \
        python3 python3.14 python3.13 python3.12 python3.11 python3.10 python
    [ -z "${PYTHON:-}" ] || set -- "$PYTHON"
    for python; do
        command -v "$python" >/dev/null || continue
        if python_is=$("$python" -c '
import sys
print("%d.%d.%d " % sys.version_info[:3] + getattr(sys, "base_prefix", sys.prefix))
sys.exit(sys.version_info < (3, 10))' 2>/dev/null); then
            return
        fi
        [ -n "$found" ] || [ -z "$python_is" ] || found="$python is ${python_is%% *}"
    done
    [ -z "$found" ] || stop "Longwave needs Python 3.10 or newer, but $found:" \
        "install a newer one as well, then type: PYTHON=python3.12 $0"
    [ -z "${PYTHON:-}" ] || stop "There is no $PYTHON; type: PYTHON=python3 $0"
    stop "Longwave needs Python 3.10 or newer; type: $(package_command python3)"
}

# install EXTRAS [FEWER]: the checkout with its extras into $VENV; where EXTRAS cannot be had, with FEWER.
# Calls no pip when nothing has changed since. The stamp is written last: an interrupted install starts anew.
install() {
    stamp="$python_is $top $(cat "$top/setup.cfg" "$top/pyproject.toml" | cksum)"
    stamped='' extras=''
    if [ -x "$VENV/bin/python" ] && [ -f "$VENV/longwave.stamp" ]; then
        { read -r stamped && read -r extras; } <"$VENV/longwave.stamp" || stamped=
    fi
    if [ "$stamped" = "$stamp" ]; then
        case ",$extras," in *",$1,"*) return ;; esac
        rm -f "$VENV/longwave.stamp"
    else
        make_venv
    fi
    say "Installing into $VENV (only this time; takes a minute or so)"
    pip_install "$1" || install_fewer "$@"
    printf '%s\n' "$stamp" "$1" >"$VENV/longwave.stamp" || stop_full
}

make_venv() {
    if output=$("$python" -m venv --clear "$VENV" 2>&1); then return; fi
    "$python" -c 'import ensurepip, venv' 2>/dev/null || stop "$python has no venv module;" \
        "type: $(package_command "python$(say "$python_is" | cut -d. -f1,2)-venv")"
    ! is_full || stop_full
    stop "The venv can't be created ($(reason)); type: VENV=\$HOME/longwave-venv $0"
}

pip_install() {
    output=$(cd "$top" && PIP_USER=0 "$VENV/bin/python" -m pip install --quiet --editable ".${1:+[$1]}" 2>&1)
}

install_fewer() {
    ! is_full || stop_full
    why=$(reason)
    if [ $# -eq 2 ] && pip_install "$2"; then
        say "Without $1, which can't be installed here ($why)."
        return
    fi
    ! is_full || stop_full
    case $output in
    *'from versions: none'* | *'connection broken'* | *ConnectionError* | *'timed out'*)
        stop "pip can't download its packages; when the network is back, type: $0" ;;
    esac
    stop "pip failed ($(reason)); to see its whole output, type: $VENV/bin/python -m pip install -e '${top}[$1]'"
}

# Whether the last command failed for want of space: venv does not say, pip does.
is_full() {
    case $output in *'Errno 28'* | *'Errno 122'* | *'No space left'* | *'quota exceeded'*) return ;; esac
    free_kib=$(df -Pk "$(nearest "$VENV")" | awk 'END { print $4 }')
    [ "$free_kib" -lt 1024 ]
}

# The folder itself, or the nearest above it that exists.
nearest() {
    place=$1
    until [ -d "$place" ]; do place=$(dirname -- "$place"); done
    say "$place"
}

stop_full() {
    stop "The disk is full at $VENV; free up space (150 MB, or 500 MB for the tests), then type: $0"
}

# The last error line of $output, without addresses.
reason() {
    say "$output" | grep -i error | tail -n 1 | sed 's#[a-z]*://[^ ]*##g'
}
