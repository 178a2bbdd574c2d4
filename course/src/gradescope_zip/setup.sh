#!/usr/bin/env bash
# Gradescope runs this once, as root and with the network, when it builds the image that submissions are graded in.
# Everything that they share is downloaded and built here; see run_autograder.
set -euo pipefail
root="${AUTOGRADER_ROOT:-/autograder}"
target="${AUTOGRADER_TARGET:-$root/target}"

if ! command -v cc >/dev/null || ! command -v curl >/dev/null || ! command -v git >/dev/null; then
    apt-get update
    apt-get install --yes --no-install-recommends ca-certificates curl gcc git libc6-dev
fi
if ! command -v cargo >/dev/null; then
    export CARGO_HOME="$root/cargo" RUSTUP_HOME="$root/rustup"
    curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs |
        sh -s -- -y --no-modify-path --profile minimal --default-toolchain none
    export PATH="$CARGO_HOME/bin:$PATH"
fi
# Somebody else's client of mini-kafka, where that is graded. Of the system's Python: another one may be where the user that tests run
# as may not look.
if [ -d "$root/source/workspace/mini-kafka" ]; then
    export MINI_KAFKA_CLIENTS="$root/clients"
    /usr/bin/python3 -m venv "$MINI_KAFKA_CLIENTS" ||
        { apt-get update && apt-get install --yes python3-venv && /usr/bin/python3 -m venv "$MINI_KAFKA_CLIENTS"; }
    "$MINI_KAFKA_CLIENTS/bin/pip" install --quiet kafka-python==3.0.12 lz4 python-snappy zstandard
fi
# What run_autograder has to find again.
for variable in PATH CARGO_HOME RUSTUP_HOME RUSTUP_TOOLCHAIN MINI_KAFKA_CLIENTS; do
    if [ -n "${!variable:-}" ]; then
        printf 'export %s=%q\n' "$variable" "${!variable}"
    fi
done >"$root/source/environment.sh"

cd "$root/source/workspace"
# What belongs to a workspace is what git knows.
git init --quiet
git add --all
export CARGO_TARGET_DIR="$target"
cargo build --quiet --package course
cp "$target/debug/course" "$root/source/course"
# The reference as a submission: it builds all that there is to build, and has to get all points.
"$root/source/course" grade --expect-full @OPTIONS@ .

# The tests of a submission run as another user, who has no business in here.
chmod -R go-rwx "$root/source"
