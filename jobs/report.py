"""`ray job submit ... -- python -m jobs.report ...`: what `sonant report` does, on a cluster."""

import sys

from sonant.cli import main

if __name__ == "__main__":
    raise SystemExit(main(["report", *sys.argv[1:]]))
