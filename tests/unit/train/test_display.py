"""What a person sees of a training."""

import io

from sonant.train.display import Display

START = {"kind": "start", "name": "kws", "id": "r1", "params": 64739, "device": "cpu", "world": 2,
         "steps_per_epoch": 10, "epochs": 2, "step": 0}  # fmt: skip
STEP = {"kind": "step", "epoch": 1, "step": 5, "loss": 0.5, "lr": 1e-3, "grad_norm": 1.0, "data_share": 0.04,
        "steps_per_s": 55.51}  # fmt: skip
EPOCH = {"kind": "epoch", "epoch": 1, "step": 10, "train_loss": 0.41, "metrics": {"accuracy": 0.912}, "best": True,
         "seconds": 3.2}  # fmt: skip
END = {"kind": "end", "status": "stopped_early", "step": 20, "best": {"accuracy": 0.93}, "test": {}, "seconds": 9.87}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_log_gets_plain_lines() -> None:
    stream = io.StringIO()
    show = Display(stream, "accuracy")
    for event in (START, STEP, EPOCH, {"kind": "checkpoint", "which": "last", "step": 10}, END):
        show(event)
    assert stream.getvalue().splitlines() == [
        "kws r1: 64,739 parameters on 2 x cpu",
        "epoch 1/2 * 3.2 s  loss 0.4100  accuracy 0.9120",
        "stopped early after 20 steps, 9.9 s  validation accuracy 0.9300",
    ]


def test_a_terminal_gets_one_line_that_rewrites_itself() -> None:
    stream = Terminal()
    show = Display(stream, "accuracy")
    for event in (START, STEP, EPOCH, {**STEP, "epoch": 2, "step": 15, "loss": None}, END):
        show(event)
    start, live, end = stream.getvalue().split("\n")[0], stream.getvalue().split("\n")[1].split("\r"), "\n"
    assert start == "\rkws r1: 64,739 parameters on 2 x cpu"
    assert live[1].startswith("epoch 1/2 [######------------------] 5/20  loss 0.5000  55.5 steps/s  data 4 %  0:0")
    assert live[2].startswith(
        "epoch 2/2 [##################------] 15/20  loss nan  55.5 steps/s  data 4 %  accuracy 0.91"
    )
    assert live[3].startswith("stopped early after 20 steps")
    assert len(live[3]) >= len(live[2].rstrip())  # nothing of the longer line is left
    assert stream.getvalue().endswith(end)


def test_a_failure_says_why() -> None:
    stream = io.StringIO()
    Display(stream, "accuracy")({"kind": "end", "status": "failed", "message": "the loss is nan at step 7"})
    assert stream.getvalue() == "failed: the loss is nan at step 7\n"


def test_a_continued_run_says_so() -> None:
    stream = io.StringIO()
    Display(stream, "accuracy")({**START, "world": 1, "step": 7})
    assert stream.getvalue() == "kws r1: 64,739 parameters on cpu, continued from step 7\n"
