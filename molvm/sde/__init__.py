"""The controlled SDE: time grids, transitions, simulation and trajectories.

In continuous time dx = [κx + (σ²/2 + η)s + σu] dt + σ dB, with σ² = 2η (memoryless) and u = −σ∇V; every modality has
its own κ, η and σ. At any other σ the same V asks for the extra drift −(σ²/2 + η)∇V, which at σ = 0, the ODE, is −η∇V.
"""

from molvm.sde.analytic import analytic_variance
from molvm.sde.grid import start_time, time_grid, uniform_grid
from molvm.sde.guidance import Guided
from molvm.sde.options import SamplingOptions
from molvm.sde.particles import Particles, effective_particles, twisted_particles
from molvm.sde.simulate import Control, simulate
from molvm.sde.trajectory import Trajectory
from molvm.sde.transition import Stepper, Transition, euler_maruyama

__all__ = [
    "Control",
    "Guided",
    "Particles",
    "SamplingOptions",
    "Stepper",
    "Trajectory",
    "Transition",
    "analytic_variance",
    "effective_particles",
    "euler_maruyama",
    "simulate",
    "start_time",
    "time_grid",
    "twisted_particles",
    "uniform_grid",
]
