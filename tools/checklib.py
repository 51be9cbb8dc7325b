# SPDX-License-Identifier: Apache-2.0
"""What the checks of tools/check_*.py share: the files of the tree, C without comments, functions, the verdict.

A check is a program that prints "file:line: what is wrong and what to do" for each finding and ends with 1
when there was one.  --root DIR looks at another tree (its own test does that).
"""
import argparse
import collections
import json
import os
import pathlib
import re
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parent.parent

Function = collections.namedtuple("Function", "path name line end")


def root_of_arguments():
    parser = argparse.ArgumentParser(description=sys.modules["__main__"].__doc__)
    parser.add_argument("--root", type=pathlib.Path, default=TOP, metavar="DIR", help="the tree to look at")
    return parser.parse_args().root.resolve()


def tree(root):
    """The files of the tree that git knows or would add (without git: all), relative to root."""
    listing = subprocess.run(["git", "-C", root, "ls-files", "-co", "--exclude-standard"], stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL, text=True, check=False)
    if listing.returncode == 0 and (root / ".git").exists():
        names = listing.stdout.splitlines()
    else:
        names = [str(p.relative_to(root)) for p in root.rglob("*")
                 if p.relative_to(root).parts[0] not in (".git", "build")]
    return sorted(name for name in names if (root / name).is_file())


def c_files(root):
    return [name for name in tree(root) if name.endswith((".c", ".h"))]


def read(root, name):
    return (root / name).read_text(encoding="utf-8", errors="replace")


C_TOKEN = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def blank(match):
    """As many lines and columns, nothing in them; a literal keeps its quotes."""
    text = match[0]
    inner = re.sub(r"[^\n]", " ", text)
    return inner if text[0] == "/" else text[0] + inner[1:-1] + text[0]


def bare_c(text):
    """C text with comments and the insides of literals blanked; positions stay."""
    return C_TOKEN.sub(blank, text)


def functions(root, names):
    """Every function definition of the named C files, by universal-ctags."""
    if not names:
        return []
    done = subprocess.run(["ctags", "--quiet", "--options=NONE", "--output-format=json", "--languages=C", "--langmap=C:.c.h",
                           "--kinds-C=f", "--fields=+ne", "-L", "-", "-f", "-"], cwd=root, input="\n".join(names),
                          stdout=subprocess.PIPE, text=True, check=True)
    found = []
    for line in done.stdout.splitlines():
        tag = json.loads(line)
        found.append(Function(tag["path"], tag["name"], tag["line"], tag.get("end", tag["line"])))
    return found


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def is_test(name):
    return os.path.basename(name).startswith(("test_", "fuzz_"))


def verdict(findings, summary=""):
    for finding in findings:
        print(finding)
    if summary:
        print(summary)
    sys.exit(1 if findings else 0)
