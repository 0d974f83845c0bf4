#!/usr/bin/env python3
"""Runs every section of the benchmark and writes what it found. scripts/bench.sh builds and calls this; see there.

What is measured and with what is in scripts/benchmark/: `servers` starts and stops them, `sections` measures, `bars`
holds the figures against what was promised, `document` writes them down. Nothing here is a test: a figure that misses
its bar is written down as one that does.
"""

import argparse
import json
import pathlib
import shutil
import signal
import sys
import tempfile
import time

from benchmark import bars, document, machine, sections
from benchmark.run import Run

ROOT = pathlib.Path(__file__).resolve().parent.parent


def arguments():
    parser = argparse.ArgumentParser(prog="bench", description=__doc__.splitlines()[0])
    parser.add_argument("--programs", type=pathlib.Path, required=True, help="the folder of the release build")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", action="append", choices=sections.NAMES, metavar="SECTION")
    parser.add_argument("--rounds", type=int, choices=range(1, 10), metavar="N")
    parser.add_argument("--scratch", type=pathlib.Path)
    parser.add_argument("--out", type=pathlib.Path)
    parser.add_argument("--keep", action="store_true")
    return parser.parse_args()


def interrupted(number, _frame):
    raise KeyboardInterrupt(f"signal {number}")


def main():
    options = arguments()
    signal.signal(signal.SIGTERM, interrupted)
    scratch = options.scratch or pathlib.Path(tempfile.mkdtemp(prefix="vestry-bench."))
    scratch.mkdir(parents=True, exist_ok=True)
    # PostgreSQL runs as a user of its own, which has to get in.
    scratch.chmod(0o711)
    run = Run(options.programs, scratch, options.quick, options.rounds or (2 if options.quick else 3))
    began = time.monotonic()
    ended = "whole"
    try:
        run.facts = machine.facts(run)
        for name in options.only or sections.NAMES:
            sections.measure(run, name)
    except KeyboardInterrupt:
        ended = "interrupted"
        print("bench: interrupted; what was measured so far is kept", file=sys.stderr)
    finally:
        run.stop_everything()
    run.facts.update(seconds=round(time.monotonic() - began), ended=ended)
    judged = bars.judge(run)
    finish(run, options, scratch, judged)
    return 1 if ended == "interrupted" else 0


def finish(run, options, scratch, judged):
    raw = scratch / "figures.json"
    raw.write_text(json.dumps({"facts": run.facts, "missing": run.missing, "samples": run.samples,
                               "bars": judged}, indent=1))
    print(document.bars_as_text(judged))
    whole = run.facts["ended"] == "whole"
    for_readers = whole and not options.quick and not options.only
    out = options.out or (ROOT / "docs" / "BENCHMARKS.md" if for_readers else None)
    if out and "cpu" in run.facts:
        out.write_text(document.write(run, judged))
        print(f"written: {out}", file=sys.stderr)
    print(f"raw figures: {raw}", file=sys.stderr)
    if not options.keep:
        for entry in scratch.iterdir():
            if entry != raw:
                shutil.rmtree(entry, ignore_errors=True) if entry.is_dir() else entry.unlink()


if __name__ == "__main__":
    sys.exit(main())
