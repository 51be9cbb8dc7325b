#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Turns published test vectors (tests/vectors) into C tables for the unit tests.

usage: vectors.py addr-spec OUT.h TESTS.xml...
       vectors.py date OUT.h DATE.json
"""
import json
import sys
import xml.etree.ElementTree as ElementTree


def literal(data: bytes) -> str:
    """A C string of the bytes, every one that is not plain as three octal digits."""
    plain = set(range(0x20, 0x7F)) - set(b'"\\?')
    return '"' + "".join(chr(b) if b in plain else "\\%03o" % b for b in data) + '"'


def controls(text: str) -> bytes:
    """The vectors write control characters as their Unicode pictures, U+2400 and on."""
    return "".join(chr(ord(c) - 0x2400) if 0x2400 <= ord(c) < 0x2420 else c for c in text).encode()


def addr_spec(paths: list[str]) -> list[str]:
    rows = []
    for path in paths:
        for test in ElementTree.parse(path).getroot().iter("test"):
            address = controls(test.findtext("address") or "")
            category = test.findtext("category").removeprefix("ISEMAIL_")
            diagnosis = test.findtext("diagnosis").removeprefix("ISEMAIL_")
            rows.append(f'{{STR_INIT({literal(address)}), "{category}", "{diagnosis}"}},')
    return rows


def date(paths: list[str]) -> list[str]:
    rows = []
    for path in paths:
        with open(path, encoding="utf-8") as f:
            tests = json.load(f)
        for test in tests:
            header = literal(test["header"].encode())
            e = test["expected"]
            if e is None:
                rows.append(f"{{STR_INIT({header}), false, 0, 0, 0, 0, 0, 0, 0}},")
                continue
            zone = (e["tz_hour"] * 60 + e["tz_minute"]) * (-1 if e["tz_before_gmt"] else 1)
            parts = [e[k] for k in ("year", "month", "day", "hour", "minute", "second")]
            rows.append(f"{{STR_INIT({header}), true, {', '.join(map(str, parts))}, {zone}}},")
    return rows


def main() -> int:
    kinds = {"addr-spec": addr_spec, "date": date}
    if len(sys.argv) < 4 or sys.argv[1] not in kinds:
        sys.stderr.write(__doc__)
        return 2
    with open(sys.argv[2], "w", encoding="ascii") as out:
        out.write("\n".join(kinds[sys.argv[1]](sys.argv[3:])) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
