"""Other people's programs that show how training goes: TensorBoard, Weights & Biases, MLflow.

Each is imported when it is asked for, and each is a `Logger`.
"""

from __future__ import annotations
