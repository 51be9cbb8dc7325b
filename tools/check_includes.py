#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Includes point downwards only: main.c, rooms and commands, run, store, net, format, base; never room to room."""
import pathlib
import re

import checklib

ROOMS = ("master", "gate", "keeper", "scan", "resolver", "spool", "mailbox", "relay", "web", "agent", "runner")
# Folder of src/ and its height; a file may include what lies in its own folder or lower.
HEIGHT = {"base": 0, "format": 1, "net": 2, "store": 3, "run": 4, "cli": 5, **dict.fromkeys(ROOMS, 5)}
MAIN = "src/main.c"
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*"([^"]*)"', re.M)


def generated(target, root):
    """Whether the build makes this header: its folder's meson.build names it."""
    folder, _, name = target.partition("/")
    build = root / "src" / folder / "meson.build"
    return build.is_file() and f"'{name}'" in build.read_text()


def judge(name, target, root):
    """What is wrong with name including target, or None."""
    folder, wanted = pathlib.PurePath(name).parts[1], target.split("/")[0]
    if "/" not in target or wanted not in HEIGHT:
        return f'"{target}" is not written as "folder/name.h" of a folder of src/'
    if not (root / "src" / target).is_file() and not generated(target, root):
        return f'"{target}" does not exist'
    if name == MAIN or folder == wanted:
        return None
    if HEIGHT[folder] <= HEIGHT[wanted]:
        return f"src/{folder} may not include src/{wanted}, which does not lie below it"
    return None


def main():
    root = checklib.root_of_arguments()
    findings = []
    for name in checklib.c_files(root):
        parts = pathlib.PurePath(name).parts
        if parts[0] != "src":
            continue
        if name != MAIN and (len(parts) < 3 or parts[1] not in HEIGHT):
            findings.append(f"{name}:1: not in a folder that this check knows the height of")
            continue
        text = checklib.read(root, name)
        for hit in INCLUDE.finditer(text):
            if wrong := judge(name, hit[1], root):
                findings.append(f"{name}:{checklib.line_of(text, hit.start())}: {wrong}")
    checklib.verdict(findings)


if __name__ == "__main__":
    main()
