"""A run of inspect_ai on a mock model, as a program: FOLDER for its log, and after how many answers one is wrong."""

from __future__ import annotations

import sys

from inspect_ai import Task
from inspect_ai import eval as run
from inspect_ai.dataset import Sample
from inspect_ai.model import ModelOutput, ModelUsage, get_model
from inspect_ai.scorer import match
from inspect_ai.solver import generate

ITEMS = 20
NAME = "capitals"


def main(folder: str, period: int) -> None:
    """Run the task and write its log."""
    samples = [Sample(id=number, input=f"question {number}", target=f"answer{number}") for number in range(ITEMS)]
    answers = [
        ModelOutput.from_content("mockllm/model", "no idea" if number % period == 0 else str(sample.target))
        for number, sample in enumerate(samples)
    ]
    for answer in answers:
        # Left out, the tokens are counted with a vocabulary that is downloaded.
        answer.usage = ModelUsage(input_tokens=2, output_tokens=1, total_tokens=3)
    (log,) = run(
        Task(dataset=samples, solver=generate(), scorer=match(location="any"), name=NAME, version=2),
        model=get_model("mockllm/model", custom_outputs=answers),
        log_dir=folder,
        display="none",
        max_samples=1,
        max_connections=1,
    )
    if log.status != "success":
        sys.exit(str(log.error))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
