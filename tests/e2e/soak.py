#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Mixed load for MAILSTEAD_MINUTES (10), without any blow, while the memory of each role is watched; "make soak".

After each part all is read, compared and expunged, so that nothing has a reason to grow.
"""
import os
import time
import unittest

import house
import mixed

MINUTES = float(os.environ.get("MAILSTEAD_MINUTES", "10"))
PART = 30               # seconds of load
BEGINNING = 0.3         # of the parts: caches fill
# Then a role's peak may rise by so many KiB in the rest of the time; spool has letters in memory that have changed
# since the last checkpoint.
GROWTH, GROWTH_OF = 4 << 10, {"spool/0": 16 << 10}


class Soak(unittest.TestCase):
    def test_memory_stands_still(self):
        parts = max(4, round(MINUTES * 60 / PART))
        peaks = []
        with mixed.next_hop() as sink, mixed.houseful(sink) as home:
            load = mixed.Load(home, sink, 1)
            for number in range(parts):
                load.start()
                peaks.append({role: 0 for role in home.roles()})
                end = time.monotonic() + PART
                while time.monotonic() < end:
                    time.sleep(0.5)
                    for role in peaks[-1]:
                        peaks[-1][role] = max(peaks[-1][role], mixed.memory(home, role))
                load.stop()
                self.assertEqual(load.check(), 0, "doubled at the next hop")
                load.clear()
                rows = ", ".join(f"{role} {kib}" for role, kib in sorted(peaks[-1].items()))
                print(f"# part {number + 1} of {parts}: {load.summary()}; KiB at most: {rows}", flush=True)
        first = max(1, round(parts * BEGINNING))
        for role in peaks[0]:
            early, late = (max(peak[role] for peak in some) for some in (peaks[:first], peaks[first:]))
            self.assertLess(late - early, GROWTH_OF.get(role, GROWTH), role)
        self.assertEqual(house.FLAVOUR, "release", "a sanitizer's memory says nothing")


if __name__ == "__main__":
    unittest.main()
