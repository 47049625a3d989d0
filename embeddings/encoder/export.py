"""From a trained torch network to an ONNX file that needs no torch."""

from __future__ import annotations

import warnings
from pathlib import Path

import torch
from torch import nn

from embeddings.audio.configuration import EncoderConfig
from embeddings.audio.runtime import INPUT_NAME, OUTPUT_NAME
from embeddings.audio.spectrogram import N_MELS

OPSET = 17  # the last that torch's tracing exporter knows whole


def export_onnx(network: nn.Module, config: EncoderConfig, path: Path) -> None:
    """Write a network as one ONNX file, weights inside, for batches of any size.

    torch's tracing exporter is used: it takes 0.2 s and is silent, where the `torch.export` one
    takes 14 s and logs to stderr; a network without branches loses nothing by being traced.

    Args:
        network: From (b, config.crop_frames, N_MELS) float32 to (b, config.dim); it is left as it
            was, on its device and in its mode.
        config: What says the shapes.
        path: The file to write; it appears under its name only when it is whole.
    """
    device = next(iter(network.state_dict().values())).device
    mels = torch.zeros(2, config.crop_frames, N_MELS, device=device)
    partial = path.with_name(f".{path.name}.partial")
    was_training = network.training
    network.eval()
    try:
        with warnings.catch_warnings(), torch.no_grad():
            # The tracing exporter announces its own successor, and names constants as such.
            warnings.simplefilter("ignore")
            torch.onnx.export(
                network,
                (mels,),
                str(partial),
                dynamo=False,
                opset_version=OPSET,
                input_names=[INPUT_NAME],
                output_names=[OUTPUT_NAME],
                dynamic_axes={INPUT_NAME: {0: "batch"}, OUTPUT_NAME: {0: "batch"}},
            )
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
        network.train(was_training)
