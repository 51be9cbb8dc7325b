#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""No variable that lives as long as the process, outside src/run, the logger and the fiber scheduler.

Looks at the symbols of the release build's objects, so that it sees what the compiler saw: static locals and
tables that somebody forgot to make const included.
"""
import re
import subprocess
import sys

import checklib

ALLOWED = ("run/", "net/log", "net/fiber", "net/loop", "net/timer")     # the last three are the scheduler
# Tables of addresses are relocated at start and then read-only; these are the sections that stay writable.
WRITABLE = re.compile(r"^(\.data(?!\.rel\.ro)|\.bss|\.tdata|\.tbss|\*COM\*)")


def source_of(path, top):
    """The source of an object below top: net/libnet.a.p/rooms.c.o -> net/rooms.c."""
    return str(path.relative_to(top).parent.parent / path.name.removesuffix(".o"))


def variables(path):
    done = subprocess.run(["nm", "-f", "sysv", "--defined-only", path], stdout=subprocess.PIPE, text=True, check=True)
    for line in done.stdout.splitlines():
        fields = [field.strip() for field in line.split("|")]
        if len(fields) == 7 and WRITABLE.match(fields[6]) and fields[3] != "SECTION":
            yield fields[0], fields[6]


def main():
    root = checklib.root_of_arguments()
    top = root / "build/release/src"
    objects = sorted(top.rglob("*.o"))
    if not objects:
        sys.exit("check_state: no objects in build/release/src: build it first")
    findings = []
    for path in objects:
        source = source_of(path, top)
        if checklib.is_test(source) or source.startswith(ALLOWED):
            continue
        findings += [f"src/{source}:1: {name} is a variable of the whole process ({section})"
                     for name, section in variables(path)]
    checklib.verdict(findings, f"{len(objects)} objects")


if __name__ == "__main__":
    main()
