#!/usr/bin/env bash
# Make the environment: `bootstrap.sh run` what Maskline needs, `bootstrap.sh test` what its tests need too.
# Does nothing when the lock file has not changed since the last time.
set -euo pipefail
cd "$(dirname "$0")/.."
kind=${1:-run}
zh() { [ "${MASKLINE_LANGUAGE:-zh}" = zh ]; }
say() { if zh; then printf '%s\n' "$1"; else printf '%s\n' "$2"; fi; }
fail() { say "错误：$1" "Error: $2" >&2; exit 1; }

find_python() {
    for candidate in "${PYTHON:-}" python3 python3.13 python3.12 python3.11; do
        [ -n "$candidate" ] && command -v "$candidate" >/dev/null || continue
        "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo "$candidate"; return; }
    done
    return 1
}

apt_packages() { # install those of "$@" that are missing, where apt may be used
    command -v dpkg-query >/dev/null || return 1
    local missing=()
    for package in "$@"; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
    done
    [ ${#missing[@]} -eq 0 ] && return 0
    if [ "$(id -u)" != 0 ]; then
        say "缺少系统软件包：${missing[*]}（安装：sudo apt-get install ${missing[*]}），相关测试将跳过。" \
            "Missing Debian packages: ${missing[*]} (sudo apt-get install ${missing[*]}); their tests will be skipped."
        return 1
    fi
    say "安装系统软件包：${missing[*]}" "Installing Debian packages: ${missing[*]}"
    local log; log=$(mktemp)
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"; } \
        >"$log" 2>&1 || { tail -5 "$log" >&2; return 1; }
    rm -f "$log"
}

python=$(find_python) || {
    [ "$(id -u)" = 0 ] && apt_packages python3 python3-venv && python=$(find_python)
} || fail "需要 Python 3.11 或更新版本（apt-get install python3 python3-venv）。" \
          "Python 3.11 or newer is needed (apt-get install python3 python3-venv)."
"$python" -c 'import ensurepip, venv' 2>/dev/null || apt_packages python3-venv \
    || fail "缺少 venv 模块（apt-get install python3-venv）。" "The venv module is missing (apt-get install python3-venv)."

lock=requirements/run.lock
[ "$kind" = test ] && lock=requirements/dev.lock
stamp=.venv/.installed-$kind
want=$(sha256sum "$lock" pyproject.toml | sha256sum | cut -d' ' -f1)
if [ ! -x .venv/bin/python ] || [ "$(cat "$stamp" 2>/dev/null)" != "$want" ]; then
    say "准备 Python 环境（首次约需 1～3 分钟）……" "Preparing the Python environment (1 to 3 minutes the first time) ..."
    [ -x .venv/bin/python ] || "$python" -m venv .venv || fail "无法创建 .venv。" "Cannot create .venv."
    quiet=-q
    [ -t 1 ] && quiet=
    .venv/bin/python -m pip install $quiet --disable-pip-version-check --require-hashes -r "$lock" \
        || fail "安装依赖失败，请检查网络和软件源后重试；已下载的内容不会丢失。" \
                "Installing the dependencies failed; check the network and the package index and try again."
    .venv/bin/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e . \
        || fail "安装 maskline 失败。" "Installing maskline failed."
    echo "$want" >"$stamp"
fi

if [ "$kind" = test ]; then
    # SIPp and baresip are the phones of the telephony tests, Chromium reads the pages, espeak-ng speaks Korean to
    # vosk, the scaled set-up is tried on RabbitMQ and Redis, and phones are woken over Mosquitto.
    apt_packages sip-tester baresip-core chromium fonts-noto-cjk ffmpeg espeak-ng rabbitmq-server redis-server mosquitto openssl || true
fi
