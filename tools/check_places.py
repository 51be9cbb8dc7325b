#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""No file names the place where it was written: the folder above the checkout, a host of packages."""
import re

import checklib

HOST = re.compile(r"https?://(registry|deb|security)\.")
# Folders that mean the same on every machine, and so may be named.
COMMON = ("/", "/tmp", "/home", "/root", "/srv", "/opt", "/usr/src", "/var/tmp", "/mnt", "/src", "/build", "/work")


def main():
    root = checklib.root_of_arguments()
    above = str(root.parent)
    findings = []
    for name in checklib.tree(root):
        if name.endswith("package-lock.json"):
            continue
        for number, line in enumerate(checklib.read(root, name).split("\n"), 1):
            if above not in COMMON and f"{above}/" in line:
                findings.append(f"{name}:{number}: names this machine's folder {above}")
            if hit := HOST.search(line):
                findings.append(f"{name}:{number}: names a host of packages ({hit[1]}.)")
    checklib.verdict(findings)


if __name__ == "__main__":
    main()
