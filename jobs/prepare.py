"""`ray job submit ... -- python -m jobs.prepare ...`: what `sonant prepare` does, on a cluster."""

import sys

from sonant.cli import main

if __name__ == "__main__":
    raise SystemExit(main(["prepare", *sys.argv[1:]]))
