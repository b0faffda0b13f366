"""A Dask cluster of Slurm jobs, for `--workers`. It runs until it is interrupted, and ends its jobs then.

    python examples/slurm_cluster.py --jobs 8 --cores 32 --memory 64GB --walltime 12:00:00 --queue cpu --interface ib0

It prints the address for `molvm train ... --workers dask://...`, given in another shell of the same network, for
instance on the login node. `--show` prints the job script that Slurm would get, and needs no Slurm.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence

from dask_jobqueue.slurm import SLURMCluster


def read_arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(description="A Dask cluster of Slurm jobs for molvm's --workers.")
    parser.add_argument("--jobs", type=int, default=4, help="Slurm jobs, one Dask worker each")
    parser.add_argument("--cores", type=int, default=16, help="of each job; as many molecules are scored at a time")
    parser.add_argument("--memory", default="32GB", help="of each job")
    parser.add_argument("--walltime", default="04:00:00", help="of each job")
    parser.add_argument("--queue", help="Slurm's partition")
    parser.add_argument("--account", help="Slurm's account")
    parser.add_argument("--interface", help="the network that the nodes share, ib0 for instance")
    parser.add_argument("--prologue", action="append", default=[], help="a line before the worker; may be repeated")
    parser.add_argument("--show", action="store_true", help="print the job script and leave")
    return parser.parse_args(given)


def slurm_cluster(asked: argparse.Namespace) -> SLURMCluster:
    """The cluster, still without jobs.

    One process a job with a thread for each core: each thread's pool isolates its molecules in a process of its own.
    """
    return SLURMCluster(
        cores=asked.cores,
        processes=1,
        memory=asked.memory,
        walltime=asked.walltime,
        queue=asked.queue,
        account=asked.account,
        interface=asked.interface,
        job_name="molvm-worker",
        job_script_prologue=["export OMP_NUM_THREADS=1", *asked.prologue],
        # The processes that compute are not in the count of Dask's own memory limit; Slurm has the limit of the job.
        worker_extra_args=["--memory-limit", "0", "--no-dashboard"],
        scheduler_options={"dashboard": False},
    )


def main() -> None:
    """Print the job script, or start the jobs and wait."""
    asked = read_arguments()
    with slurm_cluster(asked) as cluster:
        if asked.show:
            sys.stdout.write(cluster.job_script())
            return
        cluster.scale(jobs=asked.jobs)
        address = cluster.scheduler_address.replace("tcp://", "dask://")
        sys.stdout.write(f"molvm ... --workers '{address}?wait=3600'\n")
        sys.stdout.flush()
        signal.sigwait({signal.SIGINT, signal.SIGTERM})


if __name__ == "__main__":
    main()
