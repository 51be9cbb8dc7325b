#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Builds every configuration, runs every test in it, and closes with the line "N passed, N failed".

What counts as a test: a cmocka or unittest case, a fuzz target replayed over its corpus (and a short run
with libFuzzer), a check of tools/check_*.py.  A test that cannot run here is skipped by name; with CI=true
in the environment that is a failure.
"""
import argparse
import collections
import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

TOP = pathlib.Path(__file__).resolve().parent.parent
BUILD = TOP / "build"
PYTHON = "/usr/bin/python3"     # another python3 may be first on the path and lack Debian's modules
UNIT_CONFIGURATIONS = ("gcc-asan", "clang-asan", "release")
# An end-to-end flavour: the configuration it runs, and how high its walls are.  The leak checker cannot run
# behind walls, and a plain user cannot build all of them.
FLAVOURS = {
    "asan": ("gcc-asan", "off"),
    "release": ("release", "full" if os.geteuid() == 0 else "best"),
}
CI = os.environ.get("CI") == "true"

TAP = re.compile(r"^(?P<no>not )?ok\b(?: +(?P<number>\d+))?(?: *-)? *(?P<name>[^#]*?) *(?:# *SKIP\b *(?P<skip>.*)|#.*)?$")

# A program to run. tap: its output is TAP; else its exit status is the one result. alone: nothing beside it.
# waits: it needs time and little of the machine, so that one such runs beside the others.
Job = collections.namedtuple("Job", "name command env cwd limit tap alone waits")


class Score:
    """Results of all jobs, in the order in which they came."""

    def __init__(self):
        self.passed = 0
        self.failures = []      # (name, log)
        self.skips = []         # (name, why)

    def skip(self, name, why):
        if CI:
            self.failures.append((name, f"skipped ({why}), and CI=true makes a skip a failure\n"))
        else:
            self.skips.append((name, why))

    def take(self, job, status, output, seconds):
        before = (self.passed, len(self.failures), len(self.skips))
        bad = []
        for line in output.splitlines() if job.tap else ():
            hit = TAP.match(line)
            if hit and hit["no"]:
                bad.append(hit["name"] or hit["number"])
            elif hit and hit["skip"] is not None:
                self.skip(f"{job.name}: {hit['name']}", hit["skip"])
            elif hit:
                self.passed += 1
        counted = bad or (self.passed, len(self.failures), len(self.skips)) != before
        if not bad and (status != 0 or (job.tap and not counted)):
            bad.append(f"ended with status {status}" if status else "ran no case")
        elif not counted:
            self.passed += 1
        for name in bad[:-1]:
            self.failures.append((f"{job.name}: {name}", ""))
        for name in bad[-1:]:   # the log once, below the last of them
            self.failures.append((f"{job.name}: {name}", output))
        verdict = "FAIL" if len(self.failures) > before[1] else "ok"
        print(f"{verdict:4} {job.name} ({self.passed - before[0]}, {seconds:.1f} s)", flush=True)

    def close(self):
        for name, log in self.failures:
            print(f"\n==== FAILED {name}")
            lines = log.splitlines()
            if len(lines) > 150:
                lines = lines[:50] + [f"... {len(lines) - 150} lines ..."] + lines[-100:]
            print(*lines, sep="\n")
        for name, why in self.skips:
            print(f"skipped {name}: {why}")
        skipped = f", {len(self.skips)} skipped" if self.skips else ""
        print(f"{self.passed} passed, {len(self.failures)} failed{skipped}", flush=True)
        return 1 if self.failures or not self.passed else 0


def job(name, command, env=None, cwd=TOP, limit=120, tap=False, alone=False, waits=False):
    return Job(name, [str(word) for word in command], env or {}, cwd, limit, tap, alone, waits)


def execute(job, scratch):
    """Runs one job in a folder of its own; returns (status, output, seconds)."""
    begun = time.monotonic()
    folder = tempfile.mkdtemp(dir=scratch)
    os.chmod(folder, 0o711)     # the rooms' users pass through it
    env = {**os.environ, "TMPDIR": folder, "LC_ALL": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1", **job.env}
    command = [PYTHON, str(TOP / "tests/supervise.py"), str(job.limit), *job.command]
    done = subprocess.run(command, cwd=job.cwd, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace", check=False)
    shutil.rmtree(folder, ignore_errors=True)
    return done.returncode, done.stdout, time.monotonic() - begun


def run_all(jobs, score):
    scratch = tempfile.mkdtemp(prefix="ms-")
    os.chmod(scratch, 0o711)
    try:
        together = [j for j in jobs if not j.alone]
        with concurrent.futures.ThreadPoolExecutor((os.cpu_count() or 1) + 1) as pool, \
                concurrent.futures.ThreadPoolExecutor(1) as waiting:
            running = {(waiting if j.waits else pool).submit(execute, j, scratch): j for j in together}
            for done in concurrent.futures.as_completed(running):
                score.take(running[done], *done.result())
        for j in jobs:
            if j.alone:
                score.take(j, *execute(j, scratch))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def build(configuration, score):
    print(f"building {configuration}", flush=True)
    done = subprocess.run([TOP / "tools/build", configuration], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, errors="replace", check=False)
    if done.returncode != 0:
        score.failures.append((f"build {configuration}", done.stdout))
    return done.returncode == 0


def sanitizer_env(configuration):
    symbolizer = "/usr/bin/llvm-symbolizer-14"
    if not configuration.endswith("asan") and configuration != "fuzz":
        return {}
    env = {"ASAN_OPTIONS": "strict_string_checks=1:check_initialization_order=1:detect_stack_use_after_return=0",
           "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1"}
    if os.path.exists(symbolizer):
        env["ASAN_SYMBOLIZER_PATH"] = symbolizer
    return env


def unit_jobs(configuration, wrapper=()):
    listing = subprocess.run(["meson", "introspect", "--tests", BUILD / configuration], stdout=subprocess.PIPE, check=True)
    for test in json.loads(listing.stdout):
        tap = os.path.basename(test["cmd"][0]).startswith("test_")     # the others replay a corpus
        env = {**sanitizer_env(configuration), **test["env"], "CMOCKA_MESSAGE_OUTPUT": "TAP"}
        yield job(f"{configuration}/{test['name']}", [*wrapper, *test["cmd"]], env, test["workdir"] or BUILD / configuration,
                  max(test["timeout"] * 4, 120), tap, waits=any(suite.endswith("waits") for suite in test["suite"]))


def fuzz_jobs(seconds):
    for target in sorted(BUILD.glob("fuzz/src/**/fuzz_*")):
        if not target.is_file() or not os.access(target, os.X_OK):
            continue
        name = target.name.removeprefix("fuzz_")
        finds = BUILD / "fuzz" / "finds" / name
        finds.mkdir(parents=True, exist_ok=True)
        yield job(f"fuzz/{name}", [target, f"-max_total_time={seconds}", "-timeout=10", "-rss_limit_mb=2048", "-verbosity=1",
                                   f"-artifact_prefix={finds}/", finds, TOP / "tests/corpus" / name],
                  sanitizer_env("fuzz"), limit=seconds + 60)


def check_jobs():
    for check in sorted(TOP.glob("tools/check_*.py")):
        yield job(f"check/{check.stem.removeprefix('check_')}", [PYTHON, check], limit=900)
    for test in sorted(TOP.glob("tests/checks/test_*.py")):
        yield job(f"check/{test.stem}", [PYTHON, TOP / "tests/tap.py", test], limit=120, tap=True)


def end_to_end_jobs(flavours):
    """A file may set FLAVOURS (a tuple of names), TIMEOUT (seconds), ALONE and WAITS at the left margin."""
    for path in sorted(TOP.glob("tests/e2e/test_*.py")):
        text = path.read_text()
        only = re.search(r"^FLAVOURS = \((.*)\)", text, re.M)
        limit = re.search(r"^TIMEOUT = (\d+)", text, re.M)
        for flavour in flavours:
            if only and f'"{flavour}"' not in only[1]:
                continue
            configuration, confinement = FLAVOURS[flavour]
            env = {**sanitizer_env(configuration), "MAILSTEAD_BIN": str(BUILD / configuration / "src/mailstead"),
                   "MAILSTEAD_FLAVOUR": flavour, "MAILSTEAD_CONFINEMENT": confinement}
            yield job(f"e2e/{flavour}/{path.stem.removeprefix('test_')}", [PYTHON, TOP / "tests/tap.py", path], env,
                      limit=int(limit[1]) if limit else 120, tap=True,
                      alone=bool(re.search(r"^ALONE = True", text, re.M)), waits=bool(re.search(r"^WAITS = True", text, re.M)))


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--unit", action="store_true", help="the unit tests and corpora")
    parser.add_argument("--checks", action="store_true", help="the checks and their own tests")
    parser.add_argument("--e2e", action="store_true", help="the end-to-end tests")
    parser.add_argument("--fuzz", action="store_true", help="the fuzz targets")
    parser.add_argument("--valgrind", action="store_true", help="the unit tests under Valgrind, and nothing else")
    parser.add_argument("--flavour", choices=sorted(FLAVOURS), help="end-to-end tests of one flavour only")
    parser.add_argument("--fuzz-seconds", type=int, default=2, metavar="N", help="for each fuzz target (default 2)")
    parser.add_argument("--only", metavar="PATTERN", help="jobs whose name contains PATTERN")
    args = parser.parse_args()
    if args.flavour:
        args.e2e = True
    if not (args.unit or args.checks or args.e2e or args.fuzz or args.valgrind):
        args.unit = args.checks = args.e2e = args.fuzz = True
    return args


def collect(args, score):
    """Builds what the wished jobs need and returns them."""
    flavours = [args.flavour] if args.flavour else list(FLAVOURS)
    wanted = list(UNIT_CONFIGURATIONS) if args.unit else []
    if args.checks:
        wanted += ["release", "clang-asan"]     # whose objects and compile commands checks look at
    if args.e2e:
        wanted += [FLAVOURS[flavour][0] for flavour in flavours]
    if args.fuzz and list(TOP.glob("src/*/fuzz_*.c")):
        wanted.append("fuzz")
    if args.valgrind:
        wanted.append("debug")
    built = {name for name in dict.fromkeys(wanted) if build(name, score)}
    jobs = list(check_jobs()) if args.checks else []
    if args.unit:
        for name in UNIT_CONFIGURATIONS:
            jobs += unit_jobs(name) if name in built else []
    if args.e2e:
        jobs += end_to_end_jobs([f for f in flavours if FLAVOURS[f][0] in built])
    if "fuzz" in built:
        jobs += fuzz_jobs(args.fuzz_seconds)
    if "debug" in built:
        jobs += unit_jobs("debug", ("valgrind", "--quiet", "--error-exitcode=99", "--leak-check=full", "--"))
    return [j for j in jobs if not args.only or args.only in j.name]


def main():
    args, score = arguments(), Score()
    begun = time.monotonic()
    run_all(collect(args, score), score)
    print(f"{time.monotonic() - begun:.0f} s")
    return score.close()


if __name__ == "__main__":
    sys.exit(main())
