"""What the trainings of the stand-ins share: a plain loop, and how a checkpoint is saved."""

import shutil
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

import torch
from torch import Tensor, nn
from tqdm import tqdm
from transformers import PreTrainedModel, PreTrainedTokenizerBase, ProcessorMixin

STAND_IN = (
    "This is a small stand-in made by the course kit for use offline, not the real checkpoint of"
    " this name."
)


def sinusoids(count: int, width: int, longest: int = 1000) -> Tensor:
    """Return [count, width]: each position as sines and cosines (Vaswani et al., 2017).

    Where position embeddings start from these, "two on" is the same turn everywhere. The longest
    wave is about `longest` times 2 pi positions.
    """
    angle = torch.arange(count)[:, None] / longest ** (torch.arange(0, width, 2) / width)
    return torch.stack([angle.sin(), angle.cos()], dim=-1).flatten(1)


@torch.no_grad()
def share_meaning(embeddings: Tensor, groups: Iterable[Iterable[int]]) -> None:
    """Let the embeddings of each group start alike, as long training would make them.

    Half of what a word is made of it shares with the others of its group, the first it is in.
    """
    done: set[int] = set()
    for group in groups:
        shared = embeddings.std() * torch.randn(embeddings.shape[1])
        for row in set(group) - done:
            embeddings[row] = (embeddings[row] + shared) * 0.5**0.5
            done.add(row)


def train(
    model: nn.Module,
    loss_of_step: Callable[[int], Tensor],
    steps: int,
    learning_rate: float,
    large: Collection[nn.Parameter] = (),
) -> None:
    """Take `steps` steps of AdamW on the losses that `loss_of_step` returns.

    The learning rate rises over the first twentieth of the steps and falls to nothing by the last.
    It is five times as high for the parameters in `large`, whose values are that much larger.
    """
    ids = {id(parameter) for parameter in large}
    others = [parameter for parameter in model.parameters() if id(parameter) not in ids]
    groups = [{"params": others}, {"params": list(large)}][: 2 if large else 1]
    rates = [learning_rate, 5 * learning_rate][: len(groups)]
    optimizer = torch.optim.AdamW(groups, lr=learning_rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, rates, total_steps=max(steps, 1), pct_start=0.05
    )
    model.train()
    progress = tqdm(range(steps), mininterval=10)
    for step in progress:
        loss = loss_of_step(step)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if step % 50 == 0:
            progress.set_postfix(loss=f"{loss.item():.3f}")
    model.eval()


def save(
    model: PreTrainedModel, processor: PreTrainedTokenizerBase | ProcessorMixin, folder: Path
) -> None:
    """Write model and processor into `folder`, in place of what is there."""
    shutil.rmtree(folder, ignore_errors=True)
    model.config.stand_in = STAND_IN
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    size = sum(path.stat().st_size for path in folder.iterdir()) / 1e6
    print(f"Written: {folder} ({size:.1f} MB).")
