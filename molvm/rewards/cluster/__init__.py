"""Rewards on many machines, by Dask: a task is a chunk of molecules, scored by a local pool where it lands."""
