"""`ray job submit ... -- python -m jobs.infer ...`: what `sonant infer` does, on a cluster."""

import sys

from sonant.cli import main

if __name__ == "__main__":
    raise SystemExit(main(["infer", *sys.argv[1:]]))
