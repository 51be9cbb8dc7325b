#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What cppcheck finds in the files of the release build, less tools/cppcheck.list (every line of it explained)."""
import os
import subprocess
import sys
import tempfile

import checklib

LIST = "tools/cppcheck.list"


def suppressions(root):
    """The lines of the list; one without a comment above it is a finding."""
    lines, unexplained, explained = [], [], False
    for number, line in enumerate(checklib.read(root, LIST).splitlines(), 1):
        if line.startswith("#"):
            explained = number > 1      # the first says what the file is
        elif line.strip():
            lines.append(line.strip())
            if not explained:
                unexplained.append(f"{LIST}:{number}: say in a comment above why {line.strip()} may not be reported")
            explained = False
    return lines, unexplained


def main():
    root = checklib.root_of_arguments()
    database = root / "build/release/compile_commands.json"
    if not database.is_file():
        sys.exit("check_cppcheck: no build/release/compile_commands.json: build it first")
    lines, findings = suppressions(root)
    cache = root / "build/cppcheck"
    cache.mkdir(exist_ok=True)
    with tempfile.NamedTemporaryFile("w", suffix=".list") as chosen:
        chosen.write("\n".join(lines) + "\n")
        chosen.flush()
        done = subprocess.run(["cppcheck", "--quiet", f"--project={database}", f"--cppcheck-build-dir={cache}",
                               "--enable=warning,portability,performance", f"--suppressions-list={chosen.name}",
                               "--inline-suppr", "--error-exitcode=1", f"-j{os.cpu_count() or 1}"],
                              cwd=root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        findings.append(done.stdout)
    checklib.verdict(findings)


if __name__ == "__main__":
    main()
