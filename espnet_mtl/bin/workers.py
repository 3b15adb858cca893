"""Where work over many utterances is done."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Literal

from pydantic import Field

from espnet_mtl.config.fields import Options, build, whole
from espnet_mtl.config.load import read_yaml
from espnet_mtl.system.parallel.mapping import working_on

MOST_JOBS = 10_000


class ClusterOptions(Options):
    """A cluster that is started for a command, and ends with it.

    Attributes:
        cluster: What jobs are submitted to; `local`: processes of this machine.
        jobs: How many.
        options: Arguments of the class of dask-jobqueue, or of `distributed.LocalCluster`.
    """

    cluster: Literal["local", "slurm", "pbs", "sge", "lsf"]
    jobs: Annotated[int, whole(1, MOST_JOBS)]
    options: dict[str, Any] = Field(default_factory=dict, description="'name: value' lines")


@contextmanager
def workers(args: argparse.Namespace) -> Iterator[None]:
    """Connects to the cluster that `--scheduler` names, or starts it; without one, nothing happens.

    Raises:
        UserError: It does not answer, or the YAML has a mistake.
    """
    if not args.scheduler:
        yield
        return
    from espnet_mtl.system.parallel.cluster import cluster_of, scheduler_at

    if "://" in args.scheduler:
        cluster = scheduler_at(args.scheduler)
    else:
        conf = build(ClusterOptions, read_yaml(args.scheduler), args.scheduler)
        cluster = cluster_of(conf.cluster, conf.jobs, conf.options, args.scheduler)
    with cluster as backend, working_on(backend):
        yield
