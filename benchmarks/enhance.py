"""What taking noise out of speech costs and how good it is: the default network beside Demucs.

    python benchmarks/enhance.py prepare SHARED_DATA [--work build/enhance]     corpora, and the list of test items
    python benchmarks/enhance.py train SHARED_DATA [--systems a,b] [--budget-s 600] [--seeds 0]
    python benchmarks/enhance.py judge SHARED_DATA [--runs RUN ...] [--bundles BUNDLE ...]
    python benchmarks/enhance.py table                                          what was judged, as markdown
    python benchmarks/enhance.py cost [--rounds 10]                             one thread, torch and onnxruntime
    python benchmarks/enhance.py gpu [--seconds 5]                              training in fp32, tf32 and bf16

`train` takes hours, and like `judge` goes on where it was stopped (see enhance_quality.py); `--budget-s 0` trains as
the network that ships was trained. Costs do not depend on what a network knows: they are of fresh weights (see
enhance_cost.py, enhance_gpu.py).
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import enhance_cost
import enhance_gpu
import enhance_quality
import torch
from enhance_lines import table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="what", required=True)
    for name in ("prepare", "train", "judge"):
        words = verbs.add_parser(name)
        words.add_argument("shared", type=Path, help="folder with manifest.csv and its recordings")
        words.add_argument("--work", type=Path, default=Path("build/enhance"), help="corpora, items, runs")
        words.add_argument("--items", type=int, default=400, help="test items")
        words.add_argument("--workers", type=int, default=1, help="processes that judge")
        words.add_argument("--lines", type=Path, default=enhance_quality.LINES, help="where the lines are")
        if name == "train":
            words.add_argument("--systems", default="dual_path,demucs", help=", ".join(enhance_quality.SYSTEMS))
            words.add_argument("--budget-s", type=float, default=600.0, help="CPU seconds of training; 0: no budget")
            words.add_argument("--seeds", default="0")
        if name == "judge":
            words.add_argument("--runs", nargs="*", default=[], help="folders, or name=folder")
            words.add_argument("--bundles", nargs="*", default=[], help="likewise")
    verbs.add_parser("table").add_argument("--lines", type=Path, default=enhance_quality.LINES)
    verbs.add_parser("cost").add_argument("--rounds", type=int, default=10)
    verbs.add_parser("gpu").add_argument("--seconds", type=float, default=5.0, help="of each measurement")
    args = parser.parse_args()
    torch.set_num_threads(1)
    match args.what:
        case "prepare":
            args.work.mkdir(parents=True, exist_ok=True)
            digest = enhance_quality.prepare_all(args.shared, args.work, args.items)
            same = "the committed list" if digest == enhance_quality.COMMITTED else "not the committed list"
            print(f"test items {digest} in {args.work}: {same}")
        case "train":
            args.work.mkdir(parents=True, exist_ok=True)
            enhance_quality.train(args)
        case "judge":
            args.work.mkdir(parents=True, exist_ok=True)
            print(enhance_quality.judge(args))
        case "table":
            print(table(args.lines))
        case "cost":
            print(enhance_cost.cost(args.rounds))
        case _:
            print(enhance_gpu.gpu(args.seconds))


if __name__ == "__main__":
    main()
