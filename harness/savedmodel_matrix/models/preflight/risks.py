"""Ops that reach outside the model: a SavedModel is a program.

``saved_model_cli scan`` (tensorflow/python/tools/saved_model_cli.py) lists ReadFile, WriteFile and PrintV2;
the others do what their documentation says. SaveV2, RestoreV2 and MergeV2Checkpoints are in every model
with variables, so they say nothing about one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from savedmodel_matrix.models.savedmodel.facts import ModelFacts

RISKY: Mapping[str, str] = {
    "ReadFile": "reads any file",
    "WriteFile": "writes any file",
    "PrintV2": "prints, possibly into a file",
    "Print": "prints to standard error",
    "MatchingFiles": "lists files",
    "PyFunc": "calls Python code of the process that created it, and fails in any other process",
    "PyFuncStateless": "calls Python code of the process that created it, and fails in any other process",
    "EagerPyFunc": "calls Python code of the process that created it, and fails in any other process",
    "Save": "writes files",
    "SaveSlices": "writes files",
    "WholeFileReader": "reads files",
    "WholeFileReaderV2": "reads files",
    "TextLineDataset": "reads files",
    "TFRecordDataset": "reads files",
    "FixedLengthRecordDataset": "reads files",
    "FixedLengthRecordDatasetV2": "reads files",
    "LoadDataset": "reads files",
    "SaveDataset": "writes files",
    "SaveDatasetV2": "writes files",
    "SnapshotDataset": "writes and reads files",
    "SnapshotDatasetV2": "writes and reads files",
    "CacheDataset": "may write files",
    "CacheDatasetV2": "may write files",
    "WriteAudioSummary": "writes files",
    "WriteGraphSummary": "writes files",
    "WriteHistogramSummary": "writes files",
    "WriteImageSummary": "writes files",
    "WriteRawProtoSummary": "writes files",
    "WriteScalarSummary": "writes files",
    "WriteSummary": "writes files",
    "DebugIdentity": "sends tensors to a file or a server",
    "DebugIdentityV2": "sends tensors to a file or a server",
    "Rpc": "calls a server",
    "TryRpc": "calls a server",
    "RpcCall": "calls a server",
    "RpcServer": "opens a server",
    "DataServiceDataset": "reads from a server",
    "DataServiceDatasetV2": "reads from a server",
    "DataServiceDatasetV3": "reads from a server",
    "DataServiceDatasetV4": "reads from a server",
    "RemoteCall": "runs on another device",
}


def risky_ops(model: ModelFacts) -> dict[str, str]:
    """Return the ops of the model that reach outside it, with what they do."""
    return {name: RISKY[name] for graph in model.meta_graphs for name in graph.graph.ops if name in RISKY}
