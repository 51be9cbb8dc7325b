#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What clang-tidy finds, by .clang-tidy, in the files of the clang build that are not tests.

A file that was found good is not looked at again (build/tidy) until it, a header, the rules or clang-tidy change.
"""
import concurrent.futures
import hashlib
import json
import os
import pathlib
import subprocess
import sys

import checklib

CACHE = "build/tidy"
HINTS = "tools/analyse.h"
HINTED = "src/base/err.c"       # defines what the hints are about


def look(root, build, path, mark):
    """The report of clang-tidy on one file, empty when it is good; mark is what remembers that."""
    hints = []
    if (root / HINTS).is_file() and path != root / HINTED:
        hints = ["--extra-arg=-include", f"--extra-arg={root / HINTS}"]
    done = subprocess.run(["clang-tidy", "--quiet", "-p", build, *hints, path], cwd=root, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode == 0:
        mark.touch()
        return ""
    return done.stdout or done.stderr


def common(root):
    """A hash over all that every file's result depends on."""
    version = subprocess.run(["clang-tidy", "--version"], stdout=subprocess.PIPE, check=True).stdout
    texts = [checklib.read(root, name) for name in checklib.tree(root) if name.endswith(".h")]
    rules = (root / ".clang-tidy").read_text()
    return hashlib.sha256("\0".join([version.decode(), rules, *texts]).encode())


def wanted(database):
    for path in sorted({os.path.normpath(os.path.join(entry["directory"], entry["file"])) for entry in database}):
        if not checklib.is_test(path) and not path.endswith("_model.c"):
            yield pathlib.Path(path)


def main():
    root = checklib.root_of_arguments()
    build = root / "build/clang-asan"
    if not (build / "compile_commands.json").is_file():
        sys.exit("check_tidy: no build/clang-asan/compile_commands.json: build it first")
    (root / CACHE).mkdir(exist_ok=True)
    paths, jobs, shared = list(wanted(json.loads((build / "compile_commands.json").read_text()))), [], common(root)
    for path in paths:
        state = shared.copy()
        state.update(b"\0" + str(path).encode() + b"\0" + path.read_bytes())
        mark = root / CACHE / state.hexdigest()
        if not mark.exists():
            jobs.append((path, mark))
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        reports = list(pool.map(lambda job: look(root, build, *job), jobs))
    checklib.verdict([report for report in reports if report], f"{len(paths)} files, {len(jobs)} looked at")


if __name__ == "__main__":
    main()
