"""`ray job submit ... -- python -m jobs.tune ...`: what `sonant tune` does, on a cluster."""

import sys

from sonant.cli import main

if __name__ == "__main__":
    raise SystemExit(main(["tune", *sys.argv[1:]]))
