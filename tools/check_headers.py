#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The first lines of every file, and the signatures of destructors.

Every source begins with its SPDX line; C files but tests and all Python files go on with a sentence of purpose.
thing_destroy takes the pointer's address alone and returns nothing; thing_free takes a pointer, not its address, or
nothing where the thing is the module's own state.
"""
import os
import re

import checklib

SPDX = "SPDX-License-Identifier: Apache-2.0"
SOURCES = (".c", ".h", ".py", ".sh", ".mjs", ".def", "meson.build", "Makefile")
C_PURPOSE = re.compile(r"\A/\*(?!/)[\s*]*([^*]|\*(?!/)){10,}\*/", re.S)
DESTRUCTOR = re.compile(r"^(?P<returns>\w[\w \t]*?[ \t*]+)(?P<name>\w+_(?P<verb>destroy|free))\((?P<arguments>[^)]*)\)", re.M)


def is_source(root, name):
    return name.endswith(SOURCES) or checklib.read(root, name).startswith("#!")


def first_lines(name, text):
    lines = text.split("\n")
    first = 1 if lines[0].startswith("#!") else 0
    is_c = name.endswith((".c", ".h")) or (name.endswith(".def") and lines[0].startswith("/*"))
    wanted = f"/* {SPDX} */" if is_c else f"// {SPDX}" if name.endswith(".mjs") else f"# {SPDX}"
    if first >= len(lines) or lines[first] != wanted:
        yield f"{name}:{first + 1}: must be the line {wanted}"
        return
    rest = "\n".join(lines[first + 1:])
    if is_c and not checklib.is_test(name) and not C_PURPOSE.match(rest):
        yield f"{name}:{first + 2}: a comment must say in a sentence what this file is for"
    if name.endswith(".py") and not rest.startswith('"""'):
        yield f"{name}:{first + 2}: a docstring must say in a sentence what this file is for"


def destructors(name, text):
    bare = checklib.bare_c(text)
    for hit in DESTRUCTOR.finditer(bare):
        where = f"{name}:{checklib.line_of(bare, hit.start('name'))}: {hit['name']}"
        stars = [argument.count("*") for argument in hit["arguments"].split(",")]
        if hit["returns"].split()[0] == "return":
            continue
        if hit["returns"].split()[-1] != "void":
            yield f"{where} must return nothing"
        if hit["verb"] == "destroy" and stars != [2]:
            yield f"{where} must take the address of the pointer, and that alone"
        if hit["verb"] == "free" and stars[0] != 1 and hit["arguments"] != "void":
            yield f"{where} must take a pointer to what is embedded elsewhere, or nothing (the module's own state)"


def main():
    root = checklib.root_of_arguments()
    findings = []
    for name in checklib.tree(root):
        if is_source(root, name):
            text = checklib.read(root, name)
            findings += first_lines(name, text)
            if os.path.splitext(name)[1] in (".c", ".h"):
                findings += destructors(name, text)
    checklib.verdict(findings)


if __name__ == "__main__":
    main()
