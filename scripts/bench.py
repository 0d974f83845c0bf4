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
from benchmark.run import FORMS, Run

ROOT = pathlib.Path(__file__).resolve().parent.parent


def arguments():
    parser = argparse.ArgumentParser(prog="bench", description=__doc__.splitlines()[0])
    parser.add_argument("--programs", type=pathlib.Path, required=True, help="the folder of the release build")
    parser.add_argument("--quick", dest="form", action="store_const", const="quick", default="whole")
    parser.add_argument("--smoke", dest="form", action="store_const", const="smoke")
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
    form = FORMS[options.form]
    run = Run(options.programs, scratch, form, options.rounds or form.rounds)
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
    # A measurement names what it could not take; a smoke run leaves out the peers, and nothing else.
    useless = smoke_problems(run) if options.form == "smoke" else []
    for problem in useless:
        print(f"bench: {problem}", file=sys.stderr)
    return 1 if ended == "interrupted" or useless else 0


def smoke_problems(run):
    """What went wrong in a run whose figures nobody reads."""
    problems = [f"{what}: {why}" for what, why in run.missing.items()]
    for sample in run.samples:
        what = f"{sample['section']}, {sample['subject']}"
        if sample.get("broken"):
            problems.append(f"{what}: {sample['broken']} operations broke")
        if sample.get("per_second") == 0:
            problems.append(f"{what}: nothing was done")
    for section in run.sections:
        if not any(sample["section"] == section for sample in run.samples):
            problems.append(f"{section}: no figure was taken")
    return problems


def finish(run, options, scratch, judged):
    raw = scratch / "figures.json"
    raw.write_text(json.dumps({"facts": run.facts, "missing": run.missing, "samples": run.samples,
                               "bars": judged}, indent=1))
    if options.form != "smoke":
        print(document.bars_as_text(judged))
    whole = run.facts["ended"] == "whole"
    for_readers = whole and options.form == "whole" and not options.only
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
