#!/usr/bin/env bash
# Run by Gradescope when it builds the image, as root and with a network: installs Rust, and compiles all that no submission changes.
set -euo pipefail

AUTOGRADER="${AUTOGRADER:-/autograder}"

if ! command -v cargo > /dev/null; then
    apt-get update
    apt-get install -y --no-install-recommends build-essential ca-certificates curl
    export RUSTUP_HOME="$AUTOGRADER/rustup" CARGO_HOME="$AUTOGRADER/cargo"
    curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y --profile minimal --no-modify-path
    export PATH="$CARGO_HOME/bin:$PATH"
fi

cd "$AUTOGRADER/source/course"
cargo fetch --locked
# Compiles the grader and the dependencies, and shows in the log of the image that all of it works.
cargo x grade mini-lsm --day 1
