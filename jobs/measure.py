"""`ray job submit ... -- python -m jobs.measure ...`: what `sonant measure` does, on a cluster."""

import sys

from sonant.cli import main

if __name__ == "__main__":
    raise SystemExit(main(["measure", *sys.argv[1:]]))
