#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What rude clients cost honest ones: the median of a reply to a hundred sessions, without the rude and beside them.

    rude.py [--rounds N]

The rude take time of the machine as well, since they run on it.  So there is a third kind of round, in which the
same rude clients trouble another server beside it: what is left between "elsewhere" and "here" is the server's.
Rounds take turns.  Clients and sessions are those of tests/e2e/test_rude.py.
"""
import argparse
import os
import pathlib
import statistics
import sys

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(TOP / "tests" / "e2e"), str(TOP / "tests")]
os.environ.setdefault("MAILSTEAD_BIN", str(TOP / "build" / "release" / "src" / "mailstead"))
import house        # noqa: E402
import post         # noqa: E402
import test_rude    # noqa: E402


class Honest(test_rude.Rude):
    def runTest(self):
        """Not a test: its sessions are what we want."""


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    options.add_argument("--rounds", type=int, default=20)
    rounds = options.parse_args().rounds
    load, case = os.getloadavg()[0], Honest()
    case.setUp()
    other = house.House(start=False, connections_per_address=test_rude.LIMIT)
    try:
        other.write("postfix-accounts.cf", post.ACCOUNTS)
        other.start()
        times = {"without": [], "elsewhere": [], "here": []}
        for _ in range(rounds):
            times["without"].append(statistics.median(case.honest()))
            for where, port in (("elsewhere", other.ports()["smtp"]), ("here", case.port)):
                with test_rude.beside(test_rude.ALL, port):
                    times[where].append(statistics.median(case.honest()))
        case.check()
        other.stop()
    finally:
        other.discard()
        case.doCleanups()
    print(f"{test_rude.SESSIONS} honest sessions, {len(test_rude.ALL)} kinds of rude clients; load of the machine before: {load:.1f}")
    print(f"median of a reply, ms: median (lowest to highest of {rounds} rounds)")
    for where, medians in times.items():
        print(f"{where}: {statistics.median(medians) * 1000:.2f} ({min(medians) * 1000:.2f} to {max(medians) * 1000:.2f})")


if __name__ == "__main__":
    main()
