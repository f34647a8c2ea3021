"""What tests of apply_bitmask share: the backends, packed words, and what torch makes of them."""

import numpy as np
import torch

BACKENDS = ("reference", "cpu", "auto")


def floats(bits):
    return np.array(bits, np.uint32).view(np.float32)


def bits_of(values):
    return np.ascontiguousarray(values).view(np.uint32).tolist()


def pack(allowed):
    """Words of a boolean array, (..., vocabulary), by numpy's own bit packing; the bits past the end are set."""
    allowed = np.asarray(allowed, bool)
    width = -(-allowed.shape[-1] // 32)
    padding = [(0, 0)] * (allowed.ndim - 1) + [(0, width * 32 - allowed.shape[-1])]
    padded = np.pad(allowed, padding, constant_values=True)
    return np.packbits(padded, axis=-1, bitorder="little").view("<i4").astype(np.int32)


def masked_by_torch(logits, bitmask):
    """What torch makes of it, with the words unpacked by numpy."""
    words = np.broadcast_to(np.atleast_2d(bitmask), (logits.shape[0], np.shape(bitmask)[-1]))
    octets = np.ascontiguousarray(words.astype("<i4")).view(np.uint8)
    allowed = np.unpackbits(octets, axis=-1, bitorder="little")[:, : logits.shape[1]].astype(bool)
    return torch.from_numpy(logits.copy()).masked_fill(torch.from_numpy(~allowed), float("-inf")).numpy()
