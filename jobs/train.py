"""`ray job submit ... -- python -m jobs.train ...`: what `sonant train` does, on a cluster."""

import sys

from sonant.cli import main

if __name__ == "__main__":
    raise SystemExit(main(["train", *sys.argv[1:]]))
