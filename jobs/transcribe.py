"""`ray job submit ... -- python -m jobs.transcribe ...`: what `sonant transcribe` does, on a cluster."""

import sys

from sonant.cli import main

if __name__ == "__main__":
    raise SystemExit(main(["transcribe", *sys.argv[1:]]))
