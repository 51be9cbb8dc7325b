#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What clang-tidy finds, by .clang-tidy, in the files of the clang build."""
import concurrent.futures
import json
import os
import subprocess
import sys

import checklib


def look(root, build, path):
    done = subprocess.run(["clang-tidy", "--quiet", "-p", build, path], cwd=root, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, check=False)
    return (done.stdout or done.stderr) if done.returncode else ""


def main():
    root = checklib.root_of_arguments()
    build = root / "build/clang-asan"
    if not (build / "compile_commands.json").is_file():
        sys.exit("check_tidy: no build/clang-asan/compile_commands.json: build it first")
    commands = json.loads((build / "compile_commands.json").read_text())
    paths = sorted({os.path.normpath(os.path.join(entry["directory"], entry["file"])) for entry in commands})
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        reports = pool.map(lambda path: look(root, build, path), paths)
    checklib.verdict([report for report in reports if report], f"{len(paths)} files")


if __name__ == "__main__":
    main()
