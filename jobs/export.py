"""`ray job submit ... -- python -m jobs.export ...`: what `sonant export` does, on a cluster."""

import sys

from sonant.cli import main

if __name__ == "__main__":
    raise SystemExit(main(["export", *sys.argv[1:]]))
