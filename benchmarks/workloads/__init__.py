"""The workloads, by name, in the order of the table."""

from __future__ import annotations

from ..workload import Workload
from . import chain, cholesky, convnet, deep, embedding, fourier, logistic, mlp, recurrent, states, transformer

WORKLOADS: dict[str, Workload] = {
    workload.name: workload
    for workload in (
        *chain.WORKLOADS,
        mlp.REGRESSION,
        mlp.CLASSIFICATION,
        logistic.WORKLOAD,
        transformer.WORKLOAD,
        deep.WORKLOAD,
        embedding.WORKLOAD,
        mlp.HESSIAN_VECTOR,
        convnet.WORKLOAD,
        cholesky.WORKLOAD,
        cholesky.BY_OPERATIONS,
        fourier.WORKLOAD,
        recurrent.WORKLOAD,
        states.WORKLOAD,
    )
}
