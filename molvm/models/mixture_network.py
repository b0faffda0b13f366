"""The numbers of Gaussian mixtures as weights that can be trained, so that exact bases can be fine-tuned."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from molvm.models.mixture import GaussianMixture


class MixtureNetwork(nn.Module):
    """Weights, means and variances of mixtures as parameters; the axes of their components stay.

    A tilt by a linear reward, and by a quadratic one along the axes, is within its reach.

    Args:
        mixture: Where it starts.
    """

    axes: Tensor

    def __init__(self, mixture: GaussianMixture) -> None:
        super().__init__()
        variances, axes = mixture.principal_axes
        self.log_weights = nn.Parameter(mixture.log_weights.clone())
        self.means = nn.Parameter(mixture.means.clone())
        self.log_variances = nn.Parameter(variances.log())
        self.register_buffer("axes", axes)

    def mixture(self) -> GaussianMixture:
        """The mixtures as they are now, with a graph."""
        variances = self.log_variances.exp()
        covariances = (self.axes * variances[..., None, :]) @ self.axes.mT
        found = GaussianMixture(torch.log_softmax(self.log_weights, dim=-1), self.means, covariances)
        found.__dict__["principal_axes"] = (variances, self.axes)  # known: eigenvectors are not differentiated
        return found
