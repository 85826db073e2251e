"""`ray job submit ... -- python -m jobs.evaluate ...`: what `sonant evaluate` does, on a cluster."""

import sys

from sonant.cli import main

if __name__ == "__main__":
    raise SystemExit(main(["evaluate", *sys.argv[1:]]))
