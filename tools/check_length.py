#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""No function above 100 lines, their median at most 15; no file above 800 lines.

tools/long-files.list names the files that are longer for a reason, a line "LINES FILE # why" each; the number is
the file's length, so it can only be lowered, and a file that has become short leaves the list.
"""
import statistics

import checklib

FUNCTION_LINES = 100
MEDIAN_LINES = 15
FILE_LINES = 800
EXCEPTIONS = "tools/long-files.list"


def exceptions(root):
    table = {}
    if (root / EXCEPTIONS).is_file():
        for line in checklib.read(root, EXCEPTIONS).splitlines():
            words = line.partition("#")[0].split()
            if words:
                table[words[1]] = int(words[0])
    return table


def long_files(root):
    allowed = exceptions(root)
    for name in checklib.tree(root):
        if not name.endswith((".c", ".h", ".py", ".sh")):
            continue
        length = checklib.read(root, name).count("\n")
        if name in allowed:
            listed = allowed.pop(name)
            if length <= FILE_LINES:
                yield f"{EXCEPTIONS}:1: {name} has {length} lines now: take it off the list"
            elif length < listed:
                yield f"{EXCEPTIONS}:1: {name} has {length} lines now: lower its number from {listed}"
            elif length > listed:
                yield f"{name}:{length}: {length} lines, the list allows {listed}"
        elif length > FILE_LINES:
            yield f"{name}:{length}: {length} lines, above {FILE_LINES}: more than one subject"
    for name in allowed:
        yield f"{EXCEPTIONS}:1: {name} does not exist"


def main():
    root = checklib.root_of_arguments()
    found = checklib.functions(root, checklib.c_files(root))
    lengths = [f.end - f.line + 1 for f in found if not checklib.is_test(f.path)]
    findings = [f"{f.path}:{f.line}: {f.name} has {f.end - f.line + 1} lines, above {FUNCTION_LINES}"
                for f in found if f.end - f.line + 1 > FUNCTION_LINES]
    findings += long_files(root)
    summary = ""
    if lengths:
        median = statistics.median(lengths)
        summary = f"{len(lengths)} functions, median {median:g} lines, longest {max(lengths)}"
        if median > MEDIAN_LINES:
            findings.append(f"src:1: the median function has {median:g} lines, above {MEDIAN_LINES}")
    checklib.verdict(findings, summary)


if __name__ == "__main__":
    main()
