#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Constructs that the house does not use, and unfinished work.

No notes of work to be done, no struct typedefs, goto only forward and to one label of its function.  (Banned
functions do not compile: src/base/banned.h, whose own test is in tests/checks.)
"""
import re

import checklib

UNFINISHED = re.compile(r"\b(" + "|".join(("TO" "DO", "FIX" "ME", "XX" "X")) + r")\b")
TYPEDEF = re.compile(r"\btypedef\s+(struct|union|enum)\b[^;(]*[;{]")      # a type of functions that return one is fine
GOTO = re.compile(r"\bgoto\s+(\w+)\s*;")
NOT_TEXT = (".eml", ".bin", ".png", ".zst", ".gz")
NOT_OURS = ("LICENSE", "tests/corpus/", "package-lock.json")


def unfinished(name, text):
    for hit in UNFINISHED.finditer(text):
        yield f"{name}:{checklib.line_of(text, hit.start())}: {hit[1]}: do it, or file it"


def jumps(bare, function):
    body = bare.split("\n")[function.line - 1:function.end]
    text = "\n".join(body)
    where = f"{function.path}:{function.line}: {function.name}"
    targets = {hit[1] for hit in GOTO.finditer(text)}
    if len(targets) > 1:
        yield f"{where} has goto to {len(targets)} labels ({', '.join(sorted(targets))}): one is for clean-up"
    for hit in GOTO.finditer(text):
        label = re.search(rf"^\s*{hit[1]}\s*:", text, re.M)
        if label and label.start() < hit.start():
            yield f"{where} jumps back to {hit[1]}: write a loop"


def main():
    root = checklib.root_of_arguments()
    findings = []
    bare = {}
    for name in checklib.tree(root):
        if name.endswith(NOT_TEXT) or any(part in name for part in NOT_OURS):
            continue
        text = checklib.read(root, name)
        findings += unfinished(name, text)
        if name.endswith((".c", ".h")):
            bare[name] = checklib.bare_c(text)
            for hit in TYPEDEF.finditer(bare[name]):
                findings.append(f"{name}:{checklib.line_of(text, hit.start())}: write {hit[1]} NAME, without typedef")
    for function in checklib.functions(root, sorted(bare)):
        findings += jumps(bare[function.path], function)
    checklib.verdict(findings)


if __name__ == "__main__":
    main()
