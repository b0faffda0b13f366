"""The controlled SDE: time grids, transitions, simulation and trajectories.

In continuous time dx = [κx + (σ²/2 + η)s + σu] dt + σ dB, with σ² = 2η (memoryless) and u = −σ∇V; every modality has
its own κ, η and σ. At any other σ the same V asks for the extra drift −(σ²/2 + η)∇V, which at σ = 0, the ODE, is −η∇V.
"""

from molvm.sde.analytic import analytic_variance
from molvm.sde.control import Control, Steering
from molvm.sde.ddim import ddim
from molvm.sde.feynman_kac import FeynmanKacOptions, feynman_kac_particles, log_potential
from molvm.sde.grid import start_time, time_grid, trained_grid, uniform_grid
from molvm.sde.guidance import Guided
from molvm.sde.options import SamplingOptions
from molvm.sde.particles import Particles, effective_particles, twisted_particles
from molvm.sde.simulate import simulate
from molvm.sde.soft_value import SoftValue, learned_value, posterior_mean_value
from molvm.sde.svdd import SvddOptions, soft_value_decoding
from molvm.sde.trajectory import Trajectory
from molvm.sde.transition import Stepper, Transition, euler_maruyama

__all__ = [
    "Control",
    "FeynmanKacOptions",
    "Guided",
    "Particles",
    "SamplingOptions",
    "SoftValue",
    "Steering",
    "Stepper",
    "SvddOptions",
    "Trajectory",
    "Transition",
    "analytic_variance",
    "ddim",
    "effective_particles",
    "euler_maruyama",
    "feynman_kac_particles",
    "learned_value",
    "log_potential",
    "posterior_mean_value",
    "simulate",
    "soft_value_decoding",
    "start_time",
    "time_grid",
    "trained_grid",
    "twisted_particles",
    "uniform_grid",
]
