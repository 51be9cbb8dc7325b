#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Only functions called co_... call functions called co_...: the name says that a fiber may be suspended.

A fiber's first function is free: it is passed to fiber_start, is called ..._fiber, or has the comment
"/* fiber */" on the line above it.  A macro that calls one is called co_ or CO_.
"""
import re

import checklib

CALL = re.compile(r"\b(co_\w+)\s*\(")
STARTED = re.compile(r"\bfiber_start\s*\(([^;]*)\)")
MACRO = re.compile(r"^[ \t]*#[ \t]*define[ \t]+(\w+)((?:[^\n\\]|\\\n|\\.)*)", re.M)
MARK = "/* fiber */"


def may_suspend(function, lines, started):
    above = lines[function.line - 2].strip() if function.line >= 2 else ""
    return (function.name.startswith("co_") or function.name.endswith("_fiber")
            or function.name in started or above == MARK)


def look_at_functions(name, text, functions):
    bare = checklib.bare_c(text)
    lines, bare_lines = text.split("\n"), bare.split("\n")
    started = {word for call in STARTED.finditer(bare) for word in re.findall(r"\w+", call[1])}
    for function in functions:
        if may_suspend(function, lines, started):
            continue
        for number in range(function.line, function.end + 1):
            for call in CALL.finditer(bare_lines[number - 1]):
                yield f"{name}:{number}: {function.name} calls {call[1]} and so may suspend: call it co_{function.name}"


def look_at_macros(name, text):
    bare = checklib.bare_c(text)
    for macro in MACRO.finditer(bare):
        call = CALL.search(macro[2])
        if call and not macro[1].lower().startswith("co_"):
            yield f"{name}:{checklib.line_of(bare, macro.start())}: macro {macro[1]} calls {call[1]}: call it CO_..."


def main():
    root = checklib.root_of_arguments()
    names = checklib.c_files(root)
    by_file = {name: [] for name in names}
    for function in checklib.functions(root, names):
        by_file[function.path].append(function)
    findings = []
    for name in names:
        text = checklib.read(root, name)
        findings += look_at_functions(name, text, by_file[name])
        findings += look_at_macros(name, text)
    checklib.verdict(findings)


if __name__ == "__main__":
    main()
