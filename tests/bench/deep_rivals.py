"""Two deep detectors that learn from a few labels, after their papers; PyTorch is needed.

PyOD has no DeepSAD, and its DevNet (3.6) hands its loss the predictions as labels, so it does not
learn. Networks and steps are those of the papers' tabular experiments, the same for every table.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

FloatArray = NDArray[np.float64]

_BATCH = 128
_DRAWS = 5000  # of the normal prior that DevNet's scores are held against
_MARGIN = 5.0  # standard deviations that a labelled row is pushed away
_STEPS = 1000


def dev_net(X: FloatArray, labels: NDArray[Any], new: FloatArray, seed: int) -> FloatArray:
    """Deviation network: Pang, Shen, van den Hengel (KDD 2019). Higher is odder."""
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(X.shape[1], 20), nn.ReLU(), nn.Linear(20, 1))
    optimizer = torch.optim.RMSprop(model.parameters(), lr=1e-3, weight_decay=1e-2)
    rows = torch.tensor(X, dtype=torch.float32)
    odd, rest = np.flatnonzero(labels == 1), np.flatnonzero(labels == 0)
    random = np.random.default_rng(seed)
    is_odd = torch.arange(_BATCH) < _BATCH // 2
    for _ in range(_STEPS):
        # Half of each batch is labelled, as in the paper: there are few.
        drawn = np.concatenate(
            [random.choice(odd, _BATCH // 2), random.choice(rest, _BATCH - _BATCH // 2)]
        )
        prior = torch.randn(_DRAWS)
        deviation = (model(rows[drawn]).flatten() - prior.mean()) / prior.std()
        loss = torch.where(is_odd, (_MARGIN - deviation).clamp(min=0), deviation.abs()).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return _answer(model, new)


def deep_sad(X: FloatArray, labels: NDArray[Any], new: FloatArray, seed: int) -> FloatArray:
    """Deep semi-supervised anomaly detection: Ruff et al. (ICLR 2020). Higher is odder."""
    torch.manual_seed(seed)
    rows = torch.tensor(X, dtype=torch.float32)
    is_odd = torch.tensor(labels == 1)
    width = X.shape[1]
    # Without biases: a network with them could map every row to the centre.
    encoder = nn.Sequential(
        nn.Linear(width, 128, bias=False),
        nn.LeakyReLU(),
        nn.Linear(128, 64, bias=False),
        nn.LeakyReLU(),
        nn.Linear(64, 32, bias=False),
    )
    decoder = nn.Sequential(
        nn.Linear(32, 64, bias=False),
        nn.LeakyReLU(),
        nn.Linear(64, 128, bias=False),
        nn.LeakyReLU(),
        nn.Linear(128, width, bias=False),
    )
    random = np.random.default_rng(seed)
    both = [*encoder.parameters(), *decoder.parameters()]
    optimizer = torch.optim.Adam(both, lr=1e-3, weight_decay=1e-6)
    for _ in range(_STEPS):
        batch = rows[random.integers(0, len(rows), _BATCH)]
        loss = ((decoder(encoder(batch)) - batch) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        centre = encoder(rows).mean(dim=0)
        centre = torch.where(centre.abs() < 0.1, torch.where(centre < 0, -0.1, 0.1), centre)
    optimizer = torch.optim.Adam(encoder.parameters(), lr=1e-3, weight_decay=1e-6)
    for _ in range(_STEPS):
        drawn = random.integers(0, len(rows), _BATCH)
        away = ((encoder(rows[drawn]) - centre) ** 2).sum(dim=1)
        loss = torch.where(is_odd[drawn], 1.0 / (away + 1e-6), away).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        shown = encoder(torch.tensor(new, dtype=torch.float32))
        away2: FloatArray = ((shown - centre) ** 2).sum(dim=1).numpy().astype(float)
        return away2


def _answer(model: nn.Module, new: FloatArray) -> FloatArray:
    with torch.no_grad():
        answer: FloatArray = model(torch.tensor(new, dtype=torch.float32)).flatten().numpy()
        return answer.astype(float)
