#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Every C file is as clang-format would write it; clang-format -i FILE mends it."""
import subprocess
import sys

import checklib


def main():
    root = checklib.root_of_arguments()
    names = checklib.c_files(root)
    if names:
        sys.exit(subprocess.run(["clang-format", "--dry-run", "-Werror", *names], cwd=root, check=False).returncode)


if __name__ == "__main__":
    main()
